"""One number, one spelling: what people type as a phone number, and its E.164 form."""

import re
import unicodedata

import phonenumbers
from django.conf import settings

_E164 = re.compile(r"\+[0-9]{8,15}\Z")
_SEPARATORS = " \t-.()/_"


class NotAPhoneNumber(ValueError):
    """What was typed cannot become `+` and 8 to 15 digits."""


def normalise_phone(text: str) -> str:
    """Return the E.164 form. A number without a prefix is read in PHONE_DEFAULT_REGION. Raises: NotAPhoneNumber."""
    typed = "".join(_plain(character) for character in unicodedata.normalize("NFKC", text))
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


def _plain(character: str) -> str:
    """Return a digit as ASCII, and separators and invisible characters as nothing."""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if character in _SEPARATORS or category in {"Cf", "Zs", "Pd"}:
        return ""
    return character
