"""What a dispatcher types while somebody is on the line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.phones import NotAPhoneNumber, normalise_phone
from assistance.models import ServiceType, VehicleClass
from assistance.services import Caller
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.numbers import NotANumber, read_float
from depannini_dashmap.lib.text import clean, plain_digits
from orders import place_search

NAMED_BY_NUMBERS = ("coordinates", "link", "plus_code")
_OF_SERVICES = {"client.phone_number": "phone", "client.name": "name"}
Point = tuple[float, float]


class CallForm(forms.Form):
    """Who calls, where from, what for; each place is a text, and the point that was chosen for it."""

    phone = forms.CharField(label=_("Phone number of the caller"), max_length=40)
    name = forms.CharField(label=_("Name of the caller"), max_length=150)
    billed_to = forms.CharField(label=_("Billed to"), max_length=200, required=False)
    pickup = forms.CharField(label=_("Place"), max_length=2000)
    pickup_at = forms.CharField(max_length=60, required=False)
    dropoff = forms.CharField(label=_("Destination"), max_length=2000, required=False)
    dropoff_at = forms.CharField(max_length=60, required=False)
    assistance_type = forms.ChoiceField(
        label=_("Service"), choices=[*ServiceType.choices, ("", _("not known yet"))], required=False, initial=ServiceType.TOWING
    )
    vehicle_type = forms.ChoiceField(
        label=_("Vehicle class"), choices=VehicleClass.choices, required=False, initial=VehicleClass.LIGHT
    )
    plate = forms.CharField(label=_("License plate"), max_length=30, required=False)
    note = forms.CharField(label=_("Note"), max_length=900, required=False)
    send_link = forms.BooleanField(label=_("Send the caller a link by SMS, to follow the request"), required=False)
    scheduled_for = forms.DateTimeField(label=_("For later"), required=False)

    def __init__(self, data: Any = None, *, user: User) -> None:
        self.user = user
        super().__init__(data)

    def clean_phone(self) -> str:
        """Return the E.164 number."""
        try:
            return normalise_phone(self.cleaned_data["phone"])
        except NotAPhoneNumber:
            raise forms.ValidationError(_("This is no phone number.")) from None

    def clean_name(self) -> str:
        """Return the name without invisible characters."""
        if name := clean(self.cleaned_data["name"]):
            return name
        raise forms.ValidationError(self.fields["name"].error_messages["required"], code="required")

    def clean(self) -> dict[str, Any]:
        """Find the points of both places."""
        for field in ("pickup", "dropoff"):
            self.cleaned_data[f"{field}_point"] = self._point(field)
        return self.cleaned_data

    def _point(self, field: str) -> Point | None:
        text = self.cleaned_data.get(field, "")
        point = _read_point(self.cleaned_data.get(f"{field}_at", ""))
        if not text or point is not None:
            return point if text else None
        for found in place_search.find_places(user=self.user, text=text, language=get_language() or "")[:1]:
            if found["source"] in NAMED_BY_NUMBERS:
                return found["lat"], found["lng"]
        self.add_error(field, _("Choose one of the suggestions, click the map, or give the coordinates."))
        return None

    def caller(self) -> Caller:
        """Return the caller, and whom to bill."""
        return Caller(self.cleaned_data["phone"], self.cleaned_data["name"], clean(self.cleaned_data["billed_to"]))

    def asked(self) -> dict[str, Any]:
        """Return the arguments of the services; the plate comes before the note."""
        given = self.cleaned_data
        return {
            "pickup": given["pickup_point"],
            "dropoff": given["dropoff_point"],
            "assistance_type": given["assistance_type"],
            "vehicle_type": given["vehicle_type"],
            "description": " · ".join(part for part in (clean(given["plate"]), clean(given["note"])) if part),
        }

    def refuse(self, error: DomainError) -> None:
        """Show the error of a service next to its field."""
        fields = {name: said for name, said in (error.fields or {}).items() if _OF_SERVICES.get(name, name) in self.fields}
        for name, said in fields.items():
            self.add_error(_OF_SERVICES.get(name, name), said)
        if not fields:
            self.add_error(None, error.for_page())


def _read_point(text: str) -> Point | None:
    """Read `36.76,3.05`; None for what is no point."""
    try:
        lat, lng = (read_float(part) for part in plain_digits(text).split(","))
    except (NotANumber, ValueError):
        return None
    return (lat, lng) if abs(lat) <= 90 and abs(lng) <= 180 else None
