"""Additions to the lists of models on the dispatchers' site: actions that lead to the pages of work, and badges for statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ModelAdmin, display
from django.db.models import DecimalField, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from depannini_dashmap.console.action_pages import MOST_CHOSEN
from depannini_dashmap.lib.numbers import written

Action = Callable[[ModelAdmin, HttpRequest, QuerySet], HttpResponseRedirect]


def _leading_to(name: str, label: Promise, view: str, permission: str, *args: str) -> Action:
    """Make an action that carries the chosen ids to a page which asks before it acts."""

    def action(model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet) -> HttpResponseRedirect:
        ids = ",".join(str(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)[:MOST_CHOSEN])
        return HttpResponseRedirect(f"{reverse(f'admin:{view}', args=args)}?ids={ids}")

    action.__name__ = name
    action.short_description = label  # type: ignore[attr-defined]
    action.allowed_permissions = (permission,)  # type: ignore[attr-defined]
    return action


ACTIONS: dict[str, list[Action]] = {
    "orders.order": [
        _leading_to("into_trip", gettext_lazy("Put into a trip …"), "dispatch_into_trip", "change"),
        _leading_to("cancel_orders", gettext_lazy("Cancel …"), "dispatch_cancel_orders", "change"),
    ],
    "trips.trip": [
        _leading_to("trip_plan", gettext_lazy("Mark as planned …"), "dispatch_step", "change", "plan"),
        _leading_to("trip_notify", gettext_lazy("Notify driver …"), "dispatch_step", "change", "notify"),
        _leading_to("trip_start", gettext_lazy("Start …"), "dispatch_step", "change", "start"),
        _leading_to("trip_complete", gettext_lazy("Complete …"), "dispatch_step", "change", "complete"),
        _leading_to("trip_cancel", gettext_lazy("Cancel …"), "dispatch_step", "change", "cancel"),
    ],
    "fleet.vehicle": [_leading_to("restore", gettext_lazy("Bring back into the fleet …"), "dispatch_restore", "change")],
    "assistance.assistance": [
        _leading_to("cancel_chosen", gettext_lazy("Cancel the chosen requests …"), "dispatch_cancel_chosen", "view")
    ],
    "assistance.assistantprofile": [
        _leading_to("approve", gettext_lazy("Approve …"), "dispatch_assistants", "change", "approve"),
        _leading_to("withdraw", gettext_lazy("Take the approval back …"), "dispatch_assistants", "change", "withdraw"),
    ],
    "accounts.user": [
        _leading_to("resend", gettext_lazy("Send verification codes again …"), "dispatch_people", "change", "resend"),
        _leading_to("activate", gettext_lazy("Switch on …"), "dispatch_people", "change", "activate"),
        _leading_to("deactivate", gettext_lazy("Switch off and end all sessions …"), "dispatch_people", "change", "deactivate"),
        _leading_to("end_sessions", gettext_lazy("End all sessions …"), "dispatch_people", "change", "end-sessions"),
        _leading_to("roadside", gettext_lazy("Let work the roadside side …"), "dispatch_people", "change", "roadside"),
        _leading_to("end_roadside", gettext_lazy("End roadside work …"), "dispatch_people", "change", "end-roadside"),
        _leading_to("close", gettext_lazy("Close for good and erase personal data …"), "dispatch_people", "change", "close"),
    ],
}
BADGES = {"orders.order", "trips.trip", "assistance.assistance"}
DESKS = {"trips.trip": ("name", "dispatch_trip"), "assistance.assistance": ("id", "dispatch_request")}


def attach(model_admin: ModelAdmin) -> None:
    """Add to a registered admin its actions and the badge in place of the plain status."""
    label = model_admin.opts.label_lower
    more = ACTIONS.get(label)
    if more:
        model_admin.actions = [*(model_admin.actions or ()), *more]
    model_admin.list_display = [_written_column(model_admin, name) for name in model_admin.list_display]
    if label in BADGES:
        model_admin.list_display = [status_badge if name == "status" else name for name in model_admin.list_display]
    if label == "accounts.company":
        model_admin.list_display = [*model_admin.list_display, people_link]
    if label in DESKS:
        column = _to_the_desk(model_admin, *DESKS[label])
        model_admin.list_display = [column, *(name for name in model_admin.list_display if name != DESKS[label][0])]
        model_admin.list_display_links = None


def _written_column(model_admin: ModelAdmin, name: Any) -> Any:
    """Have a column of amounts or measures write them as pages do; Django's own leaves out the groups of thousands."""
    fields = {field.name: field for field in model_admin.opts.fields}
    field = fields.get(name) if isinstance(name, str) and not hasattr(model_admin, name) else None
    if not isinstance(field, DecimalField):
        return name

    @display(description=field.verbose_name, ordering=name)
    def column(row: Any) -> str | None:
        value = getattr(row, name)
        return None if value is None else written(value, field.decimal_places)

    column.__name__ = name
    return column


def _to_the_desk(model_admin: ModelAdmin, name: str, view: str) -> Callable[[Any], str]:
    """Make the first column of a list: it leads to the page where the row is worked on, not to its form."""

    @display(description=model_admin.opts.get_field(name).verbose_name, ordering=name)
    def desk_link(row: Any) -> str:
        return format_html('<a href="{}"><bdi>{}</bdi></a>', reverse(f"admin:{view}", args=[row.pk]), getattr(row, name))

    return desk_link


@display(description=gettext_lazy("People"))
def people_link(company: Any) -> str:
    """Lead to the page of who works for a company."""
    words = _("Who works here")
    return format_html('<a href="{}">{}</a>', reverse("admin:company_people", args=[company.pk]), words)


@display(description=gettext_lazy("status"), ordering="status")
def status_badge(row: Any) -> str:
    """Show a status as a word on its colour."""
    return format_html('<span class="badge is-{}">{}</span>', row.status, row.get_status_display())
