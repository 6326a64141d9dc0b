"""Invented orders for trying things out: plausible customers, goods and real places."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Company, User
from depannini_dashmap.lib.ops.fake_data_guard import require_fake_data
from fleet.default_company import company_for
from orders.models import Order, Stop
from orders.numbers import take_numbers
from orders.sample_places import PLACES

if TYPE_CHECKING:
    from faker import Faker

_GOODS = {
    Order.GoodsType.STANDARD: ("Palettes of bottled water", "Office furniture", "Building material", "Spare parts"),
    Order.GoodsType.FRAGILE: ("Glassware", "Ceramic tiles", "Screens and computers"),
    Order.GoodsType.HAZMAT: ("Paint and solvents", "Gas bottles", "Cleaning chemicals"),
    Order.GoodsType.REFRIGERATED: ("Fresh produce and dairy products", "Frozen fish", "Vaccines"),
    Order.GoodsType.OVERSIZED: ("Steel beams", "Industrial boiler", "Wooden trusses"),
}
_WEIGHTS = (10, 2, 1, 3, 1)
_INSTRUCTIONS = ("", "", "Ring the bell at the entrance", "Use loading dock B", "Call 30 minutes before arrival")


def generate_fake_orders(
    *, actor: User, count: int, company: Company | None = None, seed: int | None = None
) -> list[Order]:
    """Invent pending orders with both stops; the same seed invents the same ones.

    Raises: Forbidden `fake_data_off` unless `ALLOW_FAKE_DATA`.
    """
    require_fake_data()
    return invent_orders(company_id=company_for(actor, company), count=count, seed=seed, actor=actor)


@transaction.atomic
def invent_orders(
    *, company_id: int, count: int, seed: int | None = None, actor: User | None = None, regions: tuple[str, ...] = ()
) -> list[Order]:
    """Write `count` invented orders of a company in five statements, for any count."""
    from faker import Faker  # 3 MB that few processes ever need

    chance = random.Random(seed)  # noqa: S311 - invented data, no secret
    faker = Faker(["fr_FR"])
    faker.seed_instance(chance.getrandbits(32))
    today = timezone.now().date()
    orders = [_order(company_id, chance, faker, today, regions or tuple(PLACES)) for _ in range(count)]
    stops = [stop for order in orders for stop in (order.pickup_stop, order.delivery_stop) if stop is not None]
    Stop.objects.bulk_create(stops)
    for order, number in zip(orders, take_numbers(count), strict=True):
        # Assigned once more: only now have the stops their ids.
        order.pickup_stop, order.delivery_stop = order.pickup_stop, order.delivery_stop
        order.order_number = number
    Order.objects.bulk_create(orders)
    Order.history.bulk_history_create(orders, default_user=actor, default_change_reason="invented")
    return orders


def _order(company_id: int, chance: random.Random, faker: Faker, today: date, regions: tuple[str, ...]) -> Order:
    places = PLACES[chance.choice(regions)]
    pickup, delivery = chance.sample(places, 2)
    goods_type = chance.choices(list(_GOODS), _WEIGHTS)[0]
    pickup_on = today + timedelta(days=chance.randrange(0, 10))
    return Order(
        company_id=company_id,
        customer_name=faker.name()[:200],
        customer_company=faker.company()[:200],
        customer_email=faker.ascii_safe_email()[:254],
        customer_phone=_phone(chance),
        pickup_stop=_stop(company_id, "pickup", pickup, chance, faker),
        delivery_stop=_stop(company_id, "delivery", delivery, chance, faker),
        goods_description=chance.choice(_GOODS[goods_type]),
        goods_weight=Decimal(chance.randrange(5_000, 800_000)).scaleb(-2),
        goods_volume=Decimal(chance.randrange(10, 3_000)).scaleb(-2),
        goods_type=goods_type,
        special_instructions=chance.choice(_INSTRUCTIONS),
        requested_pickup_date=pickup_on,
        requested_delivery_date=pickup_on + timedelta(days=chance.randrange(0, 3)),
    )


def _stop(company_id: int, stop_type: str, place: tuple[Any, ...], chance: random.Random, faker: Faker) -> Stop:
    name, address, latitude, longitude = place
    return Stop(
        company_id=company_id,
        stop_type=stop_type,
        name=name,
        address=address,
        latitude=Decimal(str(round(latitude + chance.uniform(-0.003, 0.003), 6))),
        longitude=Decimal(str(round(longitude + chance.uniform(-0.003, 0.003), 6))),
        contact_name=faker.name()[:100],
        contact_phone=_phone(chance),
        notes=chance.choice(_INSTRUCTIONS),
    )


def _phone(chance: random.Random) -> str:
    # Nobody's: the range kept for fiction.
    return f"555-{chance.randrange(100, 10_000):04d}"
