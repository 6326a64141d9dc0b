"""Numbers that get no SMS: expensive ones, and foreign ones where that is set."""

from __future__ import annotations

import phonenumbers
from django.conf import settings
from phonenumbers import PhoneNumberType

SATELLITE = ("+870", "+881", "+882", "+883")
COSTLY = {PhoneNumberType.PREMIUM_RATE: "premium", PhoneNumberType.SHARED_COST: "shared_cost"}
SHORTEST = 8  # digits of an E.164 number


def barred_because(number: str) -> str:
    """Return why an E.164 number gets no SMS: `satellite`, `premium`, `shared_cost` or `country`; empty where it gets them."""
    if number.startswith(SATELLITE):
        return "satellite"
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "country" if settings.SMS_COUNTRIES else ""
    return _costly(number) or ("" if _is_served(parsed) else "country")


def _costly(number: str) -> str:
    """Return the tariff class of a number; digits after a whole costly number are dialled in vain, so they change nothing."""
    for length in range(len(number), SHORTEST, -1):
        try:
            kind = phonenumbers.number_type(phonenumbers.parse(number[:length]))
        except phonenumbers.NumberParseException:
            return ""
        if kind != PhoneNumberType.UNKNOWN:
            return COSTLY.get(kind, "")
    return ""


def _is_served(parsed: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number's country is one of `SMS_COUNTRIES`; a number of no known country needs all that share its code."""
    if not settings.SMS_COUNTRIES:
        return True
    region = phonenumbers.region_code_for_number(parsed)
    shared = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    return {region} <= settings.SMS_COUNTRIES if region else bool(shared) and set(shared) <= settings.SMS_COUNTRIES
