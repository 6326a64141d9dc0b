"""Serializer fields of accounts: phones, e-mails, usernames, licence dates, passwords."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.managers import normalise_email
from accounts.phones import NotAPhoneNumber, normalise_phone
from depannini_dashmap.lib.fields import StrictIntegerField

_SHORT_DATE = re.compile(r"\s*(\d{1,2})[:/.-](\d{1,2})[:/.-](\d{2}|\d{4})\s*\Z", re.ASCII)


class PhoneField(serializers.CharField):
    """A phone number, stored as E.164; empty reads as none."""

    default_error_messages = {"invalid_phone": "Enter a phone number of 8 to 15 digits."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        try:
            return normalise_phone(super().to_internal_value(data))
        except NotAPhoneNumber:
            self.fail("invalid_phone")


class EmailField(serializers.EmailField):
    """An e-mail in its one spelling; an empty one reads as none where none is allowed."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if self.allow_null and isinstance(data, str) and not data.strip():
            data = None
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        return normalise_email(super().to_internal_value(data)) or ""


class UsernameField(serializers.CharField):
    """A username that somebody chooses: no `@`, no leading `+`, nothing invisible."""

    default_error_messages = {"invalid_username": "A username has no @, no leading + and no invisible characters."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 150)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if "@" in name or name.startswith("+") or not name.isprintable():
            self.fail("invalid_username")
        return name


class PasswordField(serializers.CharField):
    """A password, kept exactly as it was typed; how good it must be is checked by the services."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 256)
        super().__init__(write_only=True, trim_whitespace=False, **kwargs)


class CodeField(serializers.CharField):
    """A code as it was typed; whether it is right is never a question of its form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=32, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        typed = super().to_internal_value(data).replace(" ", "")
        return f"{int(data):06d}" if isinstance(data, int) else typed


@extend_schema_field({"type": "string", "example": "31:12:29"})
class LicenceExpiryField(serializers.Field):
    """`dd:mm:yy` (20yy) in and out, `dd:mm:yyyy` and ISO accepted in; it must lie after today where the users live."""

    default_error_messages = {
        "invalid": "Enter a date as dd:mm:yy.",
        "expired": "The licence must expire in the future.",
    }

    def to_internal_value(self, data: Any) -> dt.date:
        if not isinstance(data, str) or len(data) > 32:
            self.fail("invalid")
        try:
            if match := _SHORT_DATE.match(data):
                day, month, year = (int(part) for part in match.groups())
                date = dt.date(year if year > 99 else 2000 + year, month, day)
            else:
                date = dt.date.fromisoformat(data.strip()[:10])
        except ValueError:
            self.fail("invalid")
        if date <= timezone.localdate(timezone=ZoneInfo(settings.DISPLAY_TIME_ZONE)):
            self.fail("expired")
        return date

    def to_representation(self, value: dt.date) -> str:
        return f"{value.day:02d}:{value.month:02d}:{value.year % 100:02d}"


class RegistrationNumberField(StrictIntegerField):
    """The digits of a registration plate."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        super().__init__(**kwargs)
