"""Saying a refusal to a person in the language of the page; answers of the API stay as the services wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext

from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.field_messages import label

_HOLE = re.compile(r"%\((\w+)\)s")
_known: list[tuple[re.Pattern[str], str]] = []


def learn(sentences: Iterable[str]) -> None:
    """Know sentences with holes, such as `Order %(number)s is in a trip`, so that what fills them can vary."""
    for sentence in sentences:
        parts = _HOLE.split(sentence)
        pattern = "".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        _known.append((re.compile(pattern + r"\Z"), sentence))


def in_words(text: str) -> str:
    """Translate a sentence of a service; what fills its holes is translated by itself where it is a word of ours."""
    for pattern, sentence in _known:
        if found := pattern.match(text):
            return gettext(sentence) % {name: gettext(value) for name, value in found.groupdict().items()}
    return gettext(text) if text else ""


def _of_field(name: str, said: str) -> str:
    called = label(name)
    word = gettext(called[:1].lower() + called[1:])
    return f"{word[:1].upper()}{word[1:]}: {said}" if said and called else said


def explain(error: DomainError) -> str:
    """Say a refusal on one line, with what is wrong in which field."""
    sentences = [] if error.says_its_field else [in_words(error.message)]
    for name, messages in (error.fields or {}).items():
        said = " ".join(in_words(message) for message in messages)
        sentences.append(said if said in sentences else _of_field(name, said))
    return " ".join(dict.fromkeys(filter(None, sentences)))
