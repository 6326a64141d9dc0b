"""Units that people write behind a number or in a heading, and how many of the column's own unit each is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from depannini_dashmap.lib.sheets.headings import fold

# In kilograms.
MASSES = {
    "kg kgs kilo kilos kilogramme kilogrammes كغ كلغ كيلو": "1",
    "t to tonne tonnes ton tons طن": "1000",
    "q qx quintal quintaux قنطار": "100",
    "g gr gramme grammes غرام": "0.001",
    "lb lbs": "0.45359237",
}
# In cubic metres.
VOLUMES = {"m3 cbm م3": "1", "l litre litres liter liters لتر": "0.001", "dm3": "0.001", "cm3": "0.000001"}
# In minutes.
DURATIONS = {"min mn minute minutes mins دقيقة دقائق د": "1", "h heure heures hour hours hr hrs ساعة": "60", "s sec": ""}
_CURRENCIES = {"DZD": "dzd da دج", "EUR": "eur euro euros €", "USD": "usd $", "GBP": "gbp £", "MAD": "mad dh dhs", "TND": "tnd dt"}


def units(table: Mapping[str, str], *, of: str = "") -> tuple[tuple[str, str], ...]:
    """Return each unit with how many of the unit `of` it is; `of` is one of the table, by default its first."""
    sizes = {fold(name) or name: size for names, size in table.items() for name in names.split()}
    own = Decimal(sizes[of]) if of else Decimal(1)
    return tuple((name, f"{(Decimal(size) / own).normalize():f}" if size else "") for name, size in sizes.items())


def currencies(own: str) -> dict[str, str]:
    """Return the names of currencies: of one's own each is one, others are not turned into it."""
    return {names: "1" if code == own else "" for code, names in _CURRENCIES.items()}
