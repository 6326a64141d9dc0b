"""How tests import and export through the admin."""

from django.core.files.uploadedfile import SimpleUploadedFile

LIST = "/admin/fleet/vehicle/"


def upload(browser, content, name="vehicles.csv", path=LIST, **choices):
    """Send a file to the dry run; returns its page."""
    file = SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode())
    return browser.post(f"{path}import/", {"import_file": file, "format": "1" if name.endswith("xlsx") else "0", **choices})


def confirm(browser, dry_run, path=LIST):
    """Press "Confirm import" on the page of a dry run."""
    form = dry_run.context["confirm_form"]
    return browser.post(f"{path}process_import/", form.initial, follow=True)


def exported(browser, form, path=LIST):
    """Download all rows: form 0 is CSV, 1 is XLSX."""
    return browser.post(f"{path}export/", {"format": form, "resource": ""})
