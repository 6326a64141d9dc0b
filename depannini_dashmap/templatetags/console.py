"""What the console's templates need and Django's tags do not have."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext

from depannini_dashmap.console.list_actions import status_badge
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.numbers import written
from depannini_dashmap.lib.roads.map_background import attributes as background_attributes
from orders.models import Order
from trips.models import Trip

register = template.Library()


@register.simple_tag
def badge(row: Any) -> str:
    """Show the status of a row as a word on its colour."""
    return status_badge(row)


@register.simple_tag
def tr(text: Any) -> str:
    """Translate a reason that a row of the history holds in English."""
    return gettext(str(text)) if text else ""


@register.simple_tag
def history_value(record: Any, field: Any, value: Any) -> str:
    """Return a former value of a row: the label of a choice, yes or no, else the value as it is."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool) or str(value) in ("True", "False"):
        return gettext("yes") if str(value) == "True" else gettext("no")
    columns = {str(one.verbose_name).lower(): one for one in record._meta.get_fields() if hasattr(one, "verbose_name")}
    column = columns.get(str(field).lower())
    labels = dict(getattr(column, "flatchoices", None) or ())
    return str(labels.get(value, value))


@register.simple_tag
def age(since: dt.datetime | None, now: dt.datetime) -> str:
    """Return in one unit how long ago something was."""
    if since is None:
        return "–"
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        hours = minutes // 60
        return ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@register.simple_tag
def ago(since: dt.datetime, now: dt.datetime) -> str:
    """Return how long ago something was, to the second in the first two minutes."""
    seconds = max(0, int((now - since).total_seconds()))
    return ngettext("%(n)d s ago", "%(n)d s ago", seconds) % {"n": seconds} if seconds < 120 else gettext("%(age)s ago") % {"age": age(since, now)}


@register.simple_tag
def about(moment: dt.datetime) -> str:
    """Return an estimated instant: its time, with the day where that is not today."""
    here = timezone.localtime(moment)
    pattern = "H:i" if here.date() == timezone.localdate() else "j N H:i"
    return gettext("about %(time)s") % {"time": date_format(here, pattern)}


@register.simple_tag
def clock_span(begin: dt.datetime, end: dt.datetime | None) -> str:
    """Write from when until when: one time where there is no end yet, or where both are written alike."""
    return format_html('<bdi dir="ltr">{}</bdi>', "–".join(_clock_times(begin, end)))


@register.simple_tag
def expected(earliest: dt.datetime, latest: dt.datetime) -> str:
    """Say between when and when somebody is expected; about when, where both ends are written alike."""
    times = [format_html('<strong><bdi dir="ltr">{}</bdi></strong>', time) for time in _clock_times(earliest, latest)]
    sentence = gettext("Expected between {earliest} and {latest}") if len(times) > 1 else gettext("Expected about {earliest}")
    return format_html(sentence, earliest=times[0], latest=times[-1])


def _clock_times(begin: dt.datetime, end: dt.datetime | None) -> list[str]:
    """Return what is written of a span of time: the two ends, or the one."""
    return list(dict.fromkeys(date_format(timezone.template_localtime(one), "H:i") for one in (begin, end) if one is not None))


@register.simple_tag
def trip_of(order: Order) -> Trip | None:
    """Find the trip that holds an order."""
    return Trip.objects.filter(trip_orders__order=order, trip_orders__is_live=True).first() if order.is_in_trip else None


@register.filter
def unlocal(value: Any) -> str:
    """Write a number as programs do, in any language of the page."""
    return str(value)


@register.filter
def tel(phone: str) -> str:
    """Keep what a `tel:` link may hold."""
    return re.sub(r"[^0-9+]", "", phone or "")


@register.simple_tag
def reasons(candidate: Any) -> str:
    """Return the obstacles of a candidate, in the language of the page."""
    if not candidate.reasons:
        return format_html('<span class="badge is-completed">{}</span>', gettext("fits"))
    return format_html("{}", listed(str(obstacle.label) for obstacle in candidate.reasons))


@register.filter
def figure(value: Any) -> str:
    """Write a number of a table: amounts with two decimals, other measures with one, counts with none."""
    return written(value, 2 if isinstance(value, Decimal) else 1 if isinstance(value, float) else 0)


@register.filter(name="listed")
def as_list(parts: Iterable[object]) -> str:
    """Return parts with the comma of the page's language between them."""
    return listed(parts)


@register.simple_tag
def map_background() -> str:
    """Write what a map's box says to static/console/background.js."""
    return format_html_join(" ", '{}="{}"', background_attributes().items())
