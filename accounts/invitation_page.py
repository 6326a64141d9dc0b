"""The page of an invitation's link: what is asked and until when; by the mailed link one joins or declines, the one handed on has it sent.

Only the mailed link proves the mailbox. Whoever has the other one sees the company and half of the address.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth.forms import SetPasswordMixin
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.fields import LONGEST_PASSWORD
from accounts.limits.rates import INVITATION_PAGE_POSTS
from accounts.limits.throttles import caller_address
from accounts.link_pages import find_for, link_page
from accounts.models import Invitation, InvitationLink, User
from accounts.steps.invitation_links import find_link
from depannini_dashmap.lib.errors import DomainError, NotFound, TooManyRequests
from depannini_dashmap.lib.outbound import mail
from depannini_dashmap.lib.text import clean

_SHOWN, _HIDDEN = 2, "•••"


class JoinForm(SetPasswordMixin, forms.Form):
    """The name and the password of a new account."""

    name = forms.CharField(label=_("Your name"), max_length=150)
    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].validators.append(MaxLengthValidator(LONGEST_PASSWORD))

    def clean_name(self) -> str:
        """Return the name without what nobody sees. Raises: ValidationError where nothing is left."""
        if name := clean(self.cleaned_data["name"]):
            return name
        raise forms.ValidationError(_("This field is required."))

    def clean(self) -> dict[str, Any] | None:
        """Compare the two passwords; whether it is a good one is the service's to say."""
        self.validate_passwords("password1", "password2")
        return super().clean()

    def refuse(self, error: DomainError) -> None:
        """Show what a service refuses, at the field that it is about."""
        for name, sentences in (error.fields or {"": [error.for_page()]}).items():
            self.add_error("password1" if name == "password" else None, [str(sentence) for sentence in sentences])


@link_page
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows an invitation in `language`; POST `step`: send (the link to the mailbox), accept (as who is signed in), join (`name`, passwords), decline."""
    link = find_for(request, token, find_link, InvitationLink.objects.all())
    chosen = request.GET.get("language", "")
    language = chosen if chosen in dict(settings.LANGUAGES) else link.language if link.proves_mailbox else get_language()
    with override(language):
        if request.method != "POST":
            return _page(request, link, token, JoinForm())
        INVITATION_PAGE_POSTS.spend(caller_address(request))
        form = JoinForm(request.POST)
        try:
            return _act(request, link, token, form)
        except (NotFound, TooManyRequests):
            raise
        except DomainError as error:
            form.full_clean()
            form.refuse(error)
            return _page(request, find_link(token), token, form, error.status)


def _act(request: HttpRequest, link: InvitationLink, token: str, form: JoinForm) -> HttpResponse:
    step, done = request.POST.get("step", ""), {}
    user = request.user if isinstance(request.user, User) else None
    if step == "send":
        services.send_invitation_link(actor=user, token=token)
        done = {"sent": "1"}
    elif step == "accept" and user is not None:
        services.accept_by_link(actor=user, token=token)
    elif step == "decline" and link.proves_mailbox:
        services.decline_by_link(actor=user, token=token)
    elif step == "join" and link.proves_mailbox:
        if not form.is_valid():
            return _page(request, link, token, form, 400)
        services.join_by_link(actor=None, token=token, name=form.cleaned_data["name"], password=form.cleaned_data["password1"])
    return HttpResponseRedirect(f"{InvitationLink.page_path}{token}/?{urlencode({'language': get_language() or 'en', **done})}", status=303)


def _page(request: HttpRequest, link: InvitationLink, token: str, form: JoinForm, status: int = 200) -> HttpResponse:
    invitation = link.invitation
    page = {
        "link": link,
        "invitation": invitation,
        "ended": _ended(invitation),
        "address": half_hidden(invitation.email) if invitation else "",
        "form": form,
        "is_sent": "sent" in request.GET,
        "reaches_mailboxes": mail.reaches_mailboxes(),
        "page_path": f"{InvitationLink.page_path}{token}/",
        "languages": settings.LANGUAGES,
        **(_who(request, invitation) if invitation and link.proves_mailbox else {}),
    }
    html = render_to_string("accounts/invitation.html", page)
    return HttpResponse(html, status=status, headers={"Content-Language": get_language() or "en"})


def _ended(invitation: Invitation | None) -> str:
    """Return how an invitation ended: an outcome, or `gone` with its company; nothing while it is open."""
    if invitation is None:
        return "gone"
    return invitation.outcome or ("" if invitation.is_open else Invitation.Outcome.EXPIRED)


def _who(request: HttpRequest, invitation: Invitation) -> dict[str, Any]:
    """Say who is signed in, and what the account is, if there is one, that holds the invited address: for its mailbox's owner alone."""
    holder = User.objects.filter(email=invitation.email).first()
    signed_in = request.user if isinstance(request.user, User) else None
    is_dispatcher = holder is not None and holder.is_active and holder.user_type == User.Type.DISPATCHER
    return {
        "signed_in": signed_in,
        "is_own": is_dispatcher and signed_in is not None and holder is not None and holder.pk == signed_in.pk,
        "is_proven": holder is not None and holder.email_verified,
        "is_held": holder is not None,
        "may_sign_in": is_dispatcher,
    }


def half_hidden(address: str) -> str:
    """Return an address of which its owner recognises theirs, and nobody else learns it: `sa•••@ex•••.com`."""
    local, _at, domain = address.rpartition("@")
    first, dot, last = domain.rpartition(".")
    return f"{local[: min(_SHOWN, len(local) - 1)]}{_HIDDEN}@{first[: min(_SHOWN, max(len(first) - 1, 0))]}{_HIDDEN}{dot}{last}"
