"""From when until when, on any page: a span whose two ends are written alike is one time."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.template import Context, Template
from django.utils import translation

AT = datetime(2026, 11, 30, 14, 0, 20, tzinfo=UTC)  # tests show UTC


def written(tag: str, minutes: float | None, language: str = "en") -> str:
    until = None if minutes is None else AT + timedelta(minutes=minutes)
    with translation.override(language):
        html = Template("{% load console %}{% " + tag + " begin until %}").render(Context({"begin": AT, "until": until}))
    return html.replace("<strong>", "").replace("</strong>", "").replace('<bdi dir="ltr">', "").replace("</bdi>", "")


@pytest.mark.parametrize(("minutes", "times"), [(20, "14:00–14:20"), (0, "14:00"), (0.5, "14:00"), (None, "14:00"), (-1, "14:00–13:59")])
def test_a_span_in_a_table(minutes, times):
    assert written("clock_span", minutes) == times


def test_times_of_a_plan_are_written_as_they_stand():
    template = Template("{% load console %}{% clock_span begin until %}")
    for begin, until in ((time(8), time(9, 5)), (datetime(2026, 11, 30, 8), datetime(2026, 11, 30, 9, 5))):
        assert "08:00–09:05" in template.render(Context({"begin": begin, "until": until}))


@pytest.mark.parametrize(
    ("language", "between", "about"),
    [
        ("en", "Expected between 14:00 and 14:20", "Expected about 14:00"),
        ("fr", "Arrivée prévue entre 14:00 et 14:20", "Arrivée prévue vers 14:00"),
        ("ar", "الوصول متوقع بين 14:00 و14:20", "الوصول متوقع حوالي 14:00"),
    ],
)
def test_an_arrival_in_words(language, between, about):
    assert (written("expected", 20, language), written("expected", 0.5, language)) == (between, about)
