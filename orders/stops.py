"""Stops: made, changed in place, copied; a stop keeps its identity while its order lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.errors import Conflict, InvalidData
from depannini_dashmap.lib.geo import HALF_LOCATION
from orders.field_names import LOCATION, STOP
from orders.models import Order, Stop

REQUIRED = ("name", "address")


@dataclass(frozen=True, slots=True)
class StopInput:
    """The input for a stop: the row of a bare id, or the fields of an object, or `null`."""

    stop: Stop | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_null: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """The fields that the order's stop shall have."""
        if self.stop is not None:
            return {name: getattr(self.stop, name) for name in STOP}
        return {name: value for name, value in self.fields.items() if name in STOP}


def lacking_half(location: Mapping[str, Any]) -> str | None:
    """Return the coordinate that is missing next to the other one; None when both are present, or neither."""
    lacking = [name for name in LOCATION if location.get(name) is None]
    return lacking[0] if len(lacking) == 1 else None


def require_stop(content: Mapping[str, Any], *, called: str, before: Stop | None = None) -> None:
    """Refuse a stop without name or address, and half a location; a field that is not sent stays as it was `before`.

    Raises: InvalidData, with its fields named after what the stop is `called` in the request.
    """
    will_be = {name: getattr(before, name, None) for name in STOP} | dict(content)
    faults = {name: ["This field is required."] for name in REQUIRED if not will_be[name]}
    if half := lacking_half(will_be):
        faults[half] = [HALF_LOCATION]
    if faults:
        raise InvalidData(fields={f"{called}.{name}": messages for name, messages in faults.items()})


def create_stop(*, company_id: int, stop_type: str = Stop.Type.PICKUP, name: str, address: str, **content: Any) -> Stop:
    """Make a stop of a company; without an order it stands alone, e.g. for a trip's own stop."""
    return Stop.objects.create(company_id=company_id, stop_type=stop_type, name=name, address=address, **content)


def copy_stop(stop: Stop, *, company_id: int, stop_type: str | None = None) -> Stop:
    """Make a stop with the content of another one."""
    return create_stop(company_id=company_id, stop_type=stop_type or stop.stop_type, **StopInput(stop).content)


def change_stop(stop: Stop, content: Mapping[str, Any]) -> bool:
    """Change the fields that differ, in a stop whose order, if it has one, is locked. Returns whether any did.

    Effects: `updated_at` of stop and order change, which drivers' notifications and incremental reads compare.
    """
    changed = {name: value for name, value in content.items() if getattr(stop, name) != value}
    for name, value in changed.items():
        setattr(stop, name, value)
    if changed.keys() & set(LOCATION):
        # Both are written, so that two changes at once cannot leave half a location.
        changed.update({name: getattr(stop, name) for name in LOCATION})
    if changed:
        stop.save(update_fields=[*changed, "updated_at"])
        Order.objects.filter(Q(pickup_stop=stop) | Q(delivery_stop=stop)).update(updated_at=stop.updated_at)
    return bool(changed)


def put_stop(order: Order, end: str, sent: StopInput) -> bool:
    """Return the order (locked, or not saved yet) the stop that was sent for its `pickup` or `delivery` end.

    The order's own stop is changed in place; `null` takes it away. Returns whether the order's own row changed.
    Raises: InvalidData (without name or address, half a location), Conflict (`null` while in a trip).
    """
    attribute = f"{end}_stop"
    own: Stop | None = getattr(order, attribute)
    if sent.is_null:
        return _take_away(order, attribute)
    require_stop(sent.content, called=attribute, before=own)
    if own is not None:
        if change_stop(own, sent.content):
            order.updated_at = own.updated_at
        return False
    setattr(order, attribute, create_stop(company_id=order.company_id, stop_type=end, **sent.content))
    return True


def give_stops(order: Order, sent: Mapping[str, StopInput | None]) -> None:
    """Return an order that is not saved yet the stops that were sent for its ends, in one statement.

    Raises: InvalidData (without name or address, half a location).
    """
    made = {}
    for end, given in sent.items():
        if given is not None and not given.is_null:
            require_stop(given.content, called=f"{end}_stop")
            made[f"{end}_stop"] = Stop(company_id=order.company_id, stop_type=end, **given.content)
    Stop.objects.bulk_create(made.values())
    for attribute, stop in made.items():
        setattr(order, attribute, stop)


def _take_away(order: Order, attribute: str) -> bool:
    own: Stop | None = getattr(order, attribute)
    if own is None:
        return False
    if order.is_in_trip:
        raise Conflict(_("The order is in a trip and needs its stops"), code="order_in_trip")
    setattr(order, attribute, None)
    order.save(update_fields=[attribute, "updated_at"])
    discard_stops(own)
    return False


def discard_stops(*stops: Stop) -> None:
    """Delete stops that nothing uses any more; a stop that an old trip still shows stays."""
    for stop in stops:
        try:
            with transaction.atomic():
                stop.delete()
        except ProtectedError:
            continue
