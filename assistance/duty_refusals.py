"""Why a tap of an assistant came to nothing, in words: what became of the job meanwhile, by whom and when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _

from assistance import lifecycle
from assistance.models import Assistance, Offer
from depannini_dashmap.lib.errors import Conflict, DomainError, NotFound

if TYPE_CHECKING:
    from accounts.models import User

Reason = Assistance.Reason


def in_words(error: DomainError, user: User, assistance_id: int) -> str:
    """Return why something was refused: what happened to the request, where that is the cause, else the error's own words."""
    if isinstance(error, Conflict | NotFound) and assistance_id:
        job = Assistance.objects.filter(pk=assistance_id).only("status", "reason", "ended_at", "accepted_at", "assistant_id").first()
        mine = Offer.objects.filter(assistance_id=assistance_id, assistant_id=user.pk).order_by("-id").first()
        if job is not None and (mine is not None or job.assistant_id == user.pk):
            return _what_happened(job, mine, user.pk) or error.for_page()
    return error.for_page()


def _what_happened(job: Assistance, mine: Offer | None, user_id: int) -> str:
    """Return what became of a request that the user was asked about or on; nothing where it is theirs and open."""
    if job.status == lifecycle.COMPLETED:
        told = _("Already completed at %(time)s.") if job.assistant_id == user_id else _("Another assistant completed it at %(time)s.")
        return _at(told, job.ended_at)
    if job.status == lifecycle.CANCELED:
        return _at(_cancellations().get(job.reason, _("Already cancelled at %(time)s.")), job.ended_at)
    if job.assistant_id == user_id:
        return ""
    if mine is not None and (told := _taken_back(mine.reason)):
        return _at(told, mine.closed_at)
    if job.assistant_id is not None:
        return _at(_("Another assistant took it at %(time)s."), job.accepted_at)
    return _at(_("This offer ended at %(time)s."), mine.closed_at) if mine is not None and mine.closed_at else ""


def _cancellations() -> dict[str, str]:
    return {
        Reason.CLIENT: _("Already cancelled by the customer at %(time)s."),
        Reason.STAFF: _("Already cancelled by the office at %(time)s."),
        Reason.ASSISTANT: _("Already cancelled by the assistant at %(time)s."),
        Reason.UNANSWERED: _("Nobody took it in time: it ended at %(time)s."),
    }


def _taken_back(reason: str) -> str:
    return {
        Offer.Reason.RECALLED: _("The office took the job back at %(time)s."),
        Offer.Reason.STALLED: _("The customer took the job back at %(time)s."),
        Offer.Reason.RELEASED: _("You gave the job back at %(time)s."),
    }.get(Offer.Reason(reason), "")


def _at(sentence: str, moment: datetime | None) -> str:
    """Put the time into a sentence, with the day where that is not today."""
    here = localtime(moment)
    return sentence % {"time": f"{here:%H:%M}" if here.date() == localdate() else f"{here:%Y-%m-%d %H:%M}"}
