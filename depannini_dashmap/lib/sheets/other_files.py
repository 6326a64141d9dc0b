"""Files that are no sheet which can be read here, refused by their own names and with what to do about it."""

from __future__ import annotations

import io
import re
import zipfile

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.sheet_lines import SheetError

_COMPOUND = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARKUP = re.compile(r"<\?xml|<!doctype|<(?:html|head|meta|style|body|table|tr|div)\b|mime-version:", re.IGNORECASE)


def refuse_other_kinds(content: bytes, name: str = "") -> None:
    """Refuse what is neither a workbook of today nor text, and say what to do. Raises: SheetError."""
    if content.startswith(_COMPOUND):
        raise SheetError(_of_compound(content))
    if content.startswith(b"PK"):
        if sentence := _of_archive(content):
            raise SheetError(sentence)
        return
    if name.lower().endswith(".xlsx") and not _is_markup(content):
        raise SheetError(_("The file is not an XLSX workbook."))
    if _is_markup(content):
        raise SheetError(_("This is a web page or XML, whatever its name ends in: open it in the spreadsheet and save it as .xlsx."))
    if content.startswith(b"%PDF"):
        raise SheetError(_("This is a PDF: export the table as .xlsx or CSV."))
    if content.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        raise SheetError(_("This is a packed file: unpack it, and upload the sheet that is in it."))


def _of_compound(content: bytes) -> str:
    if _ENCRYPTED in content:
        return _("The workbook is protected by a password: open it, save a copy without the password and upload that.")
    return _("This is a workbook of the old kind (.xls): save it as .xlsx and try again.")


def _of_archive(content: bytes) -> str:
    """Return what is wrong with what is packed like a workbook, empty where it may be one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist()[:1000])
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        names = set()
    if b"opendocument" in content[:200] or "content.xml" in names:
        return _("This is an OpenDocument sheet (.ods): save it as .xlsx or CSV and try again.")
    if "xl/workbook.bin" in names:
        return _("This is a binary workbook (.xlsb): save it as .xlsx and try again.")
    if any(name.endswith(".iwa") for name in names):
        return _("This is a Numbers document: export it as Excel (.xlsx) or CSV and try again.")
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        return _("This is a text document or slides, not a workbook: put the table into a spreadsheet.")
    if names and not any(name.startswith("xl/") for name in names) and any(name.lower().endswith((".csv", ".xlsx", ".xls", ".txt", ".tsv")) for name in names):
        return _("This is a packed file: unpack it, and upload the sheet that is in it.")
    return ""


def _is_markup(content: bytes) -> bool:
    start = content[:4000]
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return bool(_MARKUP.match(start.decode(encoding, errors="replace").lstrip()))
