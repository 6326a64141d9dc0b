"""Fills an empty installation with a believable week, through the same services that everybody else uses."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts.models import OPERATORS, ROADSIDE, Company, Membership, User
from accounts.signals import assistant_registered
from assistance.models import Assistance, ChatMessage, Offer
from assistance.services import approvals, jobs, offers, profiles, request_creation
from depannini_dashmap.demo.money import pay_jobs, pay_orders, price_of_order
from depannini_dashmap.demo.people_and_places import (
    ALGIERS,
    ASSISTANTS,
    CLIENTS,
    DEMO_PASSWORD,
    DISPATCHERS,
    MONACO,
    OPERATOR,
    VIEWER,
    Person,
    Place,
)
from depannini_dashmap.lib.geo import initial_bearing
from depannini_dashmap.lib.roads import line_geometry, routing
from fleet.models import Vehicle
from fleet.services import create_vehicle
from orders.models import Order
from orders.services import create_order, update_order
from orders.stops import StopInput
from telematics.services.positions import record_positions
from trips.models import Trip, TripStop
from trips.services.stop_lists import add_order, update_stop
from trips.services.trips import create_trip, update_trip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VEHICLES = (
    ("Renault", "Master", "1.50"),
    ("Ford", "Transit", "1.20"),
    ("Mercedes-Benz", "Sprinter", "1.80"),
    ("Iveco", "Daily", "2.50"),
    ("Isuzu", "NPR", "4.00"),
    ("Hyundai", "HD65", "3.50"),
)
GOODS = (
    ("Fruits et légumes frais", "refrigerated", "850.00", "6.00"),
    ("Pièces détachées automobiles", "standard", "320.00", "2.50"),
    ("Carrelage et faïence", "fragile", "1400.00", "3.00"),
    ("Médicaments", "refrigerated", "90.00", "1.20"),
    ("Produits d'entretien", "hazmat", "410.00", "2.80"),
    ("Mobilier de bureau", "oversized", "620.00", "9.50"),
    ("Textile et confection", "standard", "260.00", "4.00"),
    ("Électroménager", "fragile", "540.00", "5.50"),
)
CUSTOMERS = (
    "Épicerie El Bahdja", "Pharmacie Centrale", "Atelier Boudiaf", "Hôtel Saint-George", "Librairie du Tiers Monde",
    "Supérette Essalem", "Clinique Les Oliviers", "Café Tantonville", "Boulangerie Paul", "Marché Bio du Canal",
)  # fmt: skip
DRIVERS = ("Ali Ould", "Hamid Kaci", "Sid Ahmed", "Jean Morel", "Moussa Diop", "Omar Slimani")
TRIP_STATUSES = ("completed", "completed", "in_progress", "in_progress", "planned", "planned", "draft", "cancelled")


@dataclass
class Made:
    """How many rows of each kind were made."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, number: int = 1) -> None:
        """Count some more."""
        self.counts[kind] = self.counts.get(kind, 0) + number


def is_seeded() -> bool:
    """Return whether the demo's operator is there."""
    return User.objects.filter(username=OPERATOR.login).exists()


@transaction.atomic
def seed(seed_number: int = 1) -> Made:
    """Make the demo's people, two companies with vehicles, 60 orders and trips in every status, and requests for help.

    Effects: nothing when it was done before. The same seed makes the same world, relative to now.
    """
    made = Made()
    if is_seeded():
        return made
    chance = random.Random(seed_number)  # noqa: S311 - a reproducible demo, not secrets
    _make_staff(made)
    for person, name, places, orders in zip(
        DISPATCHERS, ("Atlas Transport", "Riviera Logistique"), (ALGIERS, MONACO), (40, 20), strict=True
    ):
        _make_company(person, name, places, orders, chance, made)
    first = User.objects.get(username=DISPATCHERS[0].login)
    _let_work_for_both(first)
    first.groups.add(Group.objects.get_or_create(name=ROADSIDE)[0])
    _make_roadside(chance, made)
    pay_orders(first, made)
    pay_jobs(User.objects.get(username=first.username), made)
    return made


def _let_work_for_both(user: User) -> None:
    """Let the first dispatcher see the other company, too: its streets are those that ship with the product."""
    for company in Company.objects.exclude(memberships__user=user):
        Membership.objects.create(user=user, company=company)


def _user(person: Person, user_type: str, email: str) -> User:
    first, _, last = person.name.partition(" ")
    is_phone = person.login.startswith("+")
    return User.objects.create_user(
        person.login,
        email,
        DEMO_PASSWORD,
        user_type=user_type,
        name=person.name,
        first_name="" if is_phone else first,
        last_name="" if is_phone else last,
        phone_number=person.login if is_phone else None,
        phone_verified=is_phone,
        email_verified=True,
    )


def _make_staff(made: Made) -> None:
    user = _user(OPERATOR, "staff", "operator@depannini.example")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.groups.add(Group.objects.get_or_create(name=OPERATORS)[0])
    made.add("people")


# --- Fleet ---------------------------------------------------------------------------------------------------------------
def _make_company(
    person: Person, name: str, places: Sequence[Place], orders: int, chance: random.Random, made: Made
) -> None:
    company = Company.objects.create(
        name=name, address=places[0].address, phone="+213 21 00 00 00", email=f"contact@{name.split()[0].lower()}.example"
    )
    user = _user(person, "dispatcher", f"{person.login}@{name.split()[0].lower()}.example")
    User.objects.filter(pk=user.pk).update(current_company=company)
    user.current_company = company
    Membership.objects.create(user=user, company=company, is_owner=True)
    made.add("people")
    made.add("companies")
    if person is DISPATCHERS[0]:
        viewer = _user(VIEWER, "dispatcher", "meriem@atlas.example")
        User.objects.filter(pk=viewer.pk).update(current_company=company)
        Membership.objects.create(user=viewer, company=company, role=Membership.Role.VIEWER)
        made.add("people")
    vehicles = [_make_vehicle(user, company, number, chance) for number in range(6)]
    waiting = [_make_order(user, company, places, number, chance) for number in range(orders)]
    made.add("vehicles", len(vehicles))
    made.add("orders", len(waiting))
    for number, status in enumerate(TRIP_STATUSES):
        carried = [waiting.pop() for _ in range(chance.randint(2, 3))]
        _make_trip(user, vehicles[number % len(vehicles)], carried, status, number, chance)
        made.add("trips")
    for order in waiting[:2]:
        update_order(actor=user, order_id=order.pk, status=Order.Status.CANCELLED)
    made.add("positions", _make_tracks(user, vehicles, places, chance))


SKILLS = ("hazmat", "oversized", "refrigerated")


def _make_vehicle(user: User, company: Company, number: int, chance: random.Random) -> Vehicle:
    make, model, capacity = VEHICLES[number]
    driver = DRIVERS[number]
    plate = f"{chance.randint(10000, 99999)}-{chance.randint(115, 125)}-{16 if company.name.startswith('Atlas') else 98}"
    return create_vehicle(
        actor=user,
        company=company,
        license_plate=plate,
        make=make,
        model=model,
        year=chance.randint(2016, 2025),
        capacity=Decimal(capacity),
        # Each vehicle can do two of what goods may need, so that a day can be planned.
        skills=sorted({SKILLS[number % 3], SKILLS[(number + 1) % 3]}),
        driver_name=driver,
        driver_email=f"{driver.split()[0].lower()}@drivers.example",
        driver_phone=f"0550 {chance.randint(100000, 999999)}",
    )


def _stop(place: Place, chance: random.Random) -> StopInput:
    return StopInput(
        fields={
            "name": place.name,
            "address": place.address,
            "latitude": Decimal(f"{place.lat:.6f}"),
            "longitude": Decimal(f"{place.lng:.6f}"),
            "contact_name": chance.choice(DRIVERS),
            "contact_phone": f"0661 {chance.randint(100000, 999999)}",
        }
    )


def _make_order(user: User, company: Company, places: Sequence[Place], number: int, chance: random.Random) -> Order:
    pickup, delivery = chance.sample(list(places), 2)
    description, goods_type, weight, volume = chance.choice(GOODS)
    customer = chance.choice(CUSTOMERS)
    day = timezone.localdate() + dt.timedelta(days=chance.randint(0, 3))
    return create_order(
        actor=user,
        company=company,
        pickup_stop=_stop(pickup, chance),
        delivery_stop=_stop(delivery, chance),
        customer_name=customer,
        customer_company=customer,
        customer_email=f"commandes{number}@clients.example",
        customer_phone=f"023 {chance.randint(100000, 999999)}",
        goods_description=description,
        goods_type=goods_type,
        goods_weight=Decimal(weight),
        goods_volume=Decimal(volume),
        price=price_of_order(number),
        requested_pickup_date=day,
        requested_delivery_date=day + dt.timedelta(days=1),
    )


def _make_trip(
    user: User, vehicle: Vehicle, orders: Iterable[Order], status: str, number: int, chance: random.Random
) -> Trip:
    start = dt.time(7 + number % 6, chance.choice((0, 15, 30)))
    day = timezone.localdate() - dt.timedelta(days=1 if status == "completed" and number else 0)
    trip = create_trip(
        actor=user,
        vehicle=vehicle,
        name=f"Tournée {('du matin', 'centre', 'est', 'ouest', 'port', 'aéroport', 'banlieue', 'express')[number]}",
        planned_start_date=day,
        planned_start_time=start,
    )
    clock = dt.datetime.combine(day, start)
    for order in orders:
        clock += dt.timedelta(minutes=35)
        pickup = clock.time()
        clock += dt.timedelta(minutes=40)
        add_order(actor=user, trip_id=trip.pk, order=order, pickup_time=pickup, delivery_time=clock.time())
    if status == "cancelled":
        update_trip(actor=user, trip_id=trip.pk, status="cancelled")
    elif status != "draft":
        for step in ("planned", "in_progress", "completed"):
            update_trip(actor=user, trip_id=trip.pk, status=step)
            if step == "in_progress":
                _begin(user, trip, status)
            if step == status:
                break
    return trip


def _begin(user: User, trip: Trip, status: str) -> None:
    """Set the start back in time and, where the trip is still running, finish its first stop."""
    started = timezone.now() - dt.timedelta(minutes=70)
    Trip.objects.filter(pk=trip.pk).update(actual_start_datetime=started)
    if status == "in_progress":
        first = TripStop.objects.filter(trip_id=trip.pk).order_by("sequence").first()
        if first is not None:
            update_stop(actor=user, trip_stop_id=first.pk, is_completed=True)


def _make_tracks(user: User, vehicles: Sequence[Vehicle], places: Sequence[Place], chance: random.Random) -> int:
    """Create for each vehicle but the last a drive that ended a moment ago; the last has been silent for hours."""
    rows = []
    for number, vehicle in enumerate(vehicles):
        start, goal = chance.sample(list(places), 2)
        ended_ago = dt.timedelta(hours=5) if vehicle is vehicles[-1] else dt.timedelta(seconds=20 + 15 * number)
        rows += list(_drive(vehicle, start, goal, timezone.now() - ended_ago, chance))
    result = record_positions(actor=user, rows=rows)
    return len(rows) - len(result.errors)


def _drive(
    vehicle: Vehicle, start: Place, goal: Place, ended_at: dt.datetime, chance: random.Random
) -> Iterable[dict[str, object]]:
    """Report every 15 seconds along the road, where roads are known, else along the straight line; six tenths of the way."""
    way = routing.route([(start.lat, start.lng), (goal.lat, goal.lng)], within=2.0).line
    distance_km = line_geometry.length_km(way)
    step_s = 15
    steps = max(2, int(distance_km / 40 * 3600 / step_s * 0.6))
    speed_kmh = distance_km * 0.6 / (steps * step_s / 3600)
    for index in range(steps + 1):
        share = 0.6 * index / steps
        (lat, lng), ahead = line_geometry.along(way, distance_km * share)
        yield {
            "vehicle_id": vehicle.pk,
            "latitude": lat + chance.uniform(-0.00003, 0.00003),
            "longitude": lng + chance.uniform(-0.00003, 0.00003),
            "speed": round(speed_kmh * chance.uniform(0.9, 1.1), 2),
            "heading": round(initial_bearing(lat, lng, *ahead[1 if len(ahead) > 1 else 0]), 2) % 360,
            "timestamp": (ended_at - dt.timedelta(seconds=step_s * (steps - index))).isoformat(),
            "engine_status": "on",
            "fuel_level": round(80 - 10 * share, 2),
            "odometer": round(25000 + vehicle.pk * 137 + distance_km * share, 2),
        }


# --- Roadside --------------------------------------------------------------------------------------------------------------
def _make_roadside(chance: random.Random, made: Made) -> None:
    helpers = [_make_assistant(person, number, chance) for number, person in enumerate(ASSISTANTS)]
    clients = [_user(person, "client", f"client{number}@mail.example") for number, person in enumerate(CLIENTS)]
    made.add("people", len(helpers) + len(clients))
    on_duty = list(zip(helpers, ASSISTANTS, strict=True))[:-1]
    towers = [helper for helper, person in on_duty if person.service_type == "towing"]
    for number in range(14):
        _make_past_job(clients[number % len(clients)], chance.choice(towers), 2 + 3 * number, chance)
    made.add("requests", 14)
    _ask(clients[0], ALGIERS[4], "towing", chance)
    running = _ask(clients[1], ALGIERS[6], "towing", chance)
    offers.accept(actor=towers[0], assistance_id=running.pk)
    ChatMessage.objects.create(assistance=running, sender=clients[1], message="Je suis sur le bas-côté, voiture grise.")
    ChatMessage.objects.create(assistance=running, sender=towers[0], message="J'arrive dans dix minutes.")
    unanswered = _ask(clients[2], ALGIERS[16], "repair", chance)
    Assistance.objects.filter(pk=unanswered.pk).update(created_at=timezone.now() - dt.timedelta(minutes=9))
    made.add("requests", 3)


def _make_assistant(person: Person, number: int, chance: random.Random) -> User:
    user = _user(person, "assistant", f"assistant{number}@depannini.example")
    place = ALGIERS[number % 15]
    details = {
        "service_type": person.service_type,
        "vehicle_type": "truck" if person.service_type == "towing" else "van",
        "driving_license_cat": "c" if person.service_type == "towing" else "b",
        "driving_license_num": f"16/{chance.randint(100000, 999999)}",
        "driving_license_expiry": timezone.localdate() + dt.timedelta(days=chance.randint(200, 1500)),
        "vehicle_registration_num": chance.randint(10**10, 10**11),
        "current_lat": place.lat + chance.uniform(-0.01, 0.01),
        "current_lng": place.lng + chance.uniform(-0.01, 0.01),
    }
    assistant_registered.send(sender=User, user=user, details=details)
    if number != len(ASSISTANTS) - 1:
        approvals.approve_assistant(actor=User.objects.get(username=OPERATOR.login), assistant_id=user.pk)
        profiles.set_duty(actor=user, is_active=True)
    return user


def _ask(client: User, place: Place, kind: str, chance: random.Random) -> Assistance:
    here = (place.lat + chance.uniform(-0.005, 0.005), place.lng + chance.uniform(-0.005, 0.005))
    goal = chance.choice(ALGIERS[:15])
    asked = request_creation.request_assistance(
        actor=client,
        pickup=here,
        dropoff=(goal.lat, goal.lng) if kind == "towing" else None,
        assistance_type=kind,
        vehicle_type="light",
        description=chance.choice(("Batterie à plat", "Pneu crevé", "Moteur en surchauffe", "Accident léger")),
    )
    return Assistance.objects.get(pk=asked.job.pk)


def _make_past_job(client: User, helper: User, hours_ago: int, chance: random.Random) -> None:
    """A job from request to rating, set back in time."""
    job = _ask(client, chance.choice(ALGIERS[:15]), "towing", chance)
    offers.accept(actor=helper, assistance_id=job.pk)
    if hours_ago % 7 == 0:
        jobs.update_status(actor=client, assistance_id=job.pk, status="canceled")
    else:
        jobs.update_status(actor=helper, assistance_id=job.pk, status="ongoing")
        jobs.update_status(actor=helper, assistance_id=job.pk, status="completed")
        jobs.rate(actor=client, assistance_id=job.pk, rating=chance.choice((3, 4, 5, 5)))
    back = dt.timedelta(hours=hours_ago)
    now = timezone.now()
    waited = dt.timedelta(seconds=chance.randint(15, 240))
    changes = {"created_at": now - back, "accepted_at": now - back + waited, "ended_at": now - back + waited * 20}
    if hours_ago % 7:
        changes["started_at"] = now - back + waited * 8
    Assistance.objects.filter(pk=job.pk).update(updated_at=changes["ended_at"], **changes)
    Offer.objects.filter(assistance_id=job.pk).update(offered_at=changes["created_at"])
