"""Serializer fields of accounts: phones, usernames, licence dates, passwords."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.keyed_hashes import spellings
from accounts.phones import NotAPhoneNumber, normalise_phone
from accounts.usernames import canonical_username, is_choosable
from depannini_dashmap.lib.api.fields import EmailField, PhoneTextSerializerField, StrictIntegerField, TextField
from depannini_dashmap.lib.text import plain_code

_SHORT_DATE = re.compile(r"\s*(\d{1,2})[:/.-](\d{1,2})[:/.-](\d{2}|\d{4})\s*\Z", re.ASCII)


class PhoneField(TextField):
    """A phone number, stored as E.164; empty reads as none. A JSON number is one only as an integer."""

    default_error_messages = {"invalid_phone": "Enter a phone number of 8 to 15 digits."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, float):
            self.fail("invalid_phone")
        try:
            return normalise_phone(super().to_internal_value(data))
        except NotAPhoneNumber:
            self.fail("invalid_phone")


class UsernameField(TextField):
    """A username that somebody chooses: no `@`, no leading `+`, nothing invisible."""

    default_error_messages = {"invalid_username": "A username has no @, no leading + and no invisible characters."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 150)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = canonical_username(super().to_internal_value(data))
        if not is_choosable(name):
            self.fail("invalid_username")
        return name


class TypedNameField(serializers.CharField):
    """A username as it was typed at sign-in; `with_username` knows its spellings."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, trim_whitespace=False, **kwargs)


LONGEST_PASSWORD = 256


class PasswordField(serializers.CharField):
    """A password as it was typed; its one spelling is the business of the user's model, how good it is of the services."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_PASSWORD)
        super().__init__(write_only=True, trim_whitespace=False, **kwargs)


class CodeField(serializers.CharField):
    """A code in the digits of any script, with spaces, hyphens or direction marks; whether it is right is checked elsewhere."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, float):
            self.fail("invalid")
        if isinstance(data, int):
            return f"{data:06d}" if 0 <= data < 10**6 else ""
        return plain_code(super().to_internal_value(data))


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


class OptionalText(TextField):
    """A text that may be missing; null reads as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return "" if value is None else value


class OptionalPhoneText(PhoneTextSerializerField):
    """A company's phone, which may be missing; null reads as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return "" if value is None else value


class OptionalEmail(EmailField):
    """An e-mail that may be missing; null and empty read as empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or ""


class OptionalPhone(PhoneField):
    """A phone number that may be missing; empty reads as none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and not data.strip():
            data = None
        return super().run_validation(data)


def is_same_password(one: str | None, other: str) -> bool:
    """Return whether a password was typed the same way twice, in any Unicode form."""
    return one is not None and spellings(one)[-1] == spellings(other)[-1]
