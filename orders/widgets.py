"""The address field of a form: suggestions while somebody types, and a pin on a map that gives latitude and longitude."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _

from depannini_dashmap.lib.roads import map_background


class PlaceInput(forms.TextInput):
    """An address; `latitude` and `longitude` name the form's fields that a chosen place or a moved pin fills in."""

    class Media:
        css = {"all": ["leaflet/leaflet.css"]}
        js = [
            forms.Script("leaflet/leaflet.js", defer=True),
            forms.Script("vendor/protomaps-leaflet/protomaps-leaflet.js", defer=True),
            forms.Script("console/places.js", type="module"),
        ]

    def __init__(self, *, latitude: str, longitude: str) -> None:
        super().__init__(attrs={"class": "vTextField place-input", "autocomplete": "off"})
        self.latitude, self.longitude = latitude, longitude

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Pass the script its URLs and texts."""
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"] |= {
            **map_background.attributes(),
            "data-latitude": f"id_{self.latitude}",
            "data-longitude": f"id_{self.longitude}",
            "data-search-url": reverse("admin:places"),
            "data-at-url": reverse("admin:place_name"),
            "data-t-map": _("Where it is; the pin can be moved"),
            "data-t-found": _("{n} suggestions"),
            "data-t-none": _("Nothing found. Put the pin on the map, or type latitude and longitude."),
            "data-t-use": _("Take this address"),
            "data-t-no-place": _("Not on the map yet: choose a suggestion, or click on the map."),
        }
        return context
