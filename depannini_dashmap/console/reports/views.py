"""The report of a month, as a page and as a workbook."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from depannini_dashmap.console.reports.month_queries import Month, read_month
from depannini_dashmap.console.reports.tables import ReportTable, charts_of, tables_of
from depannini_dashmap.lib.time_zone import display_zone

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_SHOWN = 100
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@require_safe
def show_month(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show a month, this one unless `?month=2026-11` names another; `&as=xlsx` gives it as a workbook."""
    user: Any = request.user
    if not user.works_here:
        raise PermissionDenied
    month = _month(request.GET.get("month", ""))
    found, names = read_month(user, month)
    tables = tables_of(found, names, is_roadside=user.is_roadside, currency=settings.CURRENCY)
    name = date_format(month.first, "F Y")
    if request.GET.get("as") == "xlsx":
        return _workbook(month, name, tables)
    page = {
        "title": _("Report of %(month)s") % {"month": name},
        "month": month,
        "next_month": month.next if month.next.first <= timezone.localdate(timezone=display_zone()) else None,
        "jobs": found.total_jobs if user.is_roadside else None,
        "orders": found.total_orders,
        "trips": found.total_trips,
        "charts": charts_of(found, is_roadside=user.is_roadside),
        "tables": [{"table": one, "rows": one.rows[:ROWS_SHOWN], "left_out": max(len(one.rows) - ROWS_SHOWN, 0)} for one in tables],
        "currency": settings.CURRENCY,
    }
    return TemplateResponse(request, "console/report.html", {**context, **page})


def _workbook(month: Month, name: str, tables: list[ReportTable]) -> HttpResponse:
    from depannini_dashmap.lib.sheets.workbook_exports import tables_as_workbook

    sheets = [(table.title, table.head, table.rows) for table in tables]
    file = tables_as_workbook(sheets, title=name)
    return FileResponse(file, as_attachment=True, filename=f"report-{month}.xlsx", content_type=XLSX)  # type: ignore[return-value]


def _month(text: str) -> Month:
    """Read a month; what names none is the present one."""
    if found := _MONTH.fullmatch(text):
        return Month(int(found[1]), int(found[2]))
    today = timezone.localdate(timezone=display_zone())
    return Month(today.year, today.month)
