"""The same POST sent twice happens once."""

import io
import random
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from PIL import Image

from accounts.models import Company
from depannini_dashmap.models import IdempotentRequest

pytestmark = pytest.mark.django_db
URL = "/api/companies/"


def post(client, name="Twice", key="k-1"):
    return client.post(URL, {"name": name}, HTTP_IDEMPOTENCY_KEY=key)


def test_a_repetition_gets_the_first_answer(api, dispatcher):
    client = api(dispatcher)
    first, second = post(client), post(client)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Company.objects.filter(name="Twice").count() == 1


def test_an_answer_cannot_be_read_without_the_secret_key(api, dispatcher, settings):
    client = api(dispatcher)
    post(client, name="Sealed")
    [kept] = IdempotentRequest.objects.values_list("answer", flat=True)
    assert b"Sealed" not in bytes(kept)
    settings.SECRET_KEY = "another" * 10
    again = post(api(dispatcher), name="Sealed")
    assert (again.status_code, again.json()["code"]) == (409, "answer_lost")
    assert Company.objects.filter(name="Sealed").count() == 1


def test_both_spellings_are_one_path(api, dispatcher):
    client = api(dispatcher)
    post(client)
    again = client.post(URL.rstrip("/"), {"name": "Twice"}, HTTP_IDEMPOTENCY_KEY="k-1")
    assert again["Idempotent-Replayed"] == "true"


def test_another_body_is_422(api, dispatcher):
    client = api(dispatcher)
    post(client)
    response = post(client, name="Other")
    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"
    assert not Company.objects.filter(name="Other").exists()


def _noise(seed: int) -> bytes:
    """A PNG of 3 MB: over what a body of another kind may have, under what a photo may have."""
    out = io.BytesIO()
    Image.frombytes("RGB", (1024, 1024), random.Random(seed).randbytes(3 * 1024 * 1024)).save(out, "PNG")
    return out.getvalue()


def _post_photo(client, boundary: str, content: bytes, filename="me.png", name="profile_photo"):
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: image/png\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    return client.generic("POST", "/api/profile/photo/", body, content_type=kind, HTTP_IDEMPOTENCY_KEY="k-1")


def test_a_photo_over_the_limit_of_other_bodies_is_replayed_whatever_its_boundary(api, client_user):
    client, content = api(client_user), _noise(1)
    first, second = _post_photo(client, "first", content), _post_photo(client, "second", content)
    assert (first.status_code, second.status_code) == (200, 200), first.content
    assert first.content == second.content
    assert second["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    client_user.refresh_from_db()
    with client_user.profile_photo.open() as file, Image.open(file) as stored:
        assert stored.size == (1024, 1024)


@pytest.mark.parametrize(
    "changed", [{"content": _noise(2)}, {"filename": "you.png"}, {"name": "photo"}], ids=["content", "filename", "name"]
)
def test_another_photo_is_422(api, client_user, changed):
    client = api(client_user)
    sent = {"boundary": "b", "content": _noise(1)}
    assert _post_photo(client, **sent).status_code == 200
    response = _post_photo(client, **{**sent, **changed})
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_broken_multipart_bodies_are_400_and_keep_no_key(api, client_user):
    client = api(client_user)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=b"):
        broken = client.generic("POST", "/api/profile/photo/", b"--b", content_type=kind, HTTP_IDEMPOTENCY_KEY="k-1")
        unkeyed = client.generic("POST", "/api/profile/photo/", b"--b", content_type=kind)
        assert broken.status_code == unkeyed.status_code == 400
        assert {**broken.json(), "request_id": None} == {**unkeyed.json(), "request_id": None}
    assert _post_photo(client, "b", _noise(1)).status_code == 200


def test_keys_are_ones_own(api, dispatcher, dispatcher_b):
    post(api(dispatcher))
    assert "Idempotent-Replayed" not in post(api(dispatcher_b))
    assert Company.objects.filter(name="Twice").count() == 2


def test_a_400_is_not_kept(api, dispatcher):
    client = api(dispatcher)
    assert client.post(URL, {}, HTTP_IDEMPOTENCY_KEY="k-1").status_code == 400
    assert post(client).status_code == 201


def test_a_bug_is_not_kept(api, dispatcher, monkeypatch):
    client = api(dispatcher)
    client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(Company.objects.__class__, "create", lambda *a, **k: 1 / 0)
        patch.setattr(Company, "save", lambda *a, **k: 1 / 0)
        assert post(client).status_code == 500
    assert post(client).status_code == 201


def test_still_running_is_409(api, dispatcher):
    client = api(dispatcher)
    post(client)
    IdempotentRequest.objects.update(status=None, answer=None)
    assert post(client).status_code == 409
    IdempotentRequest.objects.update(started_at=timezone.now() - timedelta(minutes=2))
    assert post(client).status_code == 201


def _given_up_meanwhile(table: str) -> None:
    """Have the database end every claim while a row is added to the table, as another request does after a minute."""
    if connection.vendor == "postgresql":
        end = (
            "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN DELETE FROM depannini_dashmap_idempotentrequest; RETURN NEW; END $$;"
            f" CREATE TRIGGER give_up AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION give_up()"
        )
    else:
        end = f"CREATE TRIGGER give_up AFTER INSERT ON {table} BEGIN DELETE FROM depannini_dashmap_idempotentrequest; END"
    with connection.cursor() as cursor:
        cursor.execute(end)


def test_what_was_done_goes_with_a_claim_that_was_given_up(api, dispatcher):
    _given_up_meanwhile("accounts_company")
    response = post(api(dispatcher))
    assert (response.status_code, response.json()["code"]) == (409, "still_running")
    assert not Company.objects.filter(name="Twice").exists()


def test_keys_end_after_three_days(api, dispatcher):
    post(api(dispatcher))
    with time_machine.travel(timezone.now() + timedelta(hours=72, minutes=1)):
        assert "Idempotent-Replayed" not in post(api(dispatcher))


def test_keys_last_three_days(api, dispatcher):
    post(api(dispatcher))
    with time_machine.travel(timezone.now() + timedelta(hours=71)):
        assert post(api(dispatcher))["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_sent_twice_is_made_once(api, dispatcher, company_a, method):
    send, url = getattr(api(dispatcher), method), f"{URL}{company_a.pk}/"
    first = send(url, {"name": "First"}, HTTP_IDEMPOTENCY_KEY="k-1")
    assert (first.status_code, first.json()["name"]) == (200, "First")
    Company.objects.filter(pk=company_a.pk).update(name="Later")
    again = send(url, {"name": "First"}, HTTP_IDEMPOTENCY_KEY="k-1")
    assert again["Idempotent-Replayed"] == "true" and again.content == first.content
    company_a.refresh_from_db()
    assert company_a.name == "Later"
    assert send(url, {"name": "Other"}, HTTP_IDEMPOTENCY_KEY="k-1").status_code == 422
    assert send(url, {"name": ""}, HTTP_IDEMPOTENCY_KEY="k-2").status_code == 400
    assert send(url, {"name": "Mended"}, HTTP_IDEMPOTENCY_KEY="k-2").status_code == 200


def test_a_key_is_of_one_method(api, dispatcher, company_a):
    client, url = api(dispatcher), f"{URL}{company_a.pk}/"
    assert client.put(url, {"name": "One"}, HTTP_IDEMPOTENCY_KEY="k-1").status_code == 200
    assert client.patch(url, {"name": "One"}, HTTP_IDEMPOTENCY_KEY="k-1").status_code == 422


def test_reading_and_deleting_take_no_key(api, dispatcher, company_a):
    client, url = api(dispatcher), f"{URL}{company_a.pk}/"
    for _ in range(2):
        assert "Idempotent-Replayed" not in client.get(url, HTTP_IDEMPOTENCY_KEY="k-1")
    assert client.delete(url, HTTP_IDEMPOTENCY_KEY="k-1").status_code == 204
    assert not IdempotentRequest.objects.exists()


def test_a_photo_put_twice_is_stored_once(api, client_user):
    client = api(client_user)
    answers = []
    for boundary in ("first", "second"):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="profile_photo"; filename="me.png"\r\nContent-Type: image/png\r\n\r\n'
        body = head.encode() + _noise(1) + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        answers.append(client.generic("PUT", "/api/profile/user/", body, content_type=kind, HTTP_IDEMPOTENCY_KEY="k-1"))
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].content
    assert answers[0].content == answers[1].content and answers[1]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_bad_keys(api, dispatcher, key):
    response = post(api(dispatcher), key=key)
    assert response.status_code == 400
    assert "Idempotency-Key" in response.json()["fields"]


def test_sign_in_ignores_keys(api, dispatcher, password):
    body = {"username": dispatcher.username, "password": password}
    tokens = {
        api().post("/api/auth/login/", body, HTTP_IDEMPOTENCY_KEY="k").json()["token"] for _ in range(2)
    }
    assert len(tokens) == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_sixteen_changes_at_once_are_one(api, dispatcher, company_a, method):
    """Each change leaves a former version of its row behind, so their number is that of the changes."""
    client = api(dispatcher)
    vehicle = {"license_plate": "16-1", "make": "Ford", "model": "Transit", "year": 2020, "capacity": "1"}
    url = f"/api/vehicles/{client.post('/api/vehicles/', vehicle).json()['id']}/"
    clients = [api(dispatcher) for _ in range(16)]
    answers = []
    barrier = threading.Barrier(16)

    def send(client):
        barrier.wait()
        try:
            answers.append(getattr(client, method)(url, {"make": "Iveco"}, HTTP_IDEMPOTENCY_KEY="k-1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum("Idempotent-Replayed" not in answer for answer in answers if answer.status_code == 200) == 1
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    from fleet.models import Vehicle

    assert Vehicle.objects.get().history.count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_make_one_row(api, dispatcher):
    clients = [api(dispatcher) for _ in range(16)]
    statuses: list[int] = []
    barrier = threading.Barrier(16)

    def send(client):
        barrier.wait()
        try:
            statuses.append(post(client).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Company.objects.filter(name="Twice").count() == 1
