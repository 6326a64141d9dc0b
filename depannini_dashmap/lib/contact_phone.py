"""Phone numbers of companies, drivers, stops and customers: free text that looks like a telephone number.

Nobody is called by the product at these numbers, so they need be no valid ones; accounts have numbers of another kind.
"""

import unicodedata
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db import models
from rest_framework import serializers

LONGEST = 20

validate_loose_phone = RegexValidator(
    r"\A[0-9A-Za-z +\-().]*\Z", "Use digits, spaces, + - ( ) . and letters for an extension.", "invalid_phone"
)


def plain_phone(text: str) -> str:
    """Return what was typed on any keyboard in plain digits, spaces and hyphens, without invisible characters."""
    return "".join(_plain(character) for character in unicodedata.normalize("NFKC", text)).strip()


def plain_plate(text: str) -> str:
    """Return a license plate in plain digits, single spaces and hyphens, without invisible characters."""
    return " ".join(plain_phone(text).split())


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    return {"Cf": "", "Zs": " ", "Pd": "-"}.get(category, character)


class PhoneTextField(models.CharField):
    """The column of such a number; to migrations a plain text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST)
        kwargs.setdefault("validators", [validate_loose_phone])
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": _PhoneTextFormField, **kwargs})


class _PhoneTextFormField(forms.CharField):
    def to_python(self, value: Any) -> str:
        return plain_phone(super().to_python(value) or "")


class PhoneTextSerializerField(serializers.CharField):
    """Such a number in a body; a JSON number is one only as an integer."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST)
        super().__init__(**kwargs)
        if not any(validator is validate_loose_phone for validator in self.validators):
            self.validators.append(validate_loose_phone)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, float):
            self.fail("invalid")
        return plain_phone(super().to_internal_value(data))
