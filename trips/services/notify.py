"""Notify the driver: claim and commit, send within the request, mark. Never twice for the same stops."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.limits import message_budget
from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import BadGateway, InvalidData, NotFound
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import mail
from fleet.events import board_changed
from fleet.models import Vehicle
from trips import driver_mail
from trips.lifecycle import OPEN, STEPS
from trips.models import Trip, TripLink, TripStop
from trips.steps import driver_links

logger = logging.getLogger(__name__)

# A claim whose process died is free again after this; a try itself ends after five seconds.
CLAIM_TTL = dt.timedelta(seconds=30)
ALREADY = _("Driver already notified")


def notify_driver(*, actor: User, trip_id: int) -> Trip:
    """Mail the trip's stops to the driver of its vehicle, with a link that ends the one before; call it outside any transaction.

    Raises: NotFound (also where the trip went while the mail left), Forbidden, InvalidData (closed, no driver e-mail, already notified and no stop changed since),
    TooManyRequests (the company's hour or day of messages is full), BadGateway (the mail server did not take it within
    5 s; the driver then counts as not notified).
    """
    trip, spent = _claim(actor, trip_id)
    token, sent_to = new_token(), trip.vehicle.driver_email
    stops = list(TripStop.objects.filter(trip=trip).select_related("stop", "order").order_by("sequence"))
    claimed_at = trip.notify_claimed_at
    held = Trip.objects.filter(pk=trip.pk, notify_claimed_at=claimed_at)
    try:
        mail.deliver(driver_mail.compose(trip, stops, TripLink.address_of(token)))
    except mail.MailFailed as error:
        held.update(notify_claimed_at=None)
        message_budget.give_back(spent)
        logger.warning("A driver could not be notified: %s", error)
        raise BadGateway(_("The mail server did not take the message"), code="mail_failed") from error
    MESSAGES_SENT.labels(message_budget.DRIVER, "email").inc()
    driver_links.give_link(trip_id=trip.pk, token=token, sent_to=sent_to)
    # Stops or a vehicle that changed meanwhile have removed the claim: the mail is out of date.
    held.update(driver_notified=True, notified_at=claimed_at, notify_claimed_at=None, updated_at=timezone.now())
    board_changed(trip.company_id, "trips")
    try:
        trip.refresh_from_db(fields=["driver_notified", "notified_at", "notify_claimed_at", "updated_at"])
    except Trip.DoesNotExist as error:
        raise NotFound(_("Trip")) from error
    return trip


@transaction.atomic
def _claim(actor: User, trip_id: int) -> tuple[Trip, int | None]:
    """Win the right to send, by one conditional UPDATE, and spend what it costs; a refusal of either undoes both."""
    trip = Trip.objects.visible_to(actor).select_related("vehicle", "dispatcher", "company").filter(pk=trip_id).first()
    if trip is None:
        raise NotFound(_("Trip"))
    require_editor(actor, trip.company_id)
    if trip.is_closed:
        raise InvalidData(format_lazy(_("The trip is {status}"), status=STEPS.word(trip.status)), code="trip_closed")
    if not trip.vehicle.driver_email:
        raise InvalidData(_("The vehicle's driver has no e-mail address"), code="no_driver_email")
    now = timezone.now()
    is_free = Q(notify_claimed_at=None) | Q(notify_claimed_at__lt=now - CLAIM_TTL)
    is_news = Q(driver_notified=False)
    if _has_changed_stops(trip):
        is_news |= Q(notified_at=trip.notified_at)
    won = Trip.objects.filter(is_free, is_news, pk=trip.pk, status__in=OPEN).update(notify_claimed_at=now)
    if not won:
        raise InvalidData(ALREADY, code="already_notified")
    trip.notify_claimed_at = now
    vehicles = Vehicle.objects.alive().filter(company_id=trip.company_id).count()
    address = trip.vehicle.driver_email
    spent = message_budget.spend(message_budget.DRIVER, "email", address, asker=actor, company_id=trip.company_id, vehicles=vehicles)
    return trip, spent


def _has_changed_stops(trip: Trip) -> bool:
    """Return whether a place, contact or note of a stop changed since the driver was notified."""
    if trip.notified_at is None:
        return False
    return TripStop.objects.filter(trip=trip, stop__updated_at__gt=trip.notified_at).exists()
