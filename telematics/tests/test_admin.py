"""Positions in the admin: rows of one's own companies, to look at only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def position_id(api: Any, dispatcher: Any, van: Any, fix: Callable) -> int:
    """One position of the first company."""
    return api(dispatcher).post("/api/positions/", fix(van)).json()["id"]


@pytest.mark.parametrize("name", ["position", "latestposition"])
def test_lists_show_own_rows_only(
    dispatcher: Any, dispatcher_b: Any, staff_user: Any, position_id: int, name: str
) -> None:
    url = reverse(f"admin:telematics_{name}_changelist")
    for user, count in ((dispatcher, 1), (dispatcher_b, 0), (staff_user, 1)):
        page = signed_in(user).get(url)
        assert page.status_code == 200
        assert page.content.count(b">ABC-123<") == count


def test_nothing_can_be_written(staff_user: Any, dispatcher: Any, position_id: int) -> None:
    for user in (staff_user, dispatcher):
        client = signed_in(user)
        assert client.get(reverse("admin:telematics_position_change", args=[position_id])).status_code == 200
        assert client.get(reverse("admin:telematics_position_add")).status_code == 403
        assert client.post(reverse("admin:telematics_position_delete", args=[position_id])).status_code == 403


def test_the_history_is_never_counted_whole(staff_user: Any, position_id: int, django_assert_num_queries: Any) -> None:
    client = signed_in(staff_user)
    with django_assert_num_queries(
        7
    ) as queries:  # session, user, group, the bounded count, two of permissions, the page
        client.get(reverse("admin:telematics_position_changelist"))
    counts = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"].upper()]
    assert len(counts) == 1
    assert "LIMIT 5001" in counts[0]
