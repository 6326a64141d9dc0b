"""Values in and out of the API."""

import datetime as dt

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.models import Company
from depannini_dashmap.lib.api.fields import (
    ClockTimeField,
    DecimalStringField,
    IsoDateField,
    ModelSerializer,
    NumberField,
    StrictIntegerField,
    UtcDateTimeField,
)
from depannini_dashmap.lib.time_zone import format_utc


def latitude() -> DecimalStringField:
    return DecimalStringField(max_digits=10, decimal_places=7, min_value=-90, max_value=90)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("36.7", "36.7000000"), (36.12345675, "36.1234568"), (0, "0.0000000"), ("-0.00000001", "0.0000000"), (90, "90.0000000")],
)
def test_decimals_are_rounded_never_refused(sent, kept):
    field = latitude()
    assert field.to_representation(field.run_validation(sent)) == kept


@pytest.mark.parametrize(
    "sent",
    [True, False, None, "", "nan", "NaN", "Infinity", float("inf"), float("nan"), "abc", [], {}, "90.0000001", -90.5, "9" * 5000, "1e400", 10**400],
)
def test_decimals_out_of_range_or_shape_are_refused(sent):
    with pytest.raises(ValidationError):
        latitude().run_validation(sent)


@pytest.mark.parametrize("sent", [True, "nan", float("inf"), "1e999", [], {}, None, "", "x"])
def test_numbers_refuse_what_is_no_number(sent):
    with pytest.raises(ValidationError):
        NumberField().run_validation(sent)


def test_numbers_may_come_as_text():
    assert NumberField().run_validation("36.5") == 36.5


@pytest.mark.parametrize("sent", [True, 1.5, "1.5", 2**63, -(2**63) - 1, "9" * 5000, "٣", [], None, "x"])
def test_integers_refuse_what_does_not_fit(sent):
    with pytest.raises(ValidationError):
        StrictIntegerField().run_validation(sent)


@pytest.mark.parametrize(("sent", "shown"), [("08:30", "08:30:00"), ("08:30:15", "08:30:15"), ("00:00", "00:00:00")])
def test_times_come_short_and_go_long(sent, shown):
    field = ClockTimeField()
    assert field.to_representation(field.run_validation(sent)) == shown


@pytest.mark.parametrize("sent", ["24:00", "8", "nine", 8, True])
def test_times_out_of_the_day_are_refused(sent):
    with pytest.raises(ValidationError):
        ClockTimeField().run_validation(sent)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2024-01-15T14:30:00Z", "2024-01-15T14:30:00Z"),
        ("2024-01-15T14:30:00.987+01:00", "2024-01-15T13:30:00Z"),
        ("2024-01-15T14:30:00", "2024-01-15T14:30:00Z"),
    ],
)
def test_instants_are_utc_and_whole(sent, shown):
    field = UtcDateTimeField()
    assert field.to_representation(field.run_validation(sent)) == shown


@pytest.mark.parametrize("sent", ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "yesterday", 5, True])
def test_instants_out_of_the_calendar_are_refused(sent):
    with pytest.raises(ValidationError):
        UtcDateTimeField().run_validation(sent)


@pytest.mark.parametrize(
    ("field", "sent"),
    [(UtcDateTimeField(), "٢٠٢٤-٠١-١٥T١٤:٣٠:٠٠Z"), (ClockTimeField(), "٠٨:٣٠"), (IsoDateField(), "٢٠٢٤-٠١-١٥"), (IsoDateField(), "２０２４-01-15")],
)
def test_what_programs_write_has_ascii_digits(field, sent):
    with pytest.raises(ValidationError):
        field.run_validation(sent)


def test_formats():
    assert format_utc(dt.datetime(999, 1, 2, tzinfo=dt.UTC)) == "0999-01-02T00:00:00Z"
    assert format_utc(None) is None


class _Nested(ModelSerializer):
    tags = serializers.ListField(child=serializers.CharField(max_length=3), required=False)

    class Meta:
        model = Company
        fields = ["name", "tags"]


def test_serializers_of_one_class_share_no_field() -> None:
    first, second = _Nested(data={"name": "A"}, context={"who": 1}), _Nested(data={"name": "B"}, context={"who": 2})
    for name in ("name", "tags"):
        assert first.fields[name] is not second.fields[name]
        assert (first.fields[name].parent, second.fields[name].parent) == (first, second)
        assert (first.fields[name].context["who"], second.fields[name].context["who"]) == (1, 2)
    assert first.fields["tags"].child.context["who"] == 1
    assert second.fields["tags"].child.context["who"] == 2
    first.fields["name"].required = False
    assert second.fields["name"].required
    assert _Nested(data={}).fields["name"].required
    assert not _Nested(data={"name": "A", "tags": ["four"]}).is_valid()
