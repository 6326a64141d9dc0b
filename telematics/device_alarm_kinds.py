"""The alarms that trackers raise by themselves: their names, and which of them somebody has to look at; plain values."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

LONGEST_NAME = 30
MOST_AT_ONCE = 10  # in one report
_NONE = ("", "false", "0", "none", "null", "no", "off", "normal")
_YES = ("true", "1", "yes", "on")
GENERAL = "general"

# Names as Traccar's attribute `alarm` has them, which other senders copy.
WORDS: dict[str, StrOrPromise] = {
    "sos": _("SOS"),
    "accident": _("accident"),
    "fallDown": _("fallen over"),
    "tow": _("moved with the engine off"),
    "jamming": _("reception is jammed"),
    "tampering": _("tracker tampered with"),
    "removing": _("tracker removed"),
    "powerCut": _("power cut"),
    "powerRestored": _("power is back"),
    "powerOff": _("switched off"),
    "lowBattery": _("battery low"),
    "lowPower": _("vehicle's battery low"),
    "overspeed": _("too fast"),
    "hardBraking": _("hard braking"),
    "hardAcceleration": _("hard acceleration"),
    "hardCornering": _("hard cornering"),
    "fatigueDriving": _("tired driver"),
    "fuelLeak": _("fuel is lost"),
    "temperature": _("temperature out of its range"),
    GENERAL: _("alarm of no kind"),
}
# People may be in danger; somebody may take the vehicle. A cut of the power counts on a trip alone: parked trucks are switched off by hand.
HELP = ("sos", "accident", "fallDown")
THEFT = ("tow", "jamming", "tampering", "removing")
THEFT_ON_TRIP = ("powerCut",)
_SPELLINGS = {name.lower(): name for name in WORDS} | dict.fromkeys(("s.o.s", "s.o.s.", "panic", "emergency", "help", "urgence"), "sos")
_SPELLINGS |= {"crash": "accident", "collision": "accident", "power_cut": "powerCut", "low_battery": "lowBattery"}


def alarms_in(value: Any) -> tuple[str, ...]:
    """Return the names of what a device sends as its alarm: one, several with commas or as a list, a mere yes, or none."""
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [] if value is None else [value]
    names = (_name(str(part).strip()) for part in parts[:MOST_AT_ONCE])
    return tuple(dict.fromkeys(name for name in names if name))


def _name(text: str) -> str:
    word = text.lower()
    if word in _NONE:
        return ""
    if word in _YES or not text.isprintable():
        return GENERAL
    return _SPELLINGS.get(word, text[:LONGEST_NAME])


def words_of(name: str) -> StrOrPromise:
    """Return what people read for an alarm; one that is not known is called as the device calls it."""
    return WORDS.get(name, name)
