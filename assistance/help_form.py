"""What somebody who needs help says on the page: where, what is wrong, which vehicle, and how to reach them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.phones import NotAPhoneNumber, normalise_phone
from assistance.models import ServiceType, VehicleClass
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.numbers import NotANumber, read_float
from depannini_dashmap.lib.text import clean, plain_code, plain_digits
from orders import place_search

NAMED_BY_NUMBERS = ("coordinates", "link", "plus_code")
MOST_CHOICES = 6
_KEY = re.compile(r"[\w-]{32}\Z", re.ASCII)
Point = tuple[float, float]


class HelpForm(forms.Form):
    """The motorist's words; each place is a text, and the point that was chosen for it."""

    key = forms.CharField(max_length=32, required=False)
    pickup = forms.CharField(label=_("Where are you?"), max_length=2000, required=False)
    pickup_at = forms.CharField(max_length=60, required=False)
    assistance_type = forms.ChoiceField(label=_("What do you need?"), choices=ServiceType.choices, initial=ServiceType.TOWING)
    vehicle_type = forms.ChoiceField(label=_("Which vehicle?"), choices=VehicleClass.choices, initial=VehicleClass.LIGHT)
    dropoff = forms.CharField(label=_("Where to?"), max_length=2000, required=False)
    dropoff_at = forms.CharField(max_length=60, required=False)
    vehicle = forms.CharField(label=_("Make and plate"), max_length=90, required=False)
    note = forms.CharField(label=_("What happened?"), max_length=800, required=False)
    phone = forms.CharField(label=_("Your phone number"), max_length=40)
    code = forms.CharField(label=_("Code from the SMS"), max_length=40, required=False)

    def __init__(self, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.choices: dict[str, list[dict[str, Any]]] = {}

    @property
    def form_key(self) -> str:
        """The random key of this form, by which pressing twice asks once."""
        given = (self.data if self.is_bound else self.initial).get("key", "")
        return given if _KEY.match(given) else new_token()

    def clean_phone(self) -> str:
        """Give the E.164 number."""
        try:
            return normalise_phone(self.cleaned_data["phone"])
        except NotAPhoneNumber:
            raise forms.ValidationError(_("This is no phone number.")) from None

    def clean_code(self) -> str:
        """Give the digits, whatever the script and the spaces."""
        return plain_code(self.cleaned_data["code"])

    def clean(self) -> dict[str, Any]:
        """Find the points of both places; a tow's destination alone counts."""
        self.cleaned_data["pickup_point"] = self._point("pickup", is_required=True)
        is_towed = self.cleaned_data.get("assistance_type") == ServiceType.TOWING
        self.cleaned_data["dropoff_point"] = self._point("dropoff", is_required=False) if is_towed else None
        return self.cleaned_data

    def _point(self, field: str, *, is_required: bool) -> Point | None:
        text = clean(self.cleaned_data.get(field, ""))
        point = read_point(self.cleaned_data.get(f"{field}_at", ""))
        if point is not None and (text or is_required):
            return point
        if not text:
            if is_required:
                self.add_error(field, _("Say where you are: use your position, or write the place."))
            return None
        found = place_search.find_places(user=None, text=text, language=get_language() or "")
        if found and found[0]["source"] in NAMED_BY_NUMBERS:
            return found[0]["lat"], found[0]["lng"]
        self.choices[field] = found[:MOST_CHOICES]
        self.add_error(field, _("Choose the place that you mean.") if found else _("Nothing is called so. Try a town or a road nearby."))
        return None

    def asked(self) -> dict[str, Any]:
        """Give the arguments of the services; the vehicle stands before the note."""
        given = self.cleaned_data
        return {
            "pickup": given["pickup_point"],
            "dropoff": given["dropoff_point"],
            "assistance_type": given["assistance_type"],
            "vehicle_type": given["vehicle_type"],
            "description": " · ".join(part for part in (clean(given["vehicle"]), clean(given["note"])) if part),
        }

    def refuse(self, error: DomainError) -> None:
        """Show what a service refused beside the field that it is about."""
        fields = {name: said for name, said in (error.fields or {}).items() if name in self.fields}
        for name, said in fields.items():
            self.add_error(name, said)
        if not fields:
            self.add_error(None, error.for_page())


def read_point(text: str) -> Point | None:
    """Read `36.76,3.05`; None for what is no point."""
    try:
        lat, lng = (read_float(part) for part in plain_digits(text).split(","))
    except (NotANumber, ValueError):
        return None
    return (lat, lng) if abs(lat) <= 90 and abs(lng) <= 180 else None
