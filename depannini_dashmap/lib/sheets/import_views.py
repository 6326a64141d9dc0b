"""The import pages of an admin: upload, columns, preview, progress, result, corrections. The work is done in `imports`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import tablib
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from import_export.results import Result, RowResult

from depannini_dashmap.lib.api.constraint_errors import waited_too_long
from depannini_dashmap.lib.api.exception_handler import from_database
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets import forms, heading_choices, imports, reports, tasks
from depannini_dashmap.lib.sheets.csv_files import look_over_csv
from depannini_dashmap.lib.sheets.limits import MAX_ROWS, TooMuch, Unreadable, is_large
from depannini_dashmap.lib.sheets.other_files import refuse_other_kinds
from depannini_dashmap.lib.sheets.resources import LINE, RowResource
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.sheets.tables import Table

WAIT_FOR_OTHERS = 1.0  # seconds
# One sheet is read at a time in each process: the other threads answer everybody else meanwhile.
_reading = threading.BoundedSemaphore(1)


class ImportViews:
    """Mixed into an admin whose `resource_classes` say what a row is."""

    confirm_form_class = forms.SheetConfirmForm
    import_template_name = "console/import.html"
    off_map_page = ""  # name of the page on which places without coordinates are located
    resource_classes: list[type[RowResource]]
    opts: Any
    admin_site: Any

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Users who may add rows may import them."""
        return self.has_add_permission(request)  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        views = [
            ("import/<uuid:sheet_id>/", self.show_import, "import_sheet"),
            ("import/<uuid:sheet_id>/columns/", self.choose_columns, "import_columns"),
            ("import/<uuid:sheet_id>/mend/", self.mend_rows, "import_mend"),
            ("import/<uuid:sheet_id>/cancel/", self.cancel_import, "import_cancel"),
            ("import/refused/<uuid:sheet_id>.csv", self.refused_rows, "refused_rows"),
        ]
        return [
            *(path(route, self.admin_site.admin_view(view), name=f"{name}_{end}") for route, view, end in views),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_import_form_class(self, request: HttpRequest) -> type[forms.SheetForm]:
        return forms.SheetRepeatForm if self.resource_classes[0].may_repeat else forms.SheetForm

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return which columns a file must have and how much it may hold."""
        resource = self.resource_classes[0]
        required = [resource.label(name) for name in resource.required]
        return {**super().get_import_context_data(**kwargs), "required_columns": required, "most_rows": MAX_ROWS}  # type: ignore[misc]

    # --- upload ---
    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form; take a file, and show what it would do."""
        self._require_import(request)
        if request.method != "POST":
            return self._page(request, form=self.create_import_form(request))  # type: ignore[attr-defined]
        return self._one_at_a_time(request, self._upload)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        form = self.create_import_form(request)  # type: ignore[attr-defined]
        if not form.is_valid():
            return self._page(request, form=form)
        file = form.cleaned_data["import_file"]
        content = file.read()
        try:
            large = self._looked_over(content, file.name)
        except SheetError as error:
            form.add_error("import_file", str(error))
            return self._page(request, form=form)
        sheet = imports.rows().model(
            user=request.user, kind=self.opts.label_lower, file_name=imports.stored(file.name)[:255], is_large=large,
            as_new=bool(form.cleaned_data.get("as_new")), language=get_language() or "en", state="checking" if large else "open",
        )  # fmt: skip
        if large:
            with transaction.atomic():
                imports.keep(sheet, content)
                tasks.queue(sheet)
            return HttpResponseRedirect(self._url("import_sheet", sheet.pk))
        return self._preview(request, sheet, form=form, content=content)

    def _looked_over(self, content: bytes, name: str) -> bool:
        """Return whether a file is for a task; a file over the limits is refused at once. Raises: SheetError."""
        refuse_other_kinds(content, name)
        try:
            large = is_large(content)
        except (TooMuch, Unreadable):
            return False  # reading it says so
        if large and not content.startswith(b"PK"):
            look_over_csv(content, self.resource_classes[0].known_headings())
        return large

    # --- preview ---
    def show_import(self, request: HttpRequest, sheet_id: UUID) -> HttpResponse:
        """Show a sheet: how far it is, what it would do or what became of it."""
        sheet = self._sheet(request, sheet_id)
        if sheet.state == "open" and not sheet.is_large:
            return self._one_at_a_time(request, lambda request: self._preview(request, sheet))
        context: dict[str, Any] = {"sheet": sheet, "refused_url": self._url("refused_rows", sheet.pk) if sheet.refused else ""}
        if sheet.is_running:
            return self._page(request, **context)
        context |= reports.of_large(sheet, self.resource_classes[0])
        if sheet.state == "open" and sheet.taken:
            context["confirm_form"] = self._confirm_form(sheet)
        context["mending"] = reports.mending(sheet, self.resource_classes[0])
        return self._page(request, **context)

    def _preview(self, request: HttpRequest, sheet: Any, form: Any = None, content: bytes | None = None) -> HttpResponse:
        """Show what a small sheet would do; it is kept from here on, unless it cannot be read."""
        resource = self.resource_classes[0]
        form = form or self.create_import_form(request)  # type: ignore[attr-defined]
        context: dict[str, Any] = {"form": form}
        try:
            table = imports.read(sheet, content)
            table.rows  # noqa: B018 - each is read, or the sheet refused
        except SheetError as error:
            return self._refuse(request, sheet, form, str(error))
        try:
            resource().check_columns(table.columns)
        except SheetError as error:
            self._keep(sheet, content, table, refused=0)
            if form.is_bound:
                form.add_error("import_file", str(error))
            context |= {"sheet": sheet, "table": reports.columns_shown(imports.about_columns(table), resource), "error": str(error)}
            return self._page(request, **context, **self._mapping(sheet, table))
        result = self._result(request, sheet, table, is_dry_run=True)
        self._keep(sheet, content, table, refused=len(reports.bad_rows(result)))
        self._keep_refusals(sheet, result)
        context |= {"sheet": sheet, "result": result, **reports.report(result, resource), **self._mapping(sheet, table)}
        context["refused_url"] = self._url("refused_rows", sheet.pk) if sheet.refused else ""
        context["mending"] = reports.mending(sheet, resource)
        if context["good_count"] or not sheet.refused:
            context["confirm_form"] = self._confirm_form(sheet)
        return self._page(request, **context)

    def _keep(self, sheet: Any, content: bytes | None, table: Table, *, refused: int) -> None:
        sheet.total, sheet.refused, sheet.report = len(table.lines), refused, imports.about_columns(table)
        if content is not None:
            imports.keep(sheet, content)
            return
        kept = {"total": sheet.total, "refused": sheet.refused, "report": sheet.report}
        imports.rows().filter(pk=sheet.pk, state="open").update(**kept)

    def _mapping(self, sheet: Any, table: Table) -> dict[str, Any]:
        return {"choices": imports.choices(sheet, table), "offered": heading_choices.offered(self.resource_classes[0])}

    def _refuse(self, request: HttpRequest, sheet: Any, form: Any, sentence: str) -> HttpResponse:
        if not form.is_bound:
            messages.error(request, sentence)
            return HttpResponseRedirect(self._url("import"))
        form.add_error("import_file", sentence)
        return self._page(request, form=form)

    def choose_columns(self, request: HttpRequest, sheet_id: UUID) -> HttpResponse:
        """Take what the columns of a sheet are to become, and remember it for the company."""
        sheet = self._sheet(request, sheet_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            chosen = forms.chosen_columns(request.POST, self.resource_classes[0])
        except SheetError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._url("import_sheet", sheet.pk))
        with transaction.atomic():
            if imports.start_over(sheet, columns=chosen):
                heading_choices.remember(sheet.user.current_company_id, sheet.kind, chosen)
                if sheet.is_large:
                    tasks.queue(sheet)
        return HttpResponseRedirect(self._url("import_sheet", sheet.pk))

    def mend_rows(self, request: HttpRequest, sheet_id: UUID) -> HttpResponse:
        """Take corrected cells of refused rows, and show a preview of these rows."""
        sheet = self._sheet(request, sheet_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        shown = imports.refusals().filter(sheet=sheet)[: forms.MOST_MENDED]
        cells = forms.mended_cells(request.POST, shown, self.resource_classes[0])
        if not cells:
            messages.warning(request, _("Nothing was changed."))
        else:
            with transaction.atomic():
                if imports.mend(sheet, cells) and sheet.is_large:
                    tasks.queue(sheet)
        return HttpResponseRedirect(self._url("import_sheet", sheet.pk))

    def cancel_import(self, request: HttpRequest, sheet_id: UUID) -> HttpResponse:
        """End a check or an import that is under way."""
        sheet = self._sheet(request, sheet_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not imports.cancel(sheet):
            messages.warning(request, _("It had come to its end already."))
        return HttpResponseRedirect(self._url("import_sheet", sheet.pk))

    def refused_rows(self, request: HttpRequest, sheet_id: UUID) -> HttpResponse:
        """Return the rows that an import of this user left out, as a sheet."""
        sheet = self._sheet(request, sheet_id)
        answer = HttpResponse(reports.refused_sheet(sheet), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}-refused.csv"'
        return answer

    # --- import ---
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import what was shown. One confirmation of a sheet wins, however many are sent at once."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._require_import(request)
        try:
            sheet = self._sheet(request, UUID(request.POST.get("import_file_name", "")))
        except (ValueError, Http404):
            return self._gone(request)
        if not sheet.is_large:
            return self._one_at_a_time(request, lambda request: self._import_at_once(request, sheet))
        with transaction.atomic():
            if not imports.claim(sheet):
                return self._gone(request)
            tasks.queue(sheet)
        return HttpResponseRedirect(self._url("import_sheet", sheet.pk))

    def _import_at_once(self, request: HttpRequest, sheet: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                if not imports.claim(sheet):
                    return self._gone(request)
                result = self._result(request, sheet, imports.read(sheet), is_dry_run=False)
                bad = reports.bad_rows(result)
                if len(bad) == len(result.rows):
                    transaction.set_rollback(True)
                else:
                    self._finish(request, sheet, result)
        except SheetError as error:
            return self._back(request, str(error))
        except IntegrityError as error:
            return self._back(request, from_database(error).for_page(), _("Nothing was imported: somebody else wrote the same rows. Try again."))
        except OperationalError as error:
            if not waited_too_long(error):
                raise
            return self._back(request, _("Nothing was imported: somebody else wrote the same rows. Try again."))
        if len(bad) == len(result.rows):
            places = listed(row.line.place() for row in bad[:10]) or "1"
            return self._back(request, _("Nothing was imported: look at %(rows)s.") % {"rows": places})
        return self._imported(request, sheet, result, bad)

    def _finish(self, request: HttpRequest, sheet: Any, result: Result) -> None:
        totals = result.totals
        sheet.new, sheet.updated = totals[RowResult.IMPORT_TYPE_NEW], totals[RowResult.IMPORT_TYPE_UPDATE]
        sheet.skipped, sheet.refused = totals[RowResult.IMPORT_TYPE_SKIP], len(reports.bad_rows(result))
        sheet.off_map = sum(row.is_off_map for row in result.rows if row.import_type in (imports.NEW, imports.UPDATE))
        sheet.state, sheet.done, sheet.total = "done", len(result.rows), len(result.rows)
        sheet.save(update_fields=["new", "updated", "skipped", "refused", "off_map", "state", "done", "total"])
        self._keep_refusals(sheet, result)
        self.generate_log_entries(result, request)  # type: ignore[attr-defined]

    def _imported(self, request: HttpRequest, sheet: Any, result: Result, bad: list[RowResult]) -> HttpResponse:
        self.add_success_message(result, request)  # type: ignore[attr-defined]
        if sheet.off_map:
            sentence = ngettext("%(count)d of them is not on the map.", "%(count)d of them are not on the map.", sheet.off_map)
            link = format_html('{} <a href="{}">{}</a>', sentence % {"count": sheet.off_map}, self._off_map_url(), _("Locate them"))
            messages.warning(request, link)
        if not bad:
            return HttpResponseRedirect(self._url("changelist"))
        places = listed(row.line.place() for row in bad[:10])
        sentence = ngettext("%(count)d row was not imported: %(rows)s.", "%(count)d rows were not imported: %(rows)s.", len(bad))
        messages.warning(request, sentence % {"count": len(bad), "rows": places})
        return HttpResponseRedirect(self._url("import_sheet", sheet.pk))

    def _result(self, request: HttpRequest, sheet: Any, table: Table, *, is_dry_run: bool) -> Result:
        data = tablib.Dataset(*[[row] for row in table.rows], headers=[LINE])
        data.table = table
        resource = self.resource_classes[0](as_new=sheet.as_new)
        return resource.import_data(
            data, dry_run=is_dry_run, raise_errors=False, user=request.user, use_transactions=True, rollback_on_validation_errors=False
        )

    def _keep_refusals(self, sheet: Any, result: Result) -> None:
        kept = [imports.refusal(row) for row in reports.bad_rows(result)]
        for row in kept:
            row.sheet = sheet
        imports.refusals().filter(sheet=sheet).delete()
        imports.refusals().bulk_create(kept)

    # --- shared parts ---
    def _require_import(self, request: HttpRequest) -> None:
        if not self.has_import_permission(request):
            raise PermissionDenied

    def _sheet(self, request: HttpRequest, sheet_id: UUID) -> Any:
        """Return a sheet of the caller's own."""
        self._require_import(request)
        sheet = imports.rows().filter(pk=sheet_id, user=request.user, kind=self.opts.label_lower).first()
        if sheet is None:
            raise Http404
        sheet.user = request.user
        return sheet

    def _url(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def _off_map_url(self) -> str:
        return reverse(self.off_map_page) if self.off_map_page else self._url("changelist")

    def _confirm_form(self, sheet: Any) -> forms.SheetConfirmForm:
        return forms.SheetConfirmForm(
            initial={"import_file_name": str(sheet.pk), "original_file_name": sheet.file_name, "format": "0", "resource": "", "as_new": sheet.as_new}
        )

    def _page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        form: Any = context.setdefault("form", self.create_import_form(request))  # type: ignore[attr-defined]
        if sheet := context.get("sheet"):
            context |= {"columns_url": self._url("import_columns", sheet.pk), "mend_url": self._url("import_mend", sheet.pk)}
        page = {
            **self.get_import_context_data(), **self.admin_site.each_context(request), "title": _("Import"), "opts": self.opts,
            "media": form.media, "off_map_url": self._off_map_url(), **context,
        }  # fmt: skip
        request.current_app = self.admin_site.name
        return TemplateResponse(request, [self.import_template_name], page)

    def _one_at_a_time(self, request: HttpRequest, act: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        if not _reading.acquire(timeout=WAIT_FOR_OTHERS):
            return self._back(request, _("Another file is being imported: try again in a moment."))
        try:
            answer = act(request)
            if isinstance(answer, SimpleTemplateResponse):
                answer.render()
            return answer
        finally:
            _reading.release()

    def _gone(self, request: HttpRequest) -> HttpResponse:
        return self._back(request, _("The uploaded file is gone or was confirmed already: look at the list, or upload it once more."))

    def _back(self, request: HttpRequest, *sentences: str) -> HttpResponse:
        for sentence in sentences:
            messages.error(request, sentence)
        return HttpResponseRedirect(self._url("import"))
