"""An outside search for places, where `GEOCODER_URL` names one (Photon or Nominatim); it adds to our own and may be away."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from depannini_dashmap.lib.roads.places import Place

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds that a search may wait for it
REST = 30.0  # seconds without asking after it failed
_rests_until = 0.0


def search(text: str, *, near: tuple[float, float] | None, language: str, limit: int = 5) -> list[Place]:
    """Ask the outside search; empty where none is named, or it fails or rests after a failure."""
    global _rests_until
    if not settings.GEOCODER_URL or time.monotonic() < _rests_until:
        return []
    import httpx

    photon = "nominatim" not in settings.GEOCODER_URL and not settings.GEOCODER_URL.rstrip("/").endswith("/search")
    query: dict[str, Any] = {"q": text, "limit": limit}
    if photon:
        query |= {"lang": language} if language in {"en", "fr"} else {}
        query |= {"lat": near[0], "lon": near[1]} if near else {}
    else:
        query |= {"format": "jsonv2", "accept-language": language or "en"}
    address = settings.GEOCODER_URL.rstrip("/") + ("/api/" if photon and not settings.GEOCODER_URL.rstrip("/").endswith("/api") else "")
    try:
        answer = _client().get(address, params=query)
        answer.raise_for_status()
        found = answer.json()
        return [_of_photon(one) for one in found["features"]] if photon else [_of_nominatim(one) for one in found]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, IndexError) as error:
        _rests_until = time.monotonic() + REST
        logger.warning("The outside search for places failed and rests for %d s: %s", REST, type(error).__name__)
        return []


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    import httpx

    return httpx.Client(timeout=PATIENCE, headers={"User-Agent": "Depannini-DashMap/1.1"})


def _of_photon(feature: dict[str, Any]) -> Place:
    lng, lat = feature["geometry"]["coordinates"][:2]
    what = feature["properties"]
    street = " ".join(str(what[key]) for key in ("housenumber", "street") if what.get(key))
    name = what.get("name") or street
    context = ", ".join(dict.fromkeys(str(what[key]) for key in ("district", "city", "state", "country") if what.get(key) and what[key] != name))
    return Place(str(what.get("osm_value") or "poi"), str(name), context, float(lat), float(lng))


def _of_nominatim(one: dict[str, Any]) -> Place:
    name, _, context = str(one["display_name"]).partition(", ")
    return Place(str(one.get("type") or "poi"), name, context, float(one["lat"]), float(one["lon"]))
