"""A company's depot: where its goods wait. Sheets of orders take it for a pickup that a row does not give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from depannini_dashmap.lib.geo import HALF_LOCATION

PARTS = ("name", "address", "latitude", "longitude")
NEEDS_ADDRESS = "A depot needs an address."
EMPTY: dict[str, Any] = {"name": "", "address": "", "latitude": None, "longitude": None}


def depot_faults(place: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with a place as a depot, by its part; an empty place means no depot, and is valid."""
    faults = {}
    if not place["address"] and any(place[part] not in ("", None) for part in PARTS):
        faults["address"] = [NEEDS_ADDRESS]
    lacking = [part for part in ("latitude", "longitude") if place[part] is None]
    if len(lacking) == 1:
        faults[lacking[0]] = [HALF_LOCATION]
    return faults


def columns_of(place: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the columns of a company for a depot that was sent whole; None takes it away."""
    return {f"depot_{part}": value for part, value in {**EMPTY, **(place or {})}.items()}
