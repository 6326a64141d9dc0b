"""Saying in words that stand alone what is wrong with one field: clients in the field show `error` and nothing else."""

from collections.abc import Mapping, Sequence

# What a part of a field's name is called where the name is short for it.
_WORDS = {"lat": "latitude", "lng": "longitude", "num": "number", "cat": "category", "email": "e-mail", "sms": "SMS", "url": "URL"}
_OF_NO_FIELD = "non_field_errors"


def one_in_words(fields: Mapping[str, Sequence[str]] | None) -> str | None:
    """Return `License plate: another vehicle of this company has it`; None when none or several fields are wrong."""
    if not fields or len(fields) != 1:
        return None
    [(name, messages)] = fields.items()
    said = " ".join(str(message) for message in messages).strip().removesuffix(".")
    if not said:
        return None
    called = label(name)
    return f"{called}: {_lowered(said)}" if called else said


def label(name: str) -> str:
    """Return a (dotted) name as people say it: `pickup_stop.name` is `Pickup stop, name`, `stops.0` is `Stops, 1`.

    Empty where the refusal is of no field.
    """
    parts = [_spoken(part) for part in name.split(".")]
    said = ", ".join(part for part in parts if part)
    return said[:1].upper() + said[1:]


def _spoken(part: str) -> str:
    if part == _OF_NO_FIELD:
        return ""
    if part.isdigit():
        return str(int(part) + 1)
    words = part.split("_")
    if len(words) > 1 and words[-1] in ("id", "ids"):
        words.pop()
    return " ".join(_WORDS.get(word, word) for word in words if word)


def _lowered(sentence: str) -> str:
    """Begin with a small letter, unless the first word is a name or an abbreviation."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence
