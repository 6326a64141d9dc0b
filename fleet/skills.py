"""What a vehicle can do beyond carrying, and what an order needs: short names such as `refrigerated` or `tail_lift`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.text import clean

MOST_SKILLS = 20
LONGEST_SKILL = 40


def read_skills(sent: Any) -> list[str]:
    """Return skills in their one spelling: lower case, `_` between words, sorted, each once.

    Takes a list of texts, or one text with commas. Raises: ValidationError.
    """
    parts: Iterable[Any] = sent.replace(";", ",").replace("،", ",").split(",") if isinstance(sent, str) else sent or ()
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValidationError(_("Give a list of names."))
    names = {"_".join(clean(part).lower().split()) for part in parts} - {""}
    if len(names) > MOST_SKILLS or any(len(name) > LONGEST_SKILL for name in names):
        raise ValidationError(
            _("At most %(count)s names of at most %(length)s characters."), params={"count": MOST_SKILLS, "length": LONGEST_SKILL}
        )
    return sorted(names)


class SkillsFormField(forms.CharField):
    """Skills as one text with commas."""

    def prepare_value(self, value: Any) -> Any:
        return listed(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str] | None:
        return read_skills(super().to_python(value) or "") or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or None) != self.to_python(data)
        except ValidationError:
            return True


class SkillsField(models.JSONField):
    """A list of skills, None for none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True})

    def formfield(self, **kwargs: Any) -> forms.Field:
        return SkillsFormField(required=False, label=kwargs.get("label", capfirst(self.verbose_name)), help_text=self.help_text)


@extend_schema_field(serializers.ListField(child=serializers.CharField(max_length=LONGEST_SKILL), max_length=MOST_SKILLS))
class SkillsInput(serializers.Field):
    """A list of skills, or one text with commas; null is an empty list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> list[str] | None:
        try:
            return read_skills(data) or None
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error

    def to_representation(self, value: Any) -> list[str]:
        return value or []
