"""Every string of ours that is marked for translation has one in each language of the pages, and keeps its holes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import trans_real
from django.utils.translation.template import templatize

from depannini_dashmap.lib.labels import labelled

CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
PLURAL = {"ngettext", "ngettext_lazy"}
APPS = ("accounts", "alarms", "assistance", "depannini_dashmap", "fleet", "orders", "payments", "telematics", "trips")
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
HOLES = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def _marked() -> Iterator[str]:
    root = Path(settings.BASE_DIR)
    for app in APPS:
        for path in (root / app).rglob("*.py"):
            if "tests" not in path.parts:
                yield from _strings(path.read_text(encoding="utf-8"))
    for path in (root / "templates").rglob("*.html"):
        yield from _strings("\n".join(_calls_of_template(templatize(path.read_text(encoding="utf-8")))))


def _calls_of_template(text: str) -> Iterator[str]:
    """Pick the calls out of what `templatize` makes for xgettext."""
    start = re.compile(r"\b(?:n?gettext|_)\(")
    while found := start.search(text):
        end = found.end()
        while True:
            end = text.index(")", end) + 1
            call = text[found.start() : end]
            try:
                ast.parse(call)
            except SyntaxError:
                continue
            break
        yield call
        text = text[end:]


def _strings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS and node.args):
            continue
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


MARKED = sorted(set(_marked()))


def test_strings_are_found() -> None:
    assert {"Board", "Put into a trip …", "The trip is {status}", "Who could take it"} <= set(MARKED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language: str) -> None:
    # Django's own words count: its catalogues are merged into ours.
    catalogue = dict(trans_real.translation(language)._catalog.items())
    known = {key[0] if isinstance(key, tuple) else key for key, text in catalogue.items() if text}
    assert [text for text in MARKED if text not in known] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_holes_stay_as_they_are(language: str) -> None:
    faults = []
    for key, text in trans_real.translation(language)._catalog.items():
        # The forms of a plural are keyed by pairs; those may spell a number out.
        if isinstance(key, str) and key in MARKED and not set(HOLES.findall(text)) <= set(HOLES.findall(key)):
            faults.append((key, text))
    assert faults == []


def test_the_colon_after_a_label_is_the_languages_own() -> None:
    written = re.compile(r"(?:\}\}|%\}|</(?:bdi|a|strong|span)>|\">):\s")
    sentences = re.compile(r"(?s)\{% blocktranslate.*?\{% endblocktranslate %\}")
    root = Path(settings.BASE_DIR)
    pages = [path for ending in ("html", "txt") for path in (root / "templates").rglob(f"*.{ending}")]
    faults = [
        f"{path.relative_to(root)}: {found.group()}"
        for path in pages
        for found in written.finditer(sentences.sub("", path.read_text(encoding="utf-8")))
    ]
    assert faults == []
    with translation.override("fr"):
        assert labelled("16-1", "démarrée") == "16-1\xa0: démarrée"


def test_words_have_one_spelling_of_cancelled():
    """The API's statuses keep theirs, also where an error names one: `canceled`. As people read it, it is British like all words here."""
    assert [text for text in _marked() if text != "canceled" and re.search(r"cancel(?:ed|ing)", HOLES.sub("", text), re.I)] == []
