"""Writing to each other and reading it again."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from assistance import services
from assistance.models import ChatMessage
from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound

pytestmark = pytest.mark.django_db


def test_a_message_is_stored_and_published_under_the_name_of_the_sender(
    client_user: Any, assistant_user: Any, job_in: Any, frames: Any, api: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    with frames() as heard:
        services.post_chat(actor=client_user, assistance_id=job.pk, message="Où êtes-vous ?")
        services.post_chat(actor=assistant_user, assistance_id=job.pk, message="شارع ديدوش مراد")
    assert [(group, frame["type"], frame["sender"], frame["message"]) for group, frame in heard] == [
        (f"assistance.{job.pk}", "chat", "Amina Client", "Où êtes-vous ?"),
        (f"assistance.{job.pk}", "chat", "Karim Assistant", "شارع ديدوش مراد"),
    ]
    assert {frame["seq"] for _, frame in heard} == {job.version}
    history = api(assistant_user).get(f"/api/assistance/{job.pk}/messages/").json()
    assert [(one["sender"], one["message"]) for one in history["results"]] == [
        ("Karim Assistant", "شارع ديدوش مراد"),
        ("Amina Client", "Où êtes-vous ?"),
    ]
    assert set(history["results"][0]) == {"id", "message", "sender", "sender_id", "createdAt", "client_id"}


def test_the_history_pages_and_takes_three_queries(
    client_user: Any, assistant_user: Any, job_in: Any, api: Any, django_assert_num_queries: Any
) -> None:
    job = job_in("accepted", client_user, assistant_user)
    for number in range(3):
        services.post_chat(actor=client_user, assistance_id=job.pk, message=f"{number}")
    client = api(client_user)
    with django_assert_num_queries(3):  # who asks, the room, the page with its senders
        page = client.get(f"/api/assistance/{job.pk}/messages/?page_size=2").json()
    assert [one["message"] for one in page["results"]] == ["2", "1"]
    assert [one["message"] for one in client.get(page["next"]).json()["results"]] == ["0"]


def test_strangers_neither_read_nor_write(
    client_user: Any, other_client: Any, assistant_user: Any, other_assistant: Any, dispatcher: Any, staff_user: Any,
    job_in: Any, duty: Any, api: Any,
) -> None:  # fmt: skip
    duty(other_assistant)
    job = job_in("requested", client_user, assistant_user)
    for stranger in (other_client, assistant_user, other_assistant, dispatcher):
        assert api(stranger).get(f"/api/assistance/{job.pk}/messages/").status_code == 404
        assert api(stranger).post(f"/api/assistance/{job.pk}/messages/", {"message": "hello"}).status_code == 404
        with pytest.raises(NotFound):
            services.post_chat(actor=stranger, assistance_id=job.pk, message="hello")
    assert not ChatMessage.objects.exists()
    assert api(staff_user).get(f"/api/assistance/{job.pk}/messages/").status_code == 200


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "a\0b", "\ud800", None, 5, ["x"]])
def test_what_is_no_message(client_user: Any, ask: Any, text: Any) -> None:
    job = ask(client_user)
    with pytest.raises(InvalidData):
        services.post_chat(actor=client_user, assistance_id=job.pk, message=text)


def test_a_thousand_characters_until_a_day_after_the_end(client_user: Any, assistant_user: Any, job_in: Any) -> None:
    job = job_in("completed", client_user, assistant_user)
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="x" * 1000)
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=5), tick=False), pytest.raises(Conflict):
        services.post_chat(actor=client_user, assistance_id=job.pk, message="late")


def test_posting_is_the_same_act_as_the_frame(
    client_user: Any, assistant_user: Any, job_in: Any, frames: Any, api: Any
) -> None:
    job = job_in("ongoing", client_user, assistant_user)
    url = f"/api/assistance/{job.pk}/messages/"
    with frames() as heard:
        answer = api(client_user).post(url, {"message": "  Où êtes-vous ? ", "client_id": "m-1"})
    body = answer.json()
    assert (answer.status_code, body["message"], body["sender"], body["client_id"]) == (201, "Où êtes-vous ?", "Amina Client", "m-1")
    [(group, frame)] = heard
    assert (group, frame["type"], frame["client_id"]) == (f"assistance.{job.pk}", "chat", "m-1")
    assert body.items() <= frame.items()
    assert api(assistant_user).get(url).json()["results"] == [body]


def test_a_repeat_is_harmless(
    client_user: Any, assistant_user: Any, other_client: Any, job_in: Any, ask: Any, frames: Any, api: Any
) -> None:
    job = job_in("completed", client_user, assistant_user)
    url = f"/api/assistance/{job.pk}/messages/"
    first = api(client_user).post(url, {"message": "Merci", "client_id": "m-1"})
    with frames() as heard:
        again = api(client_user).post(url, {"message": "Merci", "client_id": "m-1"})
        with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=5), tick=False):
            late = services.post_chat(actor=client_user, assistance_id=job.pk, message="Merci", client_id="m-1")
    assert (first.status_code, again.status_code, heard) == (201, 200, [])
    assert again.json() == first.json() and not late.is_new and late.frame["id"] == first.json()["id"]
    other = api(client_user).post(url, {"message": "Encore", "client_id": "m-1"})
    assert (other.status_code, other.json()["code"]) == (409, "client_id_reused")
    # the same name by somebody else, in another conversation, or none at all is another message
    assert api(assistant_user).post(url, {"message": "Merci", "client_id": "m-1"}).status_code == 201
    assert services.post_chat(actor=other_client, assistance_id=ask(other_client).pk, message="Merci", client_id="m-1").is_new
    for _ in range(2):
        assert api(client_user).post(url, {"message": "Merci", "client_id": None}).status_code == 201
    assert ChatMessage.objects.filter(client_id="m-1").count() == 3


@pytest.mark.parametrize("name", ["x" * 65, "a\0b", "\ud800", True, 5, ["x"], {}])
def test_what_names_no_message(client_user: Any, ask: Any, api: Any, name: Any) -> None:
    job = ask(client_user)
    with pytest.raises(InvalidData):
        services.post_chat(actor=client_user, assistance_id=job.pk, message="hello", client_id=name)
    assert services.post_chat(actor=client_user, assistance_id=job.pk, message="hello", client_id="ب" * 64).frame["client_id"] == "ب" * 64


def test_posting_ends_a_day_after_the_job(client_user: Any, assistant_user: Any, job_in: Any, api: Any) -> None:
    job = job_in("completed", client_user, assistant_user)
    client = api(client_user)
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=5), tick=False):
        answer = client.post(f"/api/assistance/{job.pk}/messages/", {"message": "late"})
    assert (answer.status_code, answer.json()["code"]) == (409, "chat_closed")
