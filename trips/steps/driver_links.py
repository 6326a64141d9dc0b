"""The drivers' links: make one for each message, and find the trip that one opens. Drivers' acts are in `services/driver.py`."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.keyed_hashes import address_key
from accounts.phones import NotAPhoneNumber, normalise_phone
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.outbound import sms
from fleet.models import Vehicle
from trips.events import driver_links_ended
from trips.models import Trip, TripLink, TripStop

HAND = "hand"  # how a link goes that a dispatcher copies


def channel_to_driver(vehicle: Vehicle) -> tuple[str, str]:
    """Return how a vehicle's driver gets messages and where: `email`, or `phone` where SMS are sent; two empty strings without either."""
    if vehicle.driver_email:
        return "email", vehicle.driver_email
    phone = _phone_of(vehicle) if sms.is_configured() else ""
    return ("phone", phone) if phone else ("", "")


def _phone_of(vehicle: Vehicle) -> str:
    try:
        return normalise_phone(vehicle.driver_phone)
    except NotAPhoneNumber:
        return ""


def driver_key(vehicle: Vehicle, channel: str) -> str:
    """Return the hash of a vehicle's driver as a channel knows them: by mail address, by phone, or by all three fields by hand."""
    if channel == HAND:
        return address_key(HAND, "|".join((vehicle.driver_name, vehicle.driver_phone, vehicle.driver_email)))
    return address_key(channel, vehicle.driver_email if channel == "email" else _phone_of(vehicle))


@transaction.atomic
def give_link(*, trip_id: int, token: str, sent_to: str) -> None:
    """Keep a link for the driver with the hash `sent_to` (`driver_key`), and end the earlier one; no effect where the trip has gone."""
    trip = Trip.objects.select_for_update(no_key=True).filter(pk=trip_id).first()
    if trip is None:
        return
    if TripLink.objects.filter(trip=trip).revoke():
        driver_links_ended(trip.pk)
    TripLink.objects.create(
        trip=trip,
        token_hash=TripLink.hash_of(token),
        sent_to=sent_to,
        expires_at=_end_of(trip, timezone.now()),
    )


def find_link(token: str) -> TripLink:
    """Return the live link of a token, with its trip, vehicle, company and dispatcher.

    Raises: NotFound (unknown, expired, ended, somebody else drives the trip), always the same.
    """
    related = ("trip__vehicle", "trip__company", "trip__dispatcher", "last_stop__stop")
    return _of_driver(TripLink.objects.opened_by(token).select_related(*related))


def reopen(link_id: int) -> TripLink:
    """Return a link by its id while it is open, with its trip and vehicle. Raises: NotFound."""
    return _of_driver(TripLink.objects.open().filter(pk=link_id).select_related("trip__vehicle"))


def _of_driver(links: QuerySet[TripLink]) -> TripLink:
    link = links.first()
    if link is None or not _is_of_driver(link):
        raise NotFound
    return link


def _is_of_driver(link: TripLink) -> bool:
    vehicle = link.trip.vehicle
    is_of_company = vehicle.company_id == link.trip.company_id
    return is_of_company and any(constant_time_compare(link.sent_to, driver_key(vehicle, one)) for one in ("email", "phone", HAND))


def _end_of(trip: Trip, now: dt.datetime) -> dt.datetime:
    """Return the end of the day after the trip's last, or after today where that is later."""
    latest = TripStop.objects.filter(trip=trip).aggregate(day=Max("planned_arrival_date"))["day"]
    return end_of_next_day(trip, latest, now)


def end_of_next_day(trip: Trip, day: dt.date | None, moment: dt.datetime | None) -> dt.datetime:
    """Return the end of the day after the latest of a trip's planned day, another day and the day of an instant."""
    zone = ZoneInfo(settings.DISPLAY_TIME_ZONE)
    last = max(trip.planned_start_date, day or dt.date.min, moment.astimezone(zone).date() if moment else dt.date.min)
    try:
        return dt.datetime.combine(last + dt.timedelta(days=2), dt.time.min, zone)
    except OverflowError:  # a trip at the end of the calendar
        return dt.datetime.combine(last, dt.time.max, dt.UTC)


UNDO_FOR = dt.timedelta(minutes=2)


def can_undo(link: TripLink) -> bool:
    """Return whether the link's last act is young enough to be taken back."""
    return link.last_stop_id is not None and link.last_at is not None and timezone.now() - link.last_at < UNDO_FOR
