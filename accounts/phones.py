"""One number, one spelling: what people type as a phone number, and its E.164 form."""

import re

import phonenumbers
from django.conf import settings

from depannini_dashmap.lib.text import plain_digits

_E164 = re.compile(r"\+[0-9]{8,15}\Z")
_SEPARATORS = re.compile(r"[-.()/_]")
# What a table or a program made of a number: 555058407.0 is not a number of one digit more.
_DECIMAL = re.compile(r"[0-9]{7,}\.0+\Z")


class NotAPhoneNumber(ValueError):
    """The text cannot be read as `+` and 8 to 15 digits."""


def normalise_phone(text: str) -> str:
    """Return the E.164 form. A number without a prefix is read in PHONE_DEFAULT_REGION. Raises: NotAPhoneNumber."""
    typed = plain_digits(text)
    if _DECIMAL.search(typed):
        raise NotAPhoneNumber(text)
    typed = _SEPARATORS.sub("", typed)
    if not re.fullmatch(r"\+?[0-9]{3,20}", typed):
        raise NotAPhoneNumber(text)
    try:
        number = phonenumbers.parse(typed, settings.PHONE_DEFAULT_REGION)
        result = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        # libphonenumber may not know the country: an international number stands as it was typed.
        result = re.sub(r"^00", "+", typed)
    if not _E164.match(result):
        raise NotAPhoneNumber(text)
    return result
