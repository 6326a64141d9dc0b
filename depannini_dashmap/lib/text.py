"""Normalisation of what people type: texts without invisible ends, digits of any script, addresses, phones, plates."""

from __future__ import annotations

import re
import unicodedata

import idna

# Letters, marks and symbols by their category, and yet nothing is seen of them.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATION = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
# Not assigned yet, and to be ignored when they are; other new characters may well be seen.
_RESERVED = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# The flags of England, Scotland and Wales end in characters that are not seen by themselves.
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f\\Z")
_ATOM = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+(\.[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+)*\Z")


class NotAnEmail(ValueError):
    """The text is not a valid mail address."""


def is_invisible(character: str) -> bool:
    """Return whether nothing is seen of a character by itself: spaces, controls, direction and zero-width marks, fillers."""
    if character in _BLANK or _VARIATION.match(character) or _RESERVED.match(character):
        return True
    return unicodedata.category(character) in _INVISIBLE


def is_seen(text: str) -> bool:
    """Return whether a text has something to see; marks without a letter that they belong to are nothing."""
    return any(not is_invisible(character) and unicodedata.category(character)[0] != "M" for character in text)


def clean(text: str) -> str:
    """Return a text in NFC without invisible characters at its ends; one with nothing to see becomes empty.

    NUL and lone surrogates stay, so that validation can refuse them.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    if "\x00" in text:
        return text
    text = unicodedata.normalize("NFC", text)
    if not is_seen(text):
        return ""
    start, end = 0, len(text)
    while is_invisible(text[start]):
        start += 1
    while is_invisible(text[end - 1]) and not _belongs_before(text, end):
        end -= 1
    return text[start:end]


def _belongs_before(text: str, end: int) -> bool:
    """Return whether the last character before `end` changes the look of the character before it."""
    if _VARIATION.match(text[end - 1]):
        return not is_invisible(text[end - 2])
    return text[end - 1] == "\U000e007f" and _FLAG.search(text[:end]) is not None


def plain_digits(text: str) -> str:
    """Return a text with the digits of every script as ASCII, full-width forms plain, and without invisible characters."""
    parts = []
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character) == "Nd":
            parts.append(str(unicodedata.digit(character)))
        elif character == "\x00" or not is_invisible(character):
            parts.append("-" if unicodedata.category(character) == "Pd" or character == "\u2212" else character)
    return "".join(parts)


def plain_code(text: str) -> str:
    """Return a code as it was sent: digits of any script as ASCII, without spaces, hyphens and direction marks."""
    return plain_digits(text).replace("-", "")


def canonical_email(typed: str) -> str:
    """Return the one spelling of a mailbox: lower case, its domain in ASCII (`xn--`), no quotes that are not needed.

    Source: UTS 46, non-transitional; what mail servers are asked for. Raises: NotAnEmail.
    """
    local, at, domain = clean(typed).rpartition("@")
    if not at or not local or not domain:
        raise NotAnEmail(typed)
    if local[0] == local[-1] == '"' and _ATOM.match(unquoted := local[1:-1].replace("\\", "")):
        local = unquoted
    return f"{local.lower()}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    lowered = domain.lower()
    if lowered.isascii() and "xn--" not in lowered:
        return lowered
    try:
        found = idna.encode(domain, uts46=True).decode("ascii")
        # Decoded and encoded again: an `xn--` label that no domain can have is another spelling of something else.
        if idna.encode(idna.decode(found), uts46=True).decode("ascii") != found:
            raise NotAnEmail(domain)
    except (idna.IDNAError, UnicodeError) as error:
        raise NotAnEmail(domain) from error
    return found.lower()


def plain_phone(text: str) -> str:
    """Return a phone number as typed in plain digits, spaces and hyphens, without invisible characters."""
    return "".join(_plain_character(character) for character in unicodedata.normalize("NFKC", text)).strip()


# Spaces but the plain one, marks that are not seen, hyphens and digits of other keyboards: no plate that is stored has any.
ODD_IN_PLATES = (
    "[\u00a0\u00ad\u061c\u1680\u2000-\u2015\u202a-\u202f\u205f-\u2064\u2066-\u2069\u3000\ufeff\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]"
)


def plain_plate(text: str) -> str:
    """Return a license plate in plain digits, single spaces and hyphens, without invisible characters; never a longer one."""
    plain = " ".join(plain_phone(text).split())
    # Some ligatures unfold to many letters: they stay.
    return plain if len(plain) <= len(text) else " ".join("".join(map(_plain_character, text)).split())


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    return {"Cf": "", "Zs": " ", "Pd": "-"}.get(category, character)
