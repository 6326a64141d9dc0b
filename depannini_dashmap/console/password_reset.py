"""A forgotten password: an e-mail address, then the code that it got and a new password; the rules are the API's.

Whether there is an account, and whether it may be reset so, is seen by nobody but the owner of the mailbox.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.limits import message_budget
from accounts.managers import normalise_email
from accounts.services import confirm_reset, request_reset
from accounts.steps.addresses import EMAIL
from accounts.viewsets.access import GuessesCounted
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.text import plain_code

TEMPLATE = "console/password_reset.html"


class AskForm(forms.Form):
    """Whose password was forgotten."""

    email = forms.EmailField(label=_("Email address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}))


class CodeForm(SetPasswordMixin, forms.Form):
    """The code out of the mail, and the new password."""

    email = forms.EmailField(max_length=254, widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("Code from the e-mail"), max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "dir": "ltr"}),
    )  # fmt: skip
    new_password1, new_password2 = SetPasswordMixin.create_password_fields(label1=_("New password"), label2=_("New password confirmation"))

    def clean_code(self) -> str:
        """Read digits of any script, with spaces and hyphens."""
        return plain_code(self.cleaned_data["code"])

    def clean(self) -> dict[str, Any] | None:
        """Compare the two passwords; whether it is a good one is asked with the code."""
        self.validate_passwords("new_password1", "new_password2")
        return super().clean()


@never_cache
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    """GET, POST /admin/password_reset/ — anybody: {email} has a code sent, {email, code, new_password1, new_password2} changes it."""
    if request.method == "GET":
        return _page(request, AskForm())
    return _change(request) if "code" in request.POST else _ask(request)


def _ask(request: HttpRequest) -> HttpResponse:
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    email = normalise_email(form.cleaned_data["email"]) or ""
    try:
        message_budget.require_room()
        request_reset(actor=None, channel=EMAIL, address=email)
    except DomainError as error:
        form.add_error(None, error.for_page())
        return _page(request, form, error.status)
    return _page(request, CodeForm(initial={"email": email}))


def _change(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    data = form.cleaned_data
    try:
        with GuessesCounted(request):
            confirm_reset(
                actor=None, channel=EMAIL, address=normalise_email(data["email"]) or "", code=data["code"], new_password=data["new_password1"]
            )
    except DomainError as error:
        form.add_error(None, error.for_page())
        return _page(request, form, error.status)
    messages.success(request, _("Your password is changed. Log in with the new one."))
    return redirect("admin:login")


def _page(request: HttpRequest, form: forms.Form, status: int = 200) -> HttpResponse:
    shown = {"form": form, "is_code": isinstance(form, CodeForm), "title": _("Password reset"), "site_header": "Depannini DashMap", "site_title": "Depannini DashMap"}
    answer = render(request, TEMPLATE, shown, status=status)
    answer["Referrer-Policy"] = "same-origin"
    return answer
