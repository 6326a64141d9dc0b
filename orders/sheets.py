"""What a row of an order sheet means: an order known by its number, its reference or the row itself."""

import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from import_export.results import Result, RowResult

from accounts.models import Company, User
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.sheets.headings import fold
from depannini_dashmap.lib.sheets.resources import RowResource
from depannini_dashmap.lib.sheets.tables import Row
from depannini_dashmap.lib.text import plain_digits
from fleet.default_company import company_for
from fleet.sheets import named_company
from orders import services
from orders.field_names import ENDS, LOCATION, ORDER, STOP, WANTED
from orders.models import Order, Stop
from orders.numbers import take_numbers
from orders.representation import order_document, order_rows
from orders.serializers import OrderChangeSerializer
from orders.sheet_columns import KINDS, OTHER_HEADINGS
from orders.steps import locks
from orders.stops import StopInput
from orders.swapped_places import MOST_COMPARED, Point, is_swapped

SUSPICIOUS_KM, VERY_FAR_KM = 500, 3000
_WHOLE_NUMBER = re.compile(r"([0-9]+)\.0+\Z")
_NULLABLE = ("goods_weight", "goods_volume", "required_skills", "price", *WANTED)
_DEFAULTED = ("goods_type", "priority")
_NULLABLE_OF_STOPS = (*LOCATION, "windows", "service_minutes")
# Columns that came later: an empty one leaves the key of a row as it was, so that old files are known again.
_LATER = ("priority", "price", "required_skills", *(f"{end}_{name}" for end in ENDS for name in ("windows", "service_minutes")))


class OrderResource(RowResource):
    """One order a row; a file may be imported again without making anything twice.

    A row with an `order_number` changes that order. One with a `reference` makes or changes the order of that
    reference. Any other row is remembered by its content: met again, it is skipped. Orders that are delivered,
    cancelled or in a trip that is over are not rewritten. A row with only a delivery is picked up at the company's
    depot. With `as_new` every row is another order, and a reference
    that is taken gets a number: `A-7 #2`.
    """

    columns: ClassVar = {
        "order_number": "order_number",
        "reference": "reference",
        "company": "company__name",
        **{name: name for name in ORDER},
        "required_skills": "written_skills",
        **{f"{end}_{name}": f"{end}_stop__{name}" for end in ENDS for name in STOP},
        **{f"{end}_windows": f"{end}_stop__written_windows" for end in ENDS},
        "status": "status",
    }
    required = ("customer_name", "goods_description")
    told_only = ("status",)
    import_only: ClassVar = tuple(f"{end}_coordinates" for end in ENDS)
    other_headings, kinds = OTHER_HEADINGS, KINDS
    unique: ClassVar = ("order_number", "reference")
    chosen_from = ("goods_type", "status")
    may_repeat = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.met: set[int] = set()
        self.seen: Counter[str] = Counter()
        self.companies: dict[str, int] = {}
        self.rows_of_companies: dict[int, Company] = {}
        self.serializers: dict[bool, OrderChangeSerializer] = {}
        self.references: dict[int, dict[str, list[int]]] = {}
        self.stock: list[str] = []
        self.places_of_file: list[Point] = []
        self.places_of_companies: dict[int, list[Point]] = {}
        self.numbers: Iterator[str] = (f"?{uuid4().hex[:18]}" for _ in itertools.count())

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> Result:
        """Import; the numbers are taken beforehand, so that no other order waits for the end of the file."""
        if not dry_run:
            self.numbers = iter(take_numbers(len(dataset)))
        return super().import_data(dataset, dry_run=dry_run, **kwargs)

    def begin(self, rows: Iterable[Row]) -> None:
        """Take note of the places of the file, too."""
        super().begin(self._noting_places(rows))

    def _noting_places(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if len(self.places_of_file) < MOST_COMPARED:
                self.places_of_file += [place for end in ENDS if (place := _written_point(row.cells, end))]
            yield row

    def prepare(self, count: int) -> None:
        """Take the numbers of the next rows, so that no other order waits for the end of their transaction."""
        self.stock += take_numbers(max(0, count - len(self.stock)))
        self.numbers = _drawn_from(self.stock)

    def _key(self, name: str, text: str) -> str:
        """Let a reference that a program wrote as a number, 1001.0, be the one that it is."""
        return _WHOLE_NUMBER.sub(r"\1", super()._key(name, text))

    def pass_over(self, cells: dict[str, str]) -> None:
        """Count the row among those that are equal."""
        if not cells.get("order_number") and not cells.get("reference"):
            self._digest(cells)

    def filter_export(self, queryset: QuerySet, **kwargs: Any) -> QuerySet:
        return queryset.select_related("company", "pickup_stop", "delivery_stop")

    def error_columns(self, fields: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return `pickup_stop.name` as `pickup_name`."""
        return {name.replace("_stop.", "_"): texts for name, texts in fields.items()}

    def put_row(self, row: dict[str, str], *, user: User, number: int, dry_run: bool) -> tuple[str, Order]:
        """Make the order, change the known one, or skip the row."""
        if row.get("order_number"):
            if self.as_new:
                raise ValidationError({"order_number": [_("Leave it empty: every row is to be a new order.")]})
            order = self._numbered(row["order_number"], user)
            self._turn_swapped(row, order.company_id)
            return self._change(order, row, user, "order_number")
        company_id = self._company_id(user, row.get("company", ""))
        given = row.get("reference", "")
        if len(given) > 64:
            raise ValidationError({"reference": [_("Use at most 64 characters.")]})
        reference = given or self._digest(row)
        self._turn_swapped(row, company_id)  # after the digest, which is of the row as it was written
        if self.as_new:
            reference = _free_reference(company_id, reference)
        known = Order.objects.filter(company_id=company_id, reference=reference).first()
        if known is None and given and not self.as_new:
            known = self._spelt_otherwise(company_id, reference)
        if known is not None and not given:
            return self._from_depot(known, row, user) or (RowResult.IMPORT_TYPE_SKIP, known)
        if known is not None:
            kind, order = self._change(known, row, user, "reference")
            return self._from_depot(order, row, user) or (kind, order)
        fields = self._read(row, user, partial=False)
        if depot := self._depot_for(row, company_id):
            fields["pickup_stop"] = depot
        order = services.create_order(
            actor=user, company=Company(pk=company_id), order_number=next(self.numbers), reference=reference, **fields
        )
        order.company = self._company(company_id)
        self.met.add(order.pk)
        self._note_swapped(order)
        self._note_far(order)
        return RowResult.IMPORT_TYPE_NEW, order

    def _spelt_otherwise(self, company_id: int, reference: str) -> Order | None:
        """Return the order whose reference differs in case, spaces or kind of digits alone. Raises: ValidationError for several."""
        if company_id not in self.references:
            kept: dict[str, list[int]] = defaultdict(list)
            rows = Order.objects.filter(company_id=company_id).exclude(reference="").exclude(reference__startswith="row-")
            for pk, text in rows.values_list("pk", "reference").iterator():
                kept[self._key("reference", text)].append(pk)
            self.references[company_id] = kept
        found = self.references[company_id].get(self._key("reference", reference), [])
        if len(found) > 1:
            raise ValidationError({"reference": [_("Several orders have this reference, in other spellings: write it as the order has it.")]})
        order = Order.objects.filter(pk__in=found).first()
        if order is not None:
            self.note(_("Known as %(reference)s") % {"reference": order.reference})
        return order

    def _turn_swapped(self, row: dict[str, str], company_id: int) -> None:
        """Exchange the coordinates of a row's places where they are swapped by all that is known, and say so."""
        for end in ENDS:
            place = _written_point(row, end)
            if place is None or not is_swapped(place, known=self._known_places(company_id), others=self.places_of_file):
                continue
            names = [f"{end}_{name}" for name in LOCATION]
            row[names[0]], row[names[1]] = row[names[1]], row[names[0]]
            self.note(
                _("%(place)s: latitude and longitude were swapped, by the other places that are known; read as %(latitude)s, %(longitude)s.")
                % {"place": self.label(f"{end}_address"), "latitude": row[names[0]], "longitude": row[names[1]]}
            )

    def _known_places(self, company_id: int) -> list[Point]:
        """Return where the company works: its depot and its newest places; one query a company."""
        if company_id not in self.places_of_companies:
            stops = Stop.objects.filter(company_id=company_id, latitude__isnull=False).order_by("-pk")
            depot = _point(SimpleNamespace(**(self._company(company_id).depot or {})))
            found = [place for stop in stops.only("latitude", "longitude")[:MOST_COMPARED] if (place := _point(stop))]
            self.places_of_companies[company_id] = [depot, *found] if depot else found
        return self.places_of_companies[company_id]

    def _note_swapped(self, order: Order) -> None:
        """Note a place that is far from the depot, or the order's other one, and near with its coordinates swapped."""
        depot = self._company(order.company_id).depot or {}
        places = {end: _point(getattr(order, f"{end}_stop")) for end in ENDS}
        for end, other in zip(ENDS, reversed(ENDS), strict=True):
            place, near = places[end], _point(SimpleNamespace(**depot)) or places[other]
            if place is None or near is None or abs(place[1]) > 90:
                continue
            away = haversine_km(*place, *near)
            if away > SUSPICIOUS_KM and haversine_km(place[1], place[0], *near) < away / 5:
                self.note(
                    _("%(place)s: %(km)d km away; are latitude and longitude swapped?") % {"place": self.label(f"{end}_address"), "km": away}
                )

    def _note_far(self, order: Order) -> None:
        """Note a place that is on another continent than all that are known, as one whose sign was lost is."""
        for end in ENDS:
            place, known = _point(getattr(order, f"{end}_stop")), self._known_places(order.company_id)
            if place and known and not any(haversine_km(*place, *one) <= VERY_FAR_KM for one in known):
                away = min(haversine_km(*place, *one) for one in known)
                self.note(_("%(place)s: %(km)d km from all places that are known; is it right?") % {"place": self.label(f"{end}_address"), "km": away})

    def _company(self, company_id: int) -> Company:
        if company_id not in self.rows_of_companies:
            self.rows_of_companies[company_id] = Company.objects.get(pk=company_id)
        return self.rows_of_companies[company_id]

    def _depot_for(self, row: dict[str, str], company_id: int) -> StopInput | None:
        """Return the company's depot as the pickup of a row with a delivery only, and note it either way."""
        has_stop = {end: any(row.get(f"{end}_{name}") for name in STOP) for end in ENDS}
        if has_stop["pickup"] or not has_stop["delivery"]:
            return None
        company = self._company(company_id)
        name, depot = company.name, company.depot
        if depot is None:
            self.note(_("No pickup, so no trip can take it: give the company %(name)s a depot on its page, or the row a pickup.") % {"name": name})
            return None
        self.note(_("Pickup: depot of %(name)s") % {"name": name})
        return StopInput(fields=depot)

    def _from_depot(self, order: Order, row: dict[str, str], user: User) -> tuple[str, Order] | None:
        """Return the pickup that an existing order lacks; None where it has one, or the company no depot."""
        if order.pickup_stop_id is not None or services.is_final(actor=user, order=order):
            return None
        depot = self._depot_for(row, order.company_id)
        if depot is None:
            return None
        order = services.update_order(actor=user, order_id=order.pk, pickup_stop=depot)
        self.met.add(order.pk)
        return RowResult.IMPORT_TYPE_UPDATE, order

    def stored_cells(self, instance: Order) -> list[Any]:
        """Leave out the number that a dry run does not take, and the key of a row without a reference."""
        return ["" if str(cell).startswith(("?", "row-")) else cell for cell in super().stored_cells(instance)]

    def is_off_map(self, instance: Order) -> bool:
        """Return whether a stop of the order has no coordinates."""
        return any(stop is not None and stop.latitude is None for stop in (instance.pickup_stop, instance.delivery_stop))

    @classmethod
    def label(cls, column: str) -> str:
        """Return what a column is called on a page: `Pickup: address`."""
        end, _underscore, name = column.partition("_")
        return _("%(end)s: %(name)s") % {"end": _(end.capitalize()), "name": _(name.replace("_", " "))} if end in ENDS else super().label(column)

    def _company_id(self, user: User, name: str) -> int:
        if name not in self.companies:
            self.companies[name] = company_for(user, named_company(user, name))
        return self.companies[name]

    def _numbered(self, order_number: str, user: User) -> Order:
        order = Order.objects.visible_to(user).filter(order_number=plain_digits(order_number).upper()).first()
        if order is None:
            raise ValidationError({"order_number": [_("Unknown order number; leave it empty for a new order.")]})
        return order

    def _change(self, order: Order, row: dict[str, str], user: User, key: str) -> tuple[str, Order]:
        if order.pk in self.met:
            raise ValidationError({key: [_("Another row of this file is about the same order.")]})
        order = locks.lock_order(user, order.pk)
        is_final, before = services.is_final(actor=user, order=order), _document(order.pk)
        if is_final and key == "reference":
            raise ValidationError({key: [_final_already(order)]})
        fields = self._read(row, user, partial=True)
        for end in ENDS:
            if f"{end}_stop" in fields:
                fields[f"{end}_stop"] = self._located(end, getattr(order, f"{end}_stop"), fields[f"{end}_stop"])
        with transaction.atomic():
            order = services.update_order(actor=user, order_id=order.pk, **fields)
            same = before == _document(order.pk)
            if is_final and not same:
                raise ValidationError({key: [_final_already(order)]})
        self.met.add(order.pk)
        self._note_swapped(order)
        return (RowResult.IMPORT_TYPE_SKIP if same else RowResult.IMPORT_TYPE_UPDATE), order

    def _located(self, end: str, own: Stop | None, sent: StopInput) -> StopInput:
        """Return what a row says of a stop whose place people may have found meanwhile.

        Without coordinates in the row the place stays with its address, and goes with it.
        """
        if own is None or own.latitude is None or any(sent.fields.get(name) is not None for name in LOCATION):
            return sent
        rest = {name: value for name, value in sent.fields.items() if name not in LOCATION}
        if fold(rest.get("address", own.address)) == fold(own.address):
            return StopInput(fields=rest)
        self.note(_("%(place)s has changed: its place on the map is to be found again.") % {"place": self.label(f"{end}_address")})
        return StopInput(fields={**rest, **dict.fromkeys(LOCATION)})

    def _read(self, row: dict[str, str], user: User, *, partial: bool) -> dict[str, Any]:
        sent: dict[str, Any] = {}
        for name in ORDER:
            if name in row and (row[name] or name not in _DEFAULTED):
                sent[name] = row[name] or (None if name in _NULLABLE else "")
        for end in ENDS:
            stop = {name: row[f"{end}_{name}"] for name in STOP if f"{end}_{name}" in row}
            if any(stop.values()):
                sent[f"{end}_stop"] = {
                    name: value or (None if name in _NULLABLE_OF_STOPS else "") for name, value in stop.items()
                }
        if partial not in self.serializers:
            context = {"request": SimpleNamespace(user=user)}
            self.serializers[partial] = OrderChangeSerializer(partial=partial, context=context)
        return self.validated(self.serializers[partial], sent)

    def _digest(self, row: dict[str, str]) -> str:
        """Return the key of a row without number and reference; equal rows of one file count up."""
        names = (name for name in self.columns if name not in ("order_number", "status", *_LATER))
        content = "\x1f".join([*(row.get(name, "") for name in names), *(f"{name}={row[name]}" for name in _LATER if row.get(name))])
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        self.seen[digest] += 1
        return f"row-{digest}-{self.seen[digest]}"


def _point(place: Any) -> tuple[float, float] | None:
    latitude, longitude = getattr(place, "latitude", None), getattr(place, "longitude", None)
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


def _written_point(cells: dict[str, str], end: str) -> Point | None:
    """Return the place of a row, None where it has none that can be read."""
    try:
        latitude, longitude = (float(cells.get(f"{end}_{name}", "")) for name in LOCATION)
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _drawn_from(stock: list[str]) -> Iterator[str]:
    while stock:
        yield stock.pop(0)


def _final_already(order: Order) -> str:
    return _(
        "Order %(number)s has this already and is finished (%(status)s) or in a trip that is over; it stays as it is. "
        "Give the row a reference of its own, or choose “Every row is a new order”."
    ) % {"number": order.order_number, "status": order.get_status_display()}


def _free_reference(company_id: int, reference: str) -> str:
    """Return the reference, or the first `reference #2`, `#3` … that the company does not have."""
    taken = Order.objects.filter(company_id=company_id)
    if not taken.filter(reference=reference).exists():
        return reference
    start = f"{reference[:57]} #"
    ends = [text.removeprefix(start) for text in taken.filter(reference__startswith=start).values_list("reference", flat=True)]
    return f"{start}{max((int(end) for end in ends if end.isascii() and end.isdigit()), default=1) + 1}"


def _document(order_id: int) -> dict[str, Any]:
    return order_document(order_rows(Order.objects.filter(pk=order_id)).get())
