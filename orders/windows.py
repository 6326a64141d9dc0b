"""When a stop may be served: spans of clock times, `{"opens": "08:00:00", "closes": "10:00:00"}`; none means at any time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from depannini_dashmap.lib.api.fields import ClockTimeField
from depannini_dashmap.lib.text import plain_digits

MOST_WINDOWS = 6
_CLOCK = r"(\d{1,2})(?:[:hH.](\d{2})?)?(?:([ap])\.?m\.?)?"
# Without its spaces, as digits are made plain.
_SPAN = re.compile(rf"(?:de|from|من)?{_CLOCK}(?:-|à|a|to|au|till|إلى|الى|حتى){_CLOCK}", re.IGNORECASE)
_BETWEEN = re.compile(r"[,;،؛/|&+\n]|\b(?:et|and|puis|then)\b|(?<=\s)و(?=\s|\d)", re.IGNORECASE)
_WHOLE = _("A window has both times, opens and closes.")
_BACKWARDS = _("A window closes after it opens.")


def plain_windows(spans: Iterable[tuple[dt.time, dt.time]]) -> list[dict[str, str]] | None:
    """Return windows as they are stored, by their start; None for none. Raises: ValidationError."""
    rows = sorted(spans)
    if any(opens >= closes for opens, closes in rows):
        raise ValidationError(_BACKWARDS)
    if len(rows) > MOST_WINDOWS:
        raise ValidationError(_("At most %(count)s windows."), params={"count": MOST_WINDOWS})
    return [{"opens": opens.isoformat("seconds"), "closes": closes.isoformat("seconds")} for opens, closes in rows] or None


def read_windows(text: str) -> list[dict[str, str]] | None:
    """Return the windows of a text as people write it: `08:00-10:00, 14h à 16h30 et 8 AM - 24:00`. Raises: ValidationError."""
    spans = []
    for part in map(plain_digits, _BETWEEN.split(text)):
        if not part.strip():
            continue
        found = _SPAN.fullmatch(part)
        try:
            if found is None:
                raise ValueError(part)
            spans.append((_clock(*found.groups()[:3]), _clock(*found.groups()[3:], is_end=True)))
        except ValueError as error:
            raise ValidationError(_("Write windows as 08:00-10:00, several with commas.")) from error
    return plain_windows(spans)


def _clock(hour: str, minute: str | None, half: str | None, *, is_end: bool = False) -> dt.time:
    """Return a time as people write it; a window that ends at 24:00 ends with the day. Raises: ValueError."""
    hours, minutes = int(hour), int(minute or 0)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half.lower() == "p" else 0)
    if is_end and (hours, minutes) == (24, 0):
        return dt.time(23, 59)
    return dt.time(hours, minutes)


def written(windows: list[dict[str, str]] | None) -> str:
    """Return windows as `read_windows` reads them."""
    return ", ".join(f"{row['opens'][:5]}-{row['closes'][:5]}" for row in windows or ())


class WindowsFormField(forms.CharField):
    """Windows as one text."""

    def prepare_value(self, value: Any) -> Any:
        return written(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[dict[str, str]] | None:
        return read_windows(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or None) != self.to_python(data)
        except ValidationError:
            return True


class WindowsField(models.JSONField):
    """A list of windows, None for none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True})

    def formfield(self, **kwargs: Any) -> forms.Field:
        return WindowsFormField(required=False, label=capfirst(self.verbose_name), help_text=self.help_text)


class WindowSerializer(serializers.Serializer):
    """One window."""

    opens = ClockTimeField()
    closes = ClockTimeField()


class WindowsInput(serializers.ListSerializer):
    """Windows of a stop; null and the empty list are none. A text is read as sheets and forms write it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, child=WindowSerializer(), required=False, allow_null=True, max_length=MOST_WINDOWS, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        try:
            if isinstance(data, str):
                return read_windows(data)
            rows = super().run_validation(data)
            if rows and not all({"opens", "closes"} <= row.keys() for row in rows):
                raise ValidationError(_WHOLE)  # a partial body does not reach into a window
            return plain_windows((row["opens"], row["closes"]) for row in rows) if rows else None
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error

    def to_representation(self, data: Any) -> Any:
        return data or []
