"""What a page says about the background of its maps, as the data attributes that static/console/background.js reads."""

from __future__ import annotations

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse

from depannini_dashmap.lib.roads import tiles


def attributes() -> dict[str, str]:
    """Return names and values: other tiles where MAP_TILE_URL names them, else our streets, if there are any, above the world."""
    found = {
        "data-tile-url": settings.MAP_TILE_URL,
        "data-basemap-url": static("basemap/world.geojson"),
        "data-cities-url": static("basemap/cities.json"),
    }
    streets = None if settings.MAP_TILE_URL else tiles.in_use()
    if streets is not None:
        tile = reverse("street-tile", args=[streets.build, 0, 1, 2])
        found["data-streets-url"] = tile.removesuffix("0/1/2.mvt") + "{z}/{x}/{y}.mvt"
        found["data-streets-box"] = f"{streets.south},{streets.west},{streets.north},{streets.east}"
        found["data-streets-zoom"] = str(streets.max_zoom)
    return found
