"""Serializer fields that read and write values as the contract does; DRF's own differ in the cases named here."""

import copy
import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from weakref import WeakKeyDictionary

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from depannini_dashmap.lib.db.phone_fields import LONGEST as LONGEST_PHONE
from depannini_dashmap.lib.db.phone_fields import PhoneTextField, validate_loose_phone
from depannini_dashmap.lib.numbers import NotANumber, read_decimal, read_float, read_integer
from depannini_dashmap.lib.text import NotAnEmail, canonical_email, clean, plain_phone
from depannini_dashmap.lib.time_zone import format_utc


class _PlainText:
    """What programs write is ASCII; Python's patterns for dates take digits of every script."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value("" if isinstance(data, str) and not data.isascii() else data)  # type: ignore[misc]


class UtcDateTimeField(_PlainText, serializers.DateTimeField):
    """Reads ISO 8601 (no zone: UTC), writes whole seconds with `Z`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("default_timezone", dt.UTC)
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> Any:
        return format_utc(value)


# The format `time` of JSON Schema would ask for a zone.
@extend_schema_field({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$", "example": "08:00:00"})
class ClockTimeField(_PlainText, serializers.TimeField):
    """Reads `HH:MM` and `HH:MM:SS`, writes `HH:MM:SS`."""

    def to_representation(self, value: Any) -> str:
        return value.replace(microsecond=0, tzinfo=None).isoformat(timespec="seconds")


class IsoDateField(_PlainText, serializers.DateField):
    """Reads and writes `YYYY-MM-DD`."""


class DecimalStringField(serializers.DecimalField):
    """Rounds what has too many decimals instead of refusing it; checks the range on what was sent, before rounding."""

    max_digits: int
    decimal_places: int

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            value = read_decimal(data)
        except NotANumber:
            self.fail("invalid")
        if value.adjusted() > self.max_digits:
            self.fail("max_digits", max_digits=self.max_digits)
        # The validators would see only the rounded value: 90.0000001 degrees must not become 90.
        self.run_validators(value)
        rounded = value.quantize(Decimal(1).scaleb(-self.decimal_places), rounding=ROUND_HALF_UP)
        return self.validate_precision(abs(rounded) if rounded.is_zero() else rounded)


class NumberField(serializers.FloatField):
    """A JSON number; numeric strings are fine, `true`, NaN and infinities are not."""

    def to_internal_value(self, data: Any) -> float:
        try:
            return read_float(data)
        except NotANumber:
            self.fail("invalid")


class StrictIntegerField(serializers.IntegerField):
    """A whole number within 64 bits; `true` is not one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", 2**63 - 1)
        kwargs.setdefault("min_value", -(2**63))
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        try:
            return read_integer(data)
        except NotANumber:
            self.fail("invalid")


class TextField(serializers.CharField):
    """What people type, in NFC without invisible characters at its ends; a text with nothing to see is an empty one."""

    # Putting marks in order takes the square of their number, so what is far too long is refused unread.
    LONGEST = 20_000

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            if len(data) > min(4 * (self.max_length or self.LONGEST) + 64, self.LONGEST):
                self.fail("max_length", max_length=self.max_length or self.LONGEST)
            data = clean(data)
        return super().run_validation(data)


class EmailField(serializers.EmailField):
    """An e-mail in its one spelling; an empty one reads as none where none is allowed."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            if len(data) > 4 * (self.max_length or 254):
                self.fail("max_length", max_length=self.max_length or 254)
            data = clean(data)
            if not data and self.allow_null:
                data = None
            elif data:
                data = self._canonical(data)
        return super().run_validation(data)

    def _canonical(self, typed: str) -> str:
        try:
            return canonical_email(typed)
        except NotAnEmail:
            self.fail("invalid")


class PhoneTextSerializerField(serializers.CharField):
    """Serializer field of free-text phone numbers; of JSON numbers it accepts integers."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_PHONE)
        super().__init__(**kwargs)
        if not any(validator is validate_loose_phone for validator in self.validators):
            self.validators.append(validate_loose_phone)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, float):
            self.fail("invalid")
        return plain_phone(super().to_internal_value(data))


class VisibleRelatedField(serializers.PrimaryKeyRelatedField):
    """The id of a row that the caller may see; a foreign id reads exactly as an unknown one.

    The queryset's model must have a manager with `visible_to(user)`.
    """

    default_error_messages = {"does_not_exist": _("Unknown id."), "incorrect_type": "Expected an id."}

    def get_queryset(self) -> models.QuerySet:
        rows: Any = super().get_queryset()
        return rows.visible_to(self.context["request"].user)

    def to_internal_value(self, data: Any) -> models.Model:
        try:
            return super().to_internal_value(read_integer(data))
        except NotANumber:
            self.fail("incorrect_type")
        except OverflowError:
            self.fail("does_not_exist")


class ModelSerializer(serializers.ModelSerializer):
    """DRF's with the fields of this module for the model fields that they fit."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcDateTimeField,
        models.DateField: IsoDateField,
        models.TimeField: ClockTimeField,
        models.DecimalField: DecimalStringField,
        models.FloatField: NumberField,
        PhoneTextField: PhoneTextSerializerField,
        models.CharField: TextField,
        models.TextField: TextField,
        models.EmailField: EmailField,
        **dict.fromkeys(
            (
                models.IntegerField,
                models.BigIntegerField,
                models.SmallIntegerField,
                models.PositiveIntegerField,
                models.PositiveSmallIntegerField,
                models.PositiveBigIntegerField,
            ),
            StrictIntegerField,
        ),
    }
    serializer_related_field = VisibleRelatedField

    def get_fields(self) -> dict[str, Any]:
        """Return fields of this instance's own, made from those of its class, which are built once a process.

        They depend on the model and the class alone, and reading the model for each again takes longer than validating.
        """
        kind = type(self)
        if kind not in _built:
            _built[kind] = {name: _Built(field) for name, field in super().get_fields().items()}
        return {name: built.copy() for name, built in _built[kind].items()}

    def get_validators(self) -> list[Any]:
        """Return the validators of the class, which are found once a process, too."""
        kind = type(self)
        if kind not in _validators:
            _validators[kind] = super().get_validators()
        return list(_validators[kind])


class _Built:
    """A field that serves as the pattern of those of many serializers."""

    def __init__(self, field: serializers.Field) -> None:
        self._field = field
        # What a field holds knows it as its parent, so it is made anew with it.
        holds_others = any(isinstance(held, serializers.Field) for held in vars(field).values())
        self._is_simple = not holds_others and not isinstance(field, serializers.BaseSerializer)
        if self._is_simple:
            field.validators  # noqa: B018 - found once, and copied with the field

    def copy(self) -> serializers.Field:
        """Return a field that belongs to no serializer yet."""
        if not self._is_simple:
            return copy.deepcopy(self._field)
        # What copy.copy() does in the end, without its way there.
        made = object.__new__(type(self._field))
        made.__dict__.update(self._field.__dict__)
        return made


# By class; a class that is gone, as in tests, takes its fields with it.
_built: WeakKeyDictionary[type, dict[str, _Built]] = WeakKeyDictionary()
_validators: WeakKeyDictionary[type, list[Any]] = WeakKeyDictionary()
