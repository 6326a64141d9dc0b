"""tablib's format of workbooks without openpyxl, until somebody reads or writes one."""

from typing import Any

from tablib.formats import registry


class _WorkbookFormat:
    """What pages that offer XLSX ask for; all else is tablib's own, loaded where it is first used."""

    title = "xlsx"
    extensions = ("xlsx",)

    def __getattr__(self, name: str) -> Any:
        from tablib.formats._xlsx import XLSXFormat

        return getattr(XLSXFormat, name)


def spare_openpyxl() -> None:
    """Let import_export find out that there is such a format without loading it; call it before its admin is imported."""
    registry.register("xlsx", _WorkbookFormat())
