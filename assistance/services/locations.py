"""Storing many places at once: what sockets report arrives in streams, and one statement for all costs what one does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from assistance import lifecycle
from assistance.cells import column_of, row_of
from assistance.models import Assistance
from assistance.steps import etas

# A closed account stays without a place: closing switches it off and empties the licence, and PostgreSQL looks at these
# columns of the row again after waiting for it.
_CLIENTS = """WITH place(id, lat, lng) AS (VALUES {rows})
    UPDATE accounts_user SET current_lat = place.lat, current_lng = place.lng FROM place
        WHERE accounts_user.id = place.id AND accounts_user.is_active"""
_ASSISTANTS = """WITH place(id, lat, lng, y, x) AS (VALUES {rows})
    UPDATE assistance_assistantprofile SET lat = place.lat, lng = place.lng, cell_y = place.y, cell_x = place.x,
        seen_at = %s FROM place WHERE assistance_assistantprofile.user_id = place.id
        AND assistance_assistantprofile.driving_license_cat <> ''"""


class PartyLocation(NamedTuple):
    """Where a party of a request says to be, in degrees."""

    assistance_id: int
    user_id: int
    lat: float
    lng: float


def store_locations_and_etas(*, actor: None, places: Sequence[PartyLocation]) -> set[tuple[int, int]]:
    """Store locations as `store_locations` does, and then update expected arrivals. Returns those not stored.

    Shape: no `actor`, they are of many users.
    """
    refused = store_locations(actor=None, places=places)
    etas.update_for_locations([place for place in places if (place.assistance_id, place.user_id) not in refused])
    return refused


@transaction.atomic
def store_locations(*, actor: None, places: Sequence[PartyLocation]) -> set[tuple[int, int]]:
    """Store the places of parties of open requests, one for each user; numbers were checked by the caller.

    Shape: no `actor`, they are of many users.
    Effects: an assistant counts as active. Nothing is published or offered, as these assistants are busy.
    Returns (assistance id, user id) of those that were not stored: the request has ended or is no longer theirs.
    """
    jobs = Assistance.objects.filter(pk__in={place.assistance_id for place in places}, status__in=lifecycle.OPEN)
    parties = {pk: (client, assistant) for pk, client, assistant in jobs.values_list("pk", "client_id", "assistant_id")}
    refused, clients, assistants = set(), {}, {}
    for place in places:
        client, assistant = parties.get(place.assistance_id, (None, None))
        if place.user_id == client:
            clients[place.user_id] = place
        elif place.user_id == assistant:
            assistants[place.user_id] = place
        else:
            refused.add((place.assistance_id, place.user_id))
    _update(_CLIENTS, [(one.user_id, one.lat, one.lng) for one in _ordered(clients.values())])
    rows = [
        (one.user_id, one.lat, one.lng, row_of(one.lat), column_of(one.lng)) for one in _ordered(assistants.values())
    ]
    _update(_ASSISTANTS, rows, timezone.now())
    return refused


def _ordered(places: Iterable[PartyLocation]) -> list[PartyLocation]:
    """Order by user, so that two processes lock rows in the same order."""
    return sorted(places, key=lambda place: place.user_id)


def _update(statement: str, rows: list[tuple], *more: Any) -> None:
    if not rows:
        return
    marks = ", ".join("(" + ", ".join(["%s"] * len(rows[0])) + ")" for _ in rows)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rows=marks), [value for row in rows for value in row] + list(more))
