"""Names of places as they are searched: one spelling for accents, vowel marks, hamzas, articles and abbreviations."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ALIKE = str.maketrans({"ى": "ي", "ة": "ه", "ـ": None, "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ٱ": "ا"})
_WORD = re.compile(r"[^\W_]+")
_ARTICLE = "ال"
_SHORTEST_WITHOUT_ARTICLE = 3  # letters that must remain
ABBREVIATIONS = {
    "av": "avenue", "ave": "avenue", "bd": "boulevard", "bld": "boulevard", "blvd": "boulevard", "boul": "boulevard",
    "rte": "route", "r": "rue", "pl": "place", "imp": "impasse", "ch": "chemin", "chem": "chemin", "sq": "square",
    "st": "saint", "ste": "sainte", "all": "allee", "fg": "faubourg", "fbg": "faubourg", "lot": "lotissement",
    "qt": "quartier", "quart": "quartier", "zi": "zone industrielle", "str": "strasse", "ش": "شارع", "ط": "طريق",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return a text without case, accents, vowel marks and punctuation, its words parted by single spaces."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(_plain(character) for character in decomposed if unicodedata.category(character) != "Mn")
    return " ".join(_WORD.findall(plain.translate(_ALIKE)))


def _plain(character: str) -> str:
    if not character.isascii() and unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    return character


def words(text: str) -> list[str]:
    """Return the words of a text as they are indexed and asked for: folded, written out, without the Arabic article."""
    found: list[str] = []
    for word in fold(text).split():
        found += ABBREVIATIONS.get(_without_article(word), _without_article(word)).split()
    return found


def _without_article(word: str) -> str:
    if word.startswith(_ARTICLE) and len(word) >= len(_ARTICLE) + _SHORTEST_WITHOUT_ARTICLE:
        return word[len(_ARTICLE) :]
    return word
