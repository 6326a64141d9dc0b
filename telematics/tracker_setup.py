"""Settings to enter in a tracker so that it reports here: addresses and codes by app; plain values only.

Source: public documentation of Traccar Client (configuration code), OwnTracks (remote configuration), OsmAnd (online
tracking), GPSLogger (custom URL) and Traccar (`forward.url`, `forward.header`).
"""

from __future__ import annotations

import base64
import json
from typing import NamedTuple
from urllib.parse import quote

from telematics.models import Device

OSMAND_FIELDS = "lat={0}&lon={1}&timestamp={2}&hdop={3}&altitude={4}&speed={5}&bearing={6}"
GPSLOGGER_FIELDS = (
    "lat=%LAT&lon=%LON&timestamp=%TIMESTAMP&speed=%SPD&bearing=%DIR&altitude=%ALT&accuracy=%ACC&batt=%BATT"
)


class Setup(NamedTuple):
    """What to enter: (name of the field in the app, value) pairs, and the text of a code that enters them all, or none."""

    fields: list[tuple[str, str]]
    code: str = ""


def setup_of(app: str, key: str, base_url: str) -> Setup:
    """Return what to enter in an app for a device's key; `base_url` has no slash at its end."""
    osmand = f"{base_url}/api/devices/osmand/?id={quote(key)}"
    match app:
        case Device.App.TRACCAR_CLIENT:
            return Setup([("Server URL", f"{base_url}/api/devices/osmand/"), ("Device identifier", key)], osmand)
        case Device.App.OSMAND:
            return Setup([("Web address", f"{osmand}&{OSMAND_FIELDS}")], f"{osmand}&{OSMAND_FIELDS}")
        case Device.App.GPSLOGGER:
            return Setup([("URL", f"{osmand}&{GPSLOGGER_FIELDS}")], f"{osmand}&{GPSLOGGER_FIELDS}")
        case Device.App.OWNTRACKS:
            url = f"{base_url}/api/devices/owntracks/"
            return Setup([("URL", url), ("User name", "vehicle"), ("Password", key)], _owntracks_code(url, key))
    return Setup([("OsmAnd protocol", osmand), ("Traccar JSON", f"{base_url}/api/devices/traccar/"), ("Key", key)])


def _owntracks_code(url: str, key: str) -> str:
    configuration = {"_type": "configuration", "mode": 3, "url": url, "auth": True, "username": "vehicle", "password": key}
    inline = base64.b64encode(json.dumps(configuration).encode()).decode()
    return f"owntracks:///config?inline={quote(inline)}"


def forwarding_setup(secret: str, base_url: str) -> Setup:
    """Return the entries of a Traccar server's configuration file that forward its positions."""
    entries = {
        "forward.type": "json",
        "forward.enable": "true",  # this and the next one are for older versions
        "forward.json": "true",
        "forward.url": f"{base_url}/api/devices/traccar/",
        "forward.header": f"Authorization: Bearer {secret}",
    }
    return Setup([(name, f"<entry key='{name}'>{value}</entry>") for name, value in entries.items()])
