"""The column for phone numbers of companies, drivers, stops and customers: free text that looks like a telephone number.

The product calls none of these numbers, so they need not be valid; accounts hold E.164 numbers instead.
"""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db import models

from depannini_dashmap.lib.text import plain_phone

LONGEST = 20

validate_loose_phone = RegexValidator(
    r"\A[0-9A-Za-z +\-().]*\Z", "Use digits, spaces, + - ( ) . and letters for an extension.", "invalid_phone"
)


class PhoneTextField(models.CharField):
    """Column of free-text phone numbers; a CharField to migrations."""

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
