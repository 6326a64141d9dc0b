"""Pages of requests, of messages and of assistants on duty lose no row, forwards or back, and repeat none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from assistance import services
from assistance.models import Assistance, ChatMessage

pytestmark = pytest.mark.django_db
ONE_MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _walk(client: Any, url: str) -> tuple[list[list[int]], list[list[int]]]:
    """Return the ids of each page as read to the end, and as read back to the beginning."""
    there: list[list[int]] = []
    page: dict[str, Any] = {"next": url}
    while page["next"]:
        page = client.get(page["next"]).json()
        there.append([row["id"] for row in page["results"]])
    back = there[-1:]
    while page["previous"]:
        page = client.get(page["previous"]).json()
        back.insert(0, [row["id"] for row in page["results"]])
    return there, back


def test_requests_of_one_moment(client_user: Any, ask: Any, api: Any) -> None:
    made = []
    for _ in range(5):
        job = ask(client_user)
        services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
        made.append(job.pk)
    Assistance.objects.update(created_at=ONE_MOMENT)
    for query, wanted in (("", made[::-1]), ("&ordering=-created_at", made[::-1]), ("&ordering=created_at", made)):
        there, back = _walk(api(client_user), f"/api/assistance/view/?page_size=2{query}")
        assert there == back == [wanted[:2], wanted[2:4], wanted[4:]]


def test_messages_of_one_moment(client_user: Any, assistant_user: Any, job_in: Any, api: Any) -> None:
    job = job_in("accepted", client_user, assistant_user)
    for number in range(5):
        services.post_chat(actor=client_user, assistance_id=job.pk, message=str(number))
    ChatMessage.objects.update(created_at=ONE_MOMENT)
    newest_first = list(ChatMessage.objects.order_by("-pk").values_list("pk", flat=True))
    there, back = _walk(api(assistant_user), f"/api/assistance/{job.pk}/messages/?page_size=2")
    assert there == back == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_assistants_on_duty(client_user: Any, make_assistant: Any, api: Any) -> None:
    newest_first = [make_assistant(number).pk for number in range(5)][::-1]
    there, back = _walk(api(client_user), "/api/assistants/?page_size=2")
    assert there == back == [newest_first[:2], newest_first[2:4], newest_first[4:]]


@pytest.mark.parametrize("cursor", ["x", "%00", "W10", "W3RydWUsIngiLDFd", "bnVsbA", "cD1hYmM%3D"])
def test_a_cursor_that_no_page_gave(client_user: Any, assistant_user: Any, job_in: Any, api: Any, cursor: str) -> None:
    job = job_in("accepted", client_user, assistant_user)
    for path in ("assistance/view/", f"assistance/{job.pk}/messages/", "assistants/"):
        answer = api(client_user).get(f"/api/{path}?cursor={cursor}")
        assert (answer.status_code, answer.json()["fields"]) == (400, {"cursor": ["Unknown cursor."]})
