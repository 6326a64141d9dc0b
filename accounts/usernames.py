"""Usernames that people choose: one spelling, and what nobody may choose."""

from __future__ import annotations

import unicodedata

from depannini_dashmap.lib.text import clean, is_invisible


def canonical_username(typed: str) -> str:
    """Return the one spelling of a username (NFKC, as Django's own forms read it), without invisible ends."""
    return clean(unicodedata.normalize("NFKC", clean(typed)))


def is_choosable(name: str) -> bool:
    """Return whether somebody may choose a username: no address, and nothing in it that nobody sees."""
    if not name or "@" in name or name.startswith("+"):
        return False
    return all(character == " " or not is_invisible(character) for character in name) and "  " not in name
