"""Texts of users inside mails and SMS: shown as text, on as many lines as their place has, and with nothing to tap.

Mail programs make links of any text that looks like one, in HTML too, so a zero-width space goes where the likeness begins:
people read the same letters, programs find no address.
"""

from __future__ import annotations

import re
import unicodedata

GAP = "\u200b"  # zero-width space: unlike the word joiner, every font leaves it empty
LONGEST_LINE, LONGEST_BLOCK, MOST_LINES = 200, 1000, 30
_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi, and families among the emoji, need them
_BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LIKENESSES = re.compile(
    r"(?<=[A-Za-z]):(?=\S)"  # a scheme, of any name
    r"|/(?=[/\\])|\\(?=[/\\])"
    r"|[@\uff20](?=\S)"
    r"|(?<=\S)[.\u2024\u3002\ufe52\uff0e\uff61](?=[^\W\d_]|-)"  # a domain, in any script; not the dot of a number
    r"|(?<=\d)\.(?=\d+\.\d)"  # an IPv4 address
    r"|(?<=\w)%(?=2[eE]|40)"
)
_LONG_NUMBER = re.compile(r"\+?\d(?:[ \t().\-/\u00a0]{0,2}\d){6,}")
_FOUR_DIGITS = re.compile(r"(?:\d\D*?){4}(?=\D*\d)")


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """Return a text for a place of one line: breaks are spaces, what is too long ends in an ellipsis, links are dead."""
    return without_links(_bounded(" ".join(_visible(_BREAKS.sub(" ", text)).split()), longest))


def defused_phone_number(text: str) -> str:
    """Return a contact's number, which may be tapped, and in which nothing else may."""
    return _LIKENESSES.sub(lambda found: found.group() + GAP, " ".join(text.split()))


def several_lines(text: str, longest: int = LONGEST_BLOCK, indent: str = "") -> str:
    """Return a text that keeps its lines, each but the first behind `indent`, so that none looks like ours."""
    lines = [" ".join(_visible(line).split()) for line in _BREAKS.split(text)]
    filled = [line for line in lines if line]
    shown = filled[:MOST_LINES] + (["…"] if len(filled) > MOST_LINES else [])
    return ("\n" + indent).join(without_links(_bounded("\n".join(shown), longest)).split("\n"))


def without_links(text: str) -> str:
    """Return a text in which no program finds a URL, an e-mail address or a phone number."""
    dead = _LIKENESSES.sub(lambda found: found.group() + GAP, text)
    return _LONG_NUMBER.sub(lambda found: _FOUR_DIGITS.sub(lambda four: four.group() + GAP, found.group()), dead)


def _visible(text: str) -> str:
    """Drop what shows nothing or turns others around: control and format characters, and half surrogates."""
    return "".join(
        character if character in _JOINERS else " " if character == "\t" else ""
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character
        for character in text
    )  # fmt: skip


def _bounded(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
