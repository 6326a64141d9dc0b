"""Forms of the accounts admin: the same spelling of addresses and the same end of sessions as everywhere."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.managers import normalise_email
from accounts.models import Membership, User
from accounts.phones import NotAPhoneNumber, normalise_phone
from accounts.services import set_password_by_operator
from accounts.usernames import canonical_username, is_choosable
from depannini_dashmap.lib.admin.tenancy import TextFormField


class AddressesMixin:
    """Normalises what addresses a form has."""

    cleaned_data: dict[str, Any]

    def clean_email(self) -> str | None:
        """Return the one spelling."""
        return normalise_email(self.cleaned_data.get("email"))

    def clean_phone_number(self) -> str | None:
        """Return the E.164 form."""
        typed = self.cleaned_data.get("phone_number")
        if not typed:
            return None
        try:
            return normalise_phone(typed)
        except NotAPhoneNumber as error:
            raise forms.ValidationError(_("Enter a phone number of 8 to 15 digits.")) from error


class AccountForm(AddressesMixin, forms.ModelForm):
    """An account as operators see it; neither the password nor its hash is in it."""

    class Meta:
        model = User
        fields = [
            "name",
            "first_name",
            "last_name",
            "address",
            "email",
            "phone_number",
            "is_staff",
            "is_superuser",
            "groups",
        ]


class NewAccountForm(AddressesMixin, BaseUserCreationForm):
    """A new account with its first password; an assistant's has papers, too."""

    PAPERS = (
        "service_type",
        "vehicle_type",
        "driving_license_cat",
        "driving_license_num",
        "driving_license_expiry",
        "vehicle_registration_num",
    )
    service_type = forms.ChoiceField(
        label=_("service type"), choices=[("", "–"), ("towing", _("Towing")), ("repair", _("Repair"))], required=False
    )
    vehicle_type = TextFormField(label=_("vehicle type"), max_length=100, required=False)
    driving_license_cat = forms.ChoiceField(
        label=_("driving license cat"), choices=[("", "–"), ("b", "B"), ("c", "C")], required=False
    )
    driving_license_num = TextFormField(label=_("driving license num"), max_length=50, required=False)
    driving_license_expiry = forms.DateField(label=_("driving license expiry"), required=False)
    vehicle_registration_num = forms.IntegerField(
        label=_("vehicle registration num"), min_value=0, max_value=2**63 - 1, required=False
    )

    class Meta:
        model = User
        fields = ["username", "user_type", "email", "phone_number"]

    def clean(self) -> dict[str, Any]:
        """Ask for an assistant's papers."""
        data = super().clean() or self.cleaned_data
        if data.get("user_type") == User.Type.ASSISTANT:
            for name in self.PAPERS:
                if data.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, _("An assistant needs this."))
            expiry, today = data.get("driving_license_expiry"), timezone.localdate(timezone=ZoneInfo(settings.DISPLAY_TIME_ZONE))
            if expiry and expiry <= today:
                self.add_error("driving_license_expiry", _("The licence must expire in the future."))
        return data

    def details(self) -> dict[str, Any] | None:
        """Return what only assistants have, None for others; they report their location themselves."""
        if self.cleaned_data["user_type"] != User.Type.ASSISTANT:
            return None
        return {**{name: self.cleaned_data[name] for name in self.PAPERS}, "current_lat": None, "current_lng": None}

    def clean_username(self) -> str:
        """Refuse what nobody may choose."""
        name = self.cleaned_data["username"]
        if not is_choosable(name := canonical_username(name)):
            raise forms.ValidationError(_("A username has no @, no leading + and no invisible characters."))
        return name


class MembershipForm(forms.ModelForm):
    """Who works for which company, and as what."""

    given_role = forms.ChoiceField(label=_("role"), choices=Membership.Role.choices)

    class Meta:
        model = Membership
        fields = ["user", "company"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["given_role"] = self.instance.full_role


class NewPasswordForm(AdminPasswordChangeForm):
    """A new password, which ends every session of the account."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)
        for name in ("password1", "password2"):
            self.fields[name].required = True

    def save(self, commit: bool = True) -> User:
        """Store it by the one service."""
        set_password_by_operator(actor=getattr(self.user, "changed_by", None), user=self.user, password=self.cleaned_data["password1"])
        self.user.refresh_from_db()
        return self.user
