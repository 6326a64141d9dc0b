"""What sockets read when somebody connects."""

from typing import Any

import pytest

from assistance import selectors, services
from depannini_dashmap.lib.errors import NotFound

pytestmark = pytest.mark.django_db


def test_who_may_join(
    client_user: Any, other_client: Any, assistant_user: Any, other_assistant: Any, staff_user: Any, dispatcher: Any,
    job_in: Any, duty: Any,
) -> None:  # fmt: skip
    duty(other_assistant)
    job = job_in("accepted", client_user, assistant_user)
    assert [selectors.may_join(user, job.pk) for user in (client_user, assistant_user, staff_user)] == [True] * 3
    assert [selectors.may_join(user, job.pk) for user in (other_client, other_assistant, dispatcher)] == [False] * 3
    for no_id in (0, -1, 2**63, 10**120, job.pk + 1):
        assert not selectors.may_join(client_user, no_id)
        with pytest.raises(NotFound):
            selectors.snapshot_for(client_user, no_id)


@pytest.mark.parametrize(
    ("state", "has_status", "has_location"),
    [
        ("requested", False, False),
        ("accepted", True, True),
        ("ongoing", True, True),
        ("completed", True, False),
        ("canceled", True, False),
    ],
)
def test_the_snapshot_in_every_state(
    client_user: Any, assistant_user: Any, job_in: Any, api: Any, state: str, has_status: bool, has_location: bool
) -> None:
    job = job_in(state, client_user, assistant_user)
    snapshot = selectors.snapshot_for(client_user, job.pk)
    assert snapshot["seq"] == job.version == snapshot["assistance"]["seq"]
    assert snapshot["assistance"] == api(client_user).get(f"/api/assistance/view/{job.pk}/").json()
    assert (snapshot["status"] is not None, snapshot["location"] is not None) == (has_status, has_location)
    if state == "accepted":
        assert snapshot["status"]["assistant"]["phone_number"] == "+213555000011"
        assert (snapshot["status"]["assistant"]["lat"], snapshot["location"]["lat"]) == (36.7538, 36.7538)
        assert snapshot["location"]["user_id"] == assistant_user.pk


def test_an_old_snapshot_and_the_events_since_make_the_new_snapshot(
    client_user: Any, make_assistant: Any, ask: Any, frames: Any
) -> None:
    repairer = make_assistant(1, service_type="repair")
    job = ask(client_user, assistance_type="repair")
    known = selectors.snapshot_for(client_user, job.pk)["assistance"]
    with frames() as heard:
        services.accept(actor=repairer, assistance_id=job.pk)
        services.update_status(actor=repairer, assistance_id=job.pk, status="ongoing")
        services.set_price(actor=repairer, assistance_id=job.pk, amount=__import__("decimal").Decimal("900"))
        services.update_status(actor=repairer, assistance_id=job.pk, status="completed")
        services.rate(actor=client_user, assistance_id=job.pk, rating=5)
    seqs = []
    for group, frame in heard:
        if group != f"assistance.{job.pk}":
            continue
        seqs.append(frame["seq"])
        for name in ("status", "seq", "total_price", "price_is_final", "rating", "reason"):
            known[name] = frame.get(name, known[name])
    fresh = selectors.snapshot_for(client_user, job.pk)["assistance"]
    assert seqs == [2, 3, 4, 5, 6]
    changing = ("status", "seq", "total_price", "price_is_final", "rating", "reason")
    assert {name: known[name] for name in changing} == {name: fresh[name] for name in changing}


def test_the_room_and_the_snapshot_take_one_query(
    client_user: Any, assistant_user: Any, job_in: Any, django_assert_num_queries: Any
) -> None:
    from accounts.tokens import authenticate_raw, issue_pair

    job = job_in("accepted", client_user, assistant_user)
    user = authenticate_raw("bearer", issue_pair(client_user)["access"]).user
    with django_assert_num_queries(1):
        selectors.snapshot_for(user, job.pk)
    with django_assert_num_queries(1):
        selectors.open_offers_for(assistant_user)
