"""Requests that wait in one area are matched together: the order of offers changes, never who may accept."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistance import request_matching, services
from assistance.matching_solver import solve
from assistance.models import Offer
from assistance.steps.matching import shares_around

KM = 1 / 111.195
HERE = (36.7525, 3.0420)
# Each row's cheapest column is the same one; the best total gives it to the second row.
CONTESTED = [[1.2, 3.5, None], [0.8, 1.5, 6.0]]
UNHURRIED = hypothesis_settings(deadline=None)

costs = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 5_000)), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@pytest.fixture(autouse=True, scope="module")
def _unhurried_solver() -> Iterator[None]:
    """Give the solver's process, which a busy machine starts slowly, the time that it needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_matching, "LONGEST_SECONDS", 60.0)
        yield


def _worth(table: Any, pairs: Any) -> tuple[int, float]:
    """Return how good a matching is, the better the smaller: rows left out, then the total."""
    return len(table) - len(pairs), sum(table[row][column] for row, column in pairs)


def _best(table: Any) -> tuple[int, float]:
    columns = [*range(len(table[0])), *[None] * len(table)]
    ways = set(permutations(columns, len(table)))
    pairs = ([(row, column) for row, column in enumerate(way) if column is not None and table[row][column] is not None] for way in ways)
    return min(_worth(table, way) for way in pairs)


@UNHURRIED
@given(costs)
def test_a_matching_is_never_worse_than_nearest_first(table: Any) -> None:
    pairs = solve(table)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert _worth(table, pairs) <= _worth(table, request_matching.nearest_first(table).items())


@UNHURRIED
@given(costs.filter(lambda table: len(table) <= 3 and len(table[0]) <= 3))
def test_a_matching_is_the_best_there_is(table: Any) -> None:
    assert _worth(table, solve(table)) == _best(table)


def test_the_solver_is_a_process_of_its_own() -> None:
    program = f"from assistance.request_matching import match; print(match({CONTESTED})); import sys; print('scipy' in sys.modules or 'numpy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split("\n")[:2] == ["{0: 0, 1: 1}", "False"]


def test_nearest_first_where_the_solver_breaks(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(request_matching.sys, "executable", "/bin/false")
    assert request_matching.match(CONTESTED) == {1: 0, 0: 1}
    assert "could not be matched" in caplog.text


@pytest.mark.django_db
def test_two_who_wait_ask_different_assistants_first(client_user: Any, other_client: Any, ask: Any, make_assistant: Any, settings: Any) -> None:
    settings.OFFER_WAVE_SIZE = 1
    south = ask(client_user, pickup=HERE)
    north = ask(other_client, pickup=(HERE[0] + 2 * KM, HERE[1]))
    between, beyond, behind = (
        make_assistant(number, lat=HERE[0] + km * KM, lng=HERE[1]).pk for number, km in enumerate((1.2, 3.5, -4))
    )
    for job in (south, north):
        services.send_next_wave(actor=None, assistance_id=job.pk, wave=2)
    asked = Offer.objects.order_by("pk").values_list("assistance_id", "assistant_id")
    assert list(asked) == [(south.pk, between), (south.pk, behind), (north.pk, beyond), (north.pk, behind)]
    accepted = services.accept(actor=Offer.objects.filter(assistance=south).last().assistant, assistance_id=north.pk)
    assert accepted.status == "accepted"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("closed", "is_meant"),
    [
        ({"reason": "taken"}, True),
        ({"reason": "busy"}, True),
        ({"reason": "declined", "answer": "declined"}, False),
        ({"reason": "released"}, False),
        ({"reason": "stalled"}, False),
    ],
)
def test_who_lost_a_request_to_another_may_be_meant_for_it_again(
    client_user: Any, other_client: Any, ask: Any, make_assistant: Any, closed: Any, is_meant: bool
) -> None:
    job = ask(client_user, pickup=HERE)
    ask(other_client, pickup=(HERE[0] + 2 * KM, HERE[1]))
    assistant = make_assistant(1, lat=HERE[0], lng=HERE[1])
    answered_at = job.created_at if "answer" in closed else None
    Offer.objects.create(assistance=job, assistant=assistant, wave=1, closed_at=job.created_at, answered_at=answered_at, **closed)
    meant = shares_around(job.pk, 10.0, job.created_at).get(assistant.pk)
    assert (meant == job.pk) is is_meant


@pytest.mark.django_db
def test_a_request_that_waits_alone_is_matched_with_none(
    client_user: Any, other_client: Any, ask: Any, make_assistant: Any, django_assert_num_queries: Any
) -> None:
    job, far = ask(client_user, pickup=HERE), ask(other_client, pickup=(HERE[0] + 60 * KM, HERE[1]))
    make_assistant(1, lat=HERE[0], lng=HERE[1])
    with django_assert_num_queries(2):
        assert shares_around(job.pk, 10.0, job.created_at) == {}
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    assert shares_around(job.pk, 100.0, job.created_at) == {} and far.status == "requested"
