"""The tables of a month's report, for the page and the workbook alike: headings and plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from assistance.models import Assistance
from depannini_dashmap.console.board.charts import Chart, chart
from depannini_dashmap.console.reports.figures import Figures, Sums


@dataclass(frozen=True)
class ReportTable:
    """A titled table; numbers are numbers, so that a spreadsheet reckons with them."""

    key: str
    title: str
    head: list[str]
    rows: list[list[Any]]


Column = tuple[str, Callable[[Sums], Any]]


def tables_of(found: Figures, names: Mapping[int, str], *, is_roadside: bool, currency: str) -> list[ReportTable]:
    """Return the tables of a month: by assistant, vehicle and customer, why jobs were cancelled, and day by day."""
    jobs = _job_columns(currency)
    orders = _order_columns(currency)
    tables = []
    if is_roadside:
        by_assistant = [(names.get(pk, f"#{pk}"), sums) for pk, sums in found.by_assistant.items()]
        tables.append(_table("assistants", _("By assistant"), _("Assistant"), by_assistant, jobs, lambda sums: sums.completed))
        reasons = dict(Assistance.Reason.choices)
        counts = sorted(found.by_reason.items(), key=lambda one: -one[1])
        rows = [[str(reasons.get(reason, _("None"))), count] for reason, count in counts]
        tables.append(ReportTable("reasons", _("Cancelled, by who ended it"), [_("Reason"), _("Jobs")], rows))
        clients = [(key[1] if key[0] == "billed" else names.get(key[1], f"#{key[1]}"), sums) for key, sums in found.by_customer.items() if key[0] != "order"]
        tables.append(_table("payers", _("Jobs by who pays"), _("Customer"), clients, jobs, lambda sums: sums.worth))
    vehicles = [(plate, sums) for (plate, _pk), sums in found.by_vehicle.items()]
    tables.append(_table("vehicles", _("By vehicle"), _("Vehicle"), vehicles, _trip_columns(), lambda sums: sums.km))
    customers = [(str(key[2]), sums) for key, sums in found.by_customer.items() if key[0] == "order"]
    tables.append(_table("customers", _("Orders by customer"), _("Customer"), customers, orders, lambda sums: sums.orders))
    return [*tables, _by_day(found, is_roadside=is_roadside)]


def charts_of(found: Figures, *, is_roadside: bool) -> list[Chart]:
    """Draw jobs and orders by day, and why jobs were cancelled."""
    days = [(date_format(day, "j"), sums) for day, sums in found.by_day.items()]
    drawn = [chart("orders-days", _("Orders by day"), _("Day"), _("Orders"), [(day, sums.orders) for day, sums in days], every=5)]
    if is_roadside:
        drawn.insert(0, chart("jobs-days", _("Jobs by day"), _("Day"), _("Jobs"), [(day, sums.jobs) for day, sums in days], every=5))
        reasons = [(str(label), found.by_reason.get(value, 0)) for value, label in Assistance.Reason.choices]
        drawn.append(chart("reasons", _("Cancelled, by who ended it"), _("Reason"), _("Jobs"), reasons))
    return drawn


def _by_day(found: Figures, *, is_roadside: bool) -> ReportTable:
    columns: list[Column] = [(_("Orders"), lambda sums: sums.orders), (_("Delivered"), lambda sums: sums.delivered), (_("Trips"), lambda sums: sums.trips)]
    if is_roadside:
        columns = [
            (_("Jobs"), lambda sums: sums.jobs), (_("Completed"), lambda sums: sums.completed), (pgettext("a request", "Cancelled"), lambda sums: sums.canceled), *columns,
        ]  # fmt: skip
    head = [_("Day"), *(name for name, _value in columns)]
    return ReportTable("days", _("By day"), head, [[day, *(value(sums) for _name, value in columns)] for day, sums in found.by_day.items()])


def _table(
    key: str, title: str, first: str, groups: list[tuple[str, Sums]], columns: list[Column], order: Callable[[Sums], Any]
) -> ReportTable:
    ranked = sorted(groups, key=lambda one: (-order(one[1]), one[0]))
    rows = [[name, *(value(sums) for _heading, value in columns)] for name, sums in ranked]
    return ReportTable(key, title, [first, *(heading for heading, _value in columns)], rows)


def _job_columns(currency: str) -> list[Column]:
    return [
        (_("Jobs"), lambda sums: sums.jobs),
        (_("Completed"), lambda sums: sums.completed),
        (pgettext("a request", "Cancelled"), lambda sums: sums.canceled),
        (_("km"), lambda sums: round(sums.km, 1)),
        (_("km by road"), lambda sums: round(sums.road_km, 1)),
        (_("km in straight lines"), lambda sums: round(sums.straight_km, 1)),
        (_("Hours"), lambda sums: round(sums.hours, 1)),
        (_("Answered after (min)"), lambda sums: _rounded(sums.answer_min)),
        (_("There after (min)"), lambda sums: _rounded(sums.wait_min)),
        (_("Price (%(currency)s)") % {"currency": currency}, lambda sums: sums.worth),
        (_("Paid (%(currency)s)") % {"currency": currency}, lambda sums: sums.paid),
    ]


def _order_columns(currency: str) -> list[Column]:
    return [
        (_("Orders"), lambda sums: sums.orders),
        (_("Delivered"), lambda sums: sums.delivered),
        (_("Cancelled"), lambda sums: sums.cancelled),
        (_("Price (%(currency)s)") % {"currency": currency}, lambda sums: sums.worth),
        (_("Paid (%(currency)s)") % {"currency": currency}, lambda sums: sums.paid),
    ]


def _trip_columns() -> list[Column]:
    return [
        (_("Trips"), lambda sums: sums.trips),
        (_("Stops"), lambda sums: sums.stops),
        (_("km"), lambda sums: round(sums.km, 1)),
        (_("km recorded"), lambda sums: round(sums.recorded_km, 1)),
        (_("km by road"), lambda sums: round(sums.road_km, 1)),
        (_("km in straight lines"), lambda sums: round(sums.straight_km, 1)),
        (_("Hours"), lambda sums: round(sums.hours, 1)),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
