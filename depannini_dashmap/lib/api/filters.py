"""Typed list filters: a value of the wrong kind is a 400 with `fields`, an unknown id an empty list."""

import datetime as dt
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from depannini_dashmap.lib.db.search import search
from depannini_dashmap.lib.numbers import NotANumber, read_integer
from depannini_dashmap.lib.text import clean

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class _IdFormField(forms.IntegerField):
    widget = forms.TextInput

    def clean(self, value: Any) -> int | None:
        if value is None:
            return None
        try:
            number = read_integer(value)
        except NotANumber as error:
            raise ValidationError("Expected an id.") from error
        if not -(2**63) <= number < 2**63:
            raise ValidationError("Expected an id.")
        return number


class IdFilter(django_filters.Filter):
    """`?company=7`; whether the caller may see row 7 is the business of the listed rows' own `visible_to`."""

    field_class = _IdFormField


class _TruthFormField(forms.CharField):
    def clean(self, value: Any) -> bool | None:
        if value is None:
            return None
        truth = _TRUTHS.get(str(value).strip().lower())
        if truth is None:
            raise ValidationError("Expected true or false.")
        return truth


class TruthFilter(django_filters.Filter):
    """`?is_active=true`, `false`, `1` or `0`."""

    field_class = _TruthFormField


class _InstantFormField(forms.CharField):
    def clean(self, value: Any) -> dt.datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            # An unescaped `+` in a URL arrives as a space.
            instant = parse_datetime(
                text.replace(" ", "T", 1).replace(" ", "+") if "T" not in text else text.replace(" ", "+")
            )
            if instant is None:
                instant = dt.datetime.combine(dt.date.fromisoformat(text), dt.time())
            return (instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Expected a date-time, e.g. 2024-01-15T08:00:00Z.") from error


class InstantFilter(django_filters.Filter):
    """`?updated_since=2024-01-15T08:00:00Z`; no zone means UTC, a bare date its midnight."""

    field_class = _InstantFormField


class SearchFilter(django_filters.CharFilter):
    """`?search=text`: rows where one of `fields` contains the text."""

    def __init__(self, fields: tuple[str, ...], **kwargs: Any) -> None:
        self.fields = fields
        super().__init__(max_length=100, **kwargs)

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        value = clean(value)
        if not value:
            return qs
        return search(qs, self.fields, [value], value)


class AnyOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """`?status=draft,planned`: one or several of the declared choices."""
