"""Notify the driver: claim and commit, send within the request, mark. Never twice for the same stops. Or give out the link by hand."""

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
from depannini_dashmap.lib.errors import BadGateway, Conflict, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import mail, sms
from fleet.events import board_changed
from fleet.models import Vehicle
from trips import driver_mail
from trips.events import driver_links_ended
from trips.lifecycle import OPEN, STEPS
from trips.models import Trip, TripLink, TripStop
from trips.steps import driver_links

logger = logging.getLogger(__name__)

# A claim whose process died is free again after this; a try itself ends after five seconds.
CLAIM_TTL = dt.timedelta(seconds=30)
ALREADY = _("Driver already notified")


def notify_driver(*, actor: User, trip_id: int) -> Trip:
    """Send the driver of the trip's vehicle a link to their page, which ends the one before; call it outside any transaction.

    Shape: a mail with all stops; where the driver has no mail address and SMS are sent here, an SMS with the link alone.
    Raises: NotFound (also where the trip went while the message left), Forbidden, InvalidData (closed, no address, already
    notified and no stop changed since), TooManyRequests (the company's hour or day of messages is full), BadGateway (the mail
    server did not take it within 5 s, or the SMS gateway; the driver then counts as not notified).
    """
    trip, channel, address, spent = _claim(actor, trip_id)
    token, sent_to = new_token(), driver_links.driver_key(trip.vehicle, channel)
    stops = list(TripStop.objects.filter(trip=trip).select_related("stop", "order").order_by("sequence"))
    claimed_at = trip.notify_claimed_at
    held = Trip.objects.filter(pk=trip.pk, notify_claimed_at=claimed_at)
    try:
        if channel == "phone":
            sms.send_sms(address, driver_mail.short_text(trip, TripLink.address_of(token)))
        else:
            mail.deliver(driver_mail.compose(trip, stops, TripLink.address_of(token)))
    except (mail.MailFailed, sms.SmsError) as error:
        held.update(notify_claimed_at=None)
        message_budget.give_back(spent)
        logger.warning("A driver could not be notified: %s", error)
        if channel == "phone":
            raise BadGateway(_("The SMS gateway did not take the message"), code="sms_failed") from error
        raise BadGateway(_("The mail server did not take the message"), code="mail_failed") from error
    MESSAGES_SENT.labels(message_budget.DRIVER, channel).inc()
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
def _claim(actor: User, trip_id: int) -> tuple[Trip, str, str, int | None]:
    """Win the right to send, by one conditional UPDATE, and spend what it costs; a refusal of either undoes both.

    Returns: the trip, the channel, the address, and the row of the budget.
    """
    trip = _open_trip(actor, Trip.objects.visible_to(actor).select_related("vehicle", "dispatcher", "company").filter(pk=trip_id).first())
    channel, address = driver_links.channel_to_driver(trip.vehicle)
    if not channel and sms.is_configured():
        raise InvalidData(_("The vehicle's driver has neither an e-mail address nor a phone that gets SMS"), code="no_driver_email")
    if not channel:
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
    spent = message_budget.spend(message_budget.DRIVER, channel, address, asker=actor, company_id=trip.company_id, vehicles=vehicles)
    return trip, channel, address, spent


def _open_trip(actor: User, trip: Trip | None) -> Trip:
    if trip is None:
        raise NotFound(_("Trip"))
    require_editor(actor, trip.company_id)
    if trip.is_closed:
        raise InvalidData(format_lazy(_("The trip is {status}"), status=STEPS.word(trip.status)), code="trip_closed")
    return trip


@transaction.atomic
def make_driver_link(*, actor: User, trip_id: int) -> str:
    """Make a link to the driver's page that is handed on here, which ends the one before; return its address, which is told only now.

    Effects: the driver counts as notified. Raises: NotFound, Forbidden, InvalidData (closed), Conflict (a message is on its way).
    """
    rows = Trip.objects.visible_to(actor).select_related("vehicle", "company").select_for_update(of=("self",), no_key=True)
    trip, now, token = _open_trip(actor, rows.filter(pk=trip_id).first()), timezone.now(), new_token()
    if trip.notify_claimed_at is not None and trip.notify_claimed_at > now - CLAIM_TTL:
        raise Conflict(_("A message to the driver is on its way"), code="message_on_its_way")
    driver_links.give_link(trip_id=trip.pk, token=token, sent_to=driver_links.driver_key(trip.vehicle, driver_links.HAND))
    Trip.objects.filter(pk=trip.pk).update(driver_notified=True, notified_at=now, notify_claimed_at=None, updated_at=now)
    audit.record("driver_link_made", actor=actor, target=trip)
    board_changed(trip.company_id, "trips")
    return TripLink.address_of(token)


@transaction.atomic
def end_driver_link(*, actor: User, trip_id: int) -> None:
    """End a trip's link, so that it opens nothing any more. Raises: NotFound (also where there is none), Forbidden."""
    trip = Trip.objects.visible_to(actor).select_for_update(of=("self",), no_key=True).filter(pk=trip_id).first()
    if trip is None:
        raise NotFound(_("Trip"))
    require_editor(actor, trip.company_id)
    if not TripLink.objects.filter(trip=trip).revoke():
        raise NotFound(_("Driver's link"))
    driver_links_ended(trip.pk)
    audit.record("driver_link_ended", actor=actor, target=trip)


def _has_changed_stops(trip: Trip) -> bool:
    """Return whether a place, contact or note of a stop changed since the driver was notified."""
    if trip.notified_at is None:
        return False
    return TripStop.objects.filter(trip=trip, stop__updated_at__gt=trip.notified_at).exists()
