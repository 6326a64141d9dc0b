"""The list of alarms, what pages are told of them, taking care of some, and being told elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Company
from alarms import services
from alarms.messages import address_of
from alarms.models import LONGEST_WAIT, AlarmWatch
from alarms.services.care import SNOOZES
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.alarms.listing import read_listing, read_rings, read_watches
from depannini_dashmap.lib.errors import DomainError, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.labels import labelled


class WatchForm(forms.Form):
    """When somebody is told elsewhere."""

    channel = forms.ChoiceField(label=gettext_lazy("by"), choices=AlarmWatch.Channel.choices)
    after_minutes = forms.IntegerField(label=gettext_lazy("after minutes"), min_value=1, max_value=LONGEST_WAIT)
    begins = forms.TimeField(label=gettext_lazy("from"), required=False)
    ends = forms.TimeField(label=gettext_lazy("until"), required=False)


@never_cache
@require_safe
def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show all open alarms, those that ring first; those that ended lately; and who is told elsewhere."""
    now = timezone.now()
    page = {
        "title": _("Alarms"),
        "now": now,
        "listing": read_listing(request.user, now),
        "snoozes": SNOOZES,
        "watches": read_watches(request.user),
        "channels": [(value, label) for value, label in AlarmWatch.Channel.choices if address_of(request.user, value)],
        "longest": LONGEST_WAIT,
    }
    return TemplateResponse(request, "console/alarms.html", {**context, **page})


@never_cache
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """Tell a page how many alarms ring, and which."""
    return JsonResponse(read_rings(request.user, timezone.now()))


@require_POST
def act(request: HttpRequest, step: str) -> HttpResponse:
    """Take one step with alarms: acknowledge, snooze or again."""
    ids = action_pages.chosen_ids(request)
    return _told(request, lambda: _taken(request, step, ids))


def _taken(request: HttpRequest, step: str, ids: list[int]) -> str:
    if step == "acknowledge":
        n = services.acknowledge(actor=request.user, alarm_ids=ids)
        return ngettext("You take care of %(n)d alarm.", "You take care of %(n)d alarms.", n) % {"n": n}
    if step == "again":
        n = services.take_up_again(actor=request.user, alarm_ids=ids)
        return ngettext("%(n)d alarm rings again.", "%(n)d alarms ring again.", n) % {"n": n}
    if step != "snooze":
        raise Http404
    given = request.POST.get("minutes", "")
    minutes = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
    n = services.snooze(actor=request.user, alarm_ids=ids, minutes=minutes)
    words = ngettext("%(n)d alarm is quiet for %(minutes)d minutes.", "%(n)d alarms are quiet for %(minutes)d minutes.", n)
    return words % {"n": n, "minutes": minutes}


@require_POST
def watch(request: HttpRequest) -> HttpResponse:
    """Have oneself told elsewhere of a company's alarms or of the roadside's, or no more."""
    company = _company(request)

    def change() -> str:
        if request.POST.get("stop"):
            services.stop_watch(actor=request.user, company=company)
            return _("You are told nowhere else any more.")
        return _set_watch(request, company)

    return _told(request, change)


def _told(request: HttpRequest, change: Callable[[], str]) -> HttpResponse:
    """Make a change and say so on the list of alarms, or why not. Raises: Http404, PermissionDenied."""
    try:
        messages.success(request, change())
    except NotFound as error:
        raise Http404 from error
    except Forbidden as error:
        raise PermissionDenied from error
    except DomainError as error:
        messages.error(request, error.for_page())
    return redirect("admin:alarms")


def _set_watch(request: HttpRequest, company: Company | None) -> str:
    form = WatchForm(request.POST)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise InvalidData(labelled(form.fields[name].label, errors[0]))
    services.set_watch(actor=request.user, company=company, language=get_language() or "en", **form.cleaned_data)
    return _("You will be told of alarms that nobody takes care of.")


def _company(request: HttpRequest) -> Company | None:
    """Return the company that a form names, None for the roadside. Raises: Http404."""
    given = request.POST.get("of", "")
    if given == "roadside":
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Http404
    company = Company.objects.visible_to(request.user).filter(pk=int(given)).first()
    if company is None:
        raise Http404
    return company
