"""Whether a password is good enough."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.keyed_hashes import spellings
from accounts.models import User
from depannini_dashmap.lib.errors import InvalidData


def require_good_password(password: str, user: User | None = None, *, field: str = "new_password") -> None:
    """Let a password pass that Django's validators accept. Raises: InvalidData under the name of the field."""
    try:
        validate_password(spellings(password)[-1], user)
    except ValidationError as error:
        raise InvalidData(fields={field: list(error.messages)}) from error
