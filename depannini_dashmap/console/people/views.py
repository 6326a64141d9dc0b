"""What an operator does to accounts: send codes again, switch on and off, end sessions, close for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.services import close_account, request_own_verification, set_active, set_roadside, sign_out_everywhere
from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.errors import Conflict, Forbidden
from depannini_dashmap.lib.ops import audit


class PeopleStep(NamedTuple):
    """What the page asks, what is then said of each person, and the service."""

    ask: action_pages.Ask
    done: Promise
    act: Callable[[User, User], Any]
    spares_the_mighty: bool = True


def _step(title: Promise, effect: Promise, done: Promise, act: Callable[[User, User], Any]) -> PeopleStep:
    return PeopleStep(action_pages.Ask(title, effect), done, act)


def _resend(actor: User, person: User) -> None:
    has_unproven = any(
        address and not getattr(person, f"{channel}_verified") and not getattr(person, f"{channel}_suspended")
        for channel, address in (("email", person.email), ("phone", person.phone_number))
    )
    if not (has_unproven and person.is_active):
        raise Conflict(_("nothing to verify"), code="nothing_to_verify")
    request_own_verification(actor=actor, user=person)
    audit.record("code_resent", actor=actor, target=person)


STEPS = {
    "resend": _step(
        gettext_lazy("Send verification codes again"),
        gettext_lazy("Each gets a new code at every address that is not proven yet; the newest three codes of an address work."),
        gettext_lazy("code on its way"),
        _resend,
    )._replace(spares_the_mighty=False),
    "activate": _step(
        gettext_lazy("Switch on"),
        gettext_lazy("These people can sign in again."),
        gettext_lazy("switched on"),
        lambda actor, person: set_active(actor=actor, user=person, is_active=True),
    ),
    "deactivate": _step(
        gettext_lazy("Switch off and end all sessions"),
        gettext_lazy("These people are signed out everywhere and cannot sign in until they are switched on again."),
        gettext_lazy("switched off"),
        lambda actor, person: set_active(actor=actor, user=person, is_active=False),
    ),
    "end-sessions": _step(
        gettext_lazy("End all sessions"),
        gettext_lazy("These people are signed out everywhere; they can sign in again."),
        gettext_lazy("signed out"),
        lambda actor, person: sign_out_everywhere(actor=actor, user=person),
    ),
    "roadside": _step(
        gettext_lazy("Let these work the roadside side"),
        gettext_lazy("These dispatchers then see every request, offer and assistant, and may do there what staff may."),
        gettext_lazy("works the roadside side now"),
        lambda actor, person: set_roadside(actor=actor, user=person, is_member=True),
    )._replace(spares_the_mighty=False),
    "end-roadside": _step(
        gettext_lazy("End these people's roadside work"),
        gettext_lazy("These people no longer see requests, offers and assistants; their companies stay as they are."),
        gettext_lazy("no longer works the roadside side"),
        lambda actor, person: set_roadside(actor=actor, user=person, is_member=False),
    )._replace(spares_the_mighty=False),
    "close": _step(
        gettext_lazy("Close for good and erase personal data"),
        gettext_lazy("Names, addresses and phone numbers of these people are erased. This cannot be undone."),
        gettext_lazy("closed and erased"),
        lambda actor, person: close_account(actor=actor, user=person),
    ),
}


@action_pages.READ_AND_POST
@action_pages.for_operators
def take_step(request: HttpRequest, step: str, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then do it to the chosen people; nobody does it to themselves, and only superusers to superusers."""
    if step not in STEPS:
        raise Http404
    wanted = STEPS[step]
    people = User.objects.visible_to(request.user).filter(pk__in=action_pages.chosen_ids(request)).order_by("pk")
    chosen = [
        action_pages.Chosen(person, person.display_name, reverse("admin:accounts_user_change", args=[person.pk])) for person in people
    ]

    def act(person: User, _reason: str) -> str:
        is_mighty = person.pk == request.user.pk or (person.is_superuser and not request.user.is_superuser)
        if is_mighty and wanted.spares_the_mighty:
            raise Forbidden(_("not yours to change"))
        wanted.act(request.user, person)
        return str(wanted.done)

    return action_pages.ask_then_each(request, context, wanted.ask, chosen, act, back=reverse("admin:accounts_user_changelist"))
