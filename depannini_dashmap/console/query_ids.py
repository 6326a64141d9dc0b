"""Ids in the query of a page's address."""

from __future__ import annotations

from django.http import HttpRequest

BIGGEST_ID = 2**63 - 1


def given_id(request: HttpRequest, name: str) -> int | None:
    """Read the id in `?<name>=`; anything else chooses none."""
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and 0 < int(value[:20]) <= BIGGEST_ID else None
