"""Headings of sheets in English, French and Arabic, and the words for months, yes and no."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from depannini_dashmap.lib.text import plain_digits

_IN_BETWEEN = frozenset(["de", "du", "des", "d", "la", "le", "les", "l", "of", "the", "a", "an", "at", "en", "point", "stop", "arret", "order", "commande"])
_SMALL = frozenset(["de", "la", "of", "the"])
_BARE = frozenset(["n", "no", "nr", "num", "numero", "number"])  # most often the number of the line
_OF_ORDERING = frozenset([frozenset(["date", "commande"]), frozenset(["date", "order"]), frozenset(["date", "commandee"])])  # no wish for a day
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[/|\n]| [-–—] ")
_UNIT = re.compile(r"[(\[][^)\]]*[)\]]")


def fold(text: str) -> str:
    """Return a word without case, accents, tatweel and marks between, so that people's spellings of it meet."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("ـ", "")
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join("".join(plain_digits(c) if c.isalnum() else " " for c in letters).split())


def tokens(heading: str) -> frozenset[str]:
    """Return the words of a heading that matter: `Adresse de livraison` is {adresse, livraison}."""
    words = [word for word in fold(heading).split() if word not in _IN_BETWEEN]
    return frozenset(word[2:] if word.startswith("ال") and len(word) > 4 else word for word in words)


class Headings:
    """Which column a heading means: as it was chosen, by its own name, by one of its other names, or by none.

    `chosen` holds a column for each folded heading; an empty one says that the heading is not used.
    """

    def __init__(self, columns: Iterable[str], others: Mapping[str, Iterable[str]], chosen: Mapping[str, str] | None = None) -> None:
        self.columns = list(columns)
        self.chosen = dict(chosen or {})
        self._known: dict[frozenset[str], str] = {}
        for column, names in others.items():
            for name in names:
                self._known.setdefault(tokens(name), column)
        self._known |= {tokens(column): column for column in self.columns}

    def column(self, heading: str) -> str | None:
        """Return the column of a heading, None when it means none of them."""
        if self.chosen and (folded := fold(heading)) in self.chosen:
            return self.chosen[folded] or None
        if column := self.named(heading):
            return column
        # One name in two languages: `Client / الزبون`.
        halves = {column for half in _BETWEEN.split(heading)[:4] if (column := self.named(half))}
        return halves.pop() if len(halves) == 1 else None

    def named(self, heading: str) -> str | None:
        """Return the column that a heading names as a whole, without its unit or with `itsWords` apart."""
        if fold(heading) in _BARE or frozenset(fold(heading).split()) - _SMALL in _OF_ORDERING:
            return None
        for text in (heading, _UNIT.sub(" ", heading), _HUMP.sub(" ", heading)):
            if (words := tokens(text)) in self._known:
                return self._known[words]
        return None

    def count(self, cells: Iterable[str]) -> int:
        """Return how many columns a line names."""
        return len({column for cell in cells if (column := self.column(cell))})


def combined(ends: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return each name with each end: `livraison` and `adresse` make `livraison adresse`, in any order."""
    names = list(names)
    return [f"{end} {name}" for end in ends for name in names]


_MONTHS = (
    "january jan janvier janv جانفي يناير", "february feb fevrier fevr fev فيفري فبراير", "march mar mars مارس",
    "april apr avril avr افريل أبريل ابريل", "may mai ماي مايو", "june jun juin جوان يونيو",
    "july jul juillet juil جويلية يوليو", "august aug aout اوت أوت أغسطس", "september sep sept septembre سبتمبر",
    "october oct octobre أكتوبر اكتوبر", "november nov novembre نوفمبر", "december dec decembre ديسمبر",
)  # fmt: skip
MONTHS = {fold(word): number for number, words in enumerate(_MONTHS, start=1) for word in words.split()}
YES = frozenset(map(fold, ["true", "yes", "y", "1", "x", "on", "oui", "o", "vrai", "active", "actif", "✓", "نعم", "صحيح"])) - {""}
NO = frozenset(map(fold, ["false", "no", "n", "0", "off", "non", "faux", "inactive", "inactif", "لا", "خطا", "خطأ"]))
# Nobody is called so; a customer may well be called Total.
_NOBODY = (
    "total général", "totaux", "totals", "grand total", "sous-total", "sous total", "soustotal", "s/total", "subtotal", "sub-total", "total ht", "total ttc",
    "total partiel", "total page", "total du jour", "à reporter", "report à nouveau", "المجموع", "المجموع العام", "المجموع الفرعي", "المجموع الكلي",
    "مجموع فرعي", "مجموع جزئي", "الإجمالي", "الإجمالي العام", "المجموع الجزئي", "إجمالي فرعي",
)  # fmt: skip
ONLY_TOTALS = frozenset(map(fold, _NOBODY))
TOTALS = ONLY_TOTALS | frozenset(map(fold, ["total", "sum", "somme", "cumul", "مجموع", "إجمالي"]))
