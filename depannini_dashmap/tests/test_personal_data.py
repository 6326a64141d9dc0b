"""One person's data: all of it comes out, and after erasure none of it is left anywhere."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from accounts.models import Company, User
from accounts.services import invite
from assistance.models import Assistance, ChatMessage
from depannini_dashmap.operations import personal_data_export
from depannini_dashmap.operations.personal_data_export import gather

PERSONAL = ("Amina", "amina@example.com", "213555000001", "Rue des Jardins", "my engine burns")


@pytest.fixture
def busy_client(client_user: User, assistant_user: User, api: Callable, settings: Any, tmp_path: Path) -> User:
    """A motorist with a finished job, a chat, a photo, codes and a wrong login."""
    settings.MEDIA_ROOT = tmp_path / "media"
    api().post("/api/auth/resend-verification/", {"email": client_user.email})
    api().post("/api/auth/login/email/", {"email": client_user.email, "password": "wrong-password"})
    mine, theirs = api(client_user), api(assistant_user)
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    picture.seek(0)
    picture.name = "me.png"
    changed = mine.put("/api/profile/user/", {"address": "7 Rue des Jardins", "profile_photo": picture}, format="multipart")
    assert changed.status_code == 200, changed.content
    place = {"latitude": 36.7538, "longitude": 3.0588}
    assert theirs.post("/api/profile/update-location/", place).status_code == 200
    assert theirs.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 200
    asked = mine.post(
        "/api/assistance/request/", {"pickup": {"lat": 36.75, "lng": 3.05}, "description": "my engine burns"},
        HTTP_IDEMPOTENCY_KEY="key-1",
    )  # fmt: skip
    assert asked.status_code == 201, asked.content
    job = asked.json()["assistance"]["id"]
    assert theirs.patch(f"/api/assistance/accept/{job}/").status_code == 200
    ChatMessage.objects.create(assistance_id=job, sender=client_user, message="it is Amina, my engine burns")
    assert theirs.patch(f"/api/assistance/update/{job}/", {"status": "completed"}).status_code == 200
    client_user.refresh_from_db()
    return client_user


def traces() -> Iterator[tuple[str, str]]:
    """Find the person's words in any text of any table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for value in row:
                    text = bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
                    for word in PERSONAL:
                        if word.lower() in text.lower():
                            yield table, word


@pytest.mark.django_db(transaction=True)
def test_erasure_leaves_no_word_of_the_person(busy_client: User, settings: Any) -> None:
    assert {word for _, word in traces()} == set(PERSONAL)
    assert list(Path(settings.MEDIA_ROOT).rglob("*.*"))
    call_command("erase_person", busy_client.email, "--yes", stdout=io.StringIO())
    assert list(traces()) == []
    assert [file for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()] == []
    assert Assistance.objects.get().client_id == busy_client.pk


@pytest.mark.django_db
def test_everything_about_the_person_comes_out_and_no_secret(busy_client: User, tmp_path: Path) -> None:
    target = tmp_path / "out.zip"
    call_command("export_person", "+213 555 00 00 01", "--output", str(target), stdout=io.StringIO())
    assert target.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(target) as archive:
        document = json.loads(archive.read("data.json"))
        assert sorted(archive.namelist())[0] == "data.json"
        assert len(archive.namelist()) == 2
    data = document["data"]
    assert data["accounts.User"][0]["email"] == "amina@example.com"
    assert data["assistance.Assistance"][0]["description"] == "my engine burns"
    assert data["assistance.ChatMessage"][0]["message"] == "it is Amina, my engine burns"
    assert not {column for rows in data.values() for row in rows for column in row} & personal_data_export.SECRET_COLUMNS
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_person", "amina@example.com", "--output", str(target))


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["nobody@example.com", "+213555999999", "999999"])
def test_nobody_is_found_plainly(who: str, client_user: User) -> None:
    with pytest.raises(CommandError, match="No account answers to"):
        call_command("export_person", who)
    with pytest.raises(CommandError, match="No account answers to"):
        call_command("erase_person", who, "--yes")


@pytest.mark.django_db
def test_erasure_asks_first(client_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", str(client_user.pk))
    client_user.refresh_from_db()
    assert client_user.closed_at is None


@pytest.mark.django_db
def test_the_last_owner_of_what_is_not_empty_is_not_erased(dispatcher: User, viewer: User) -> None:
    with pytest.raises(CommandError, match="name another owner first"):
        call_command("erase_person", dispatcher.username, "--yes")
    call_command("erase_person", viewer.username, "--yes", stdout=io.StringIO())
    call_command("erase_person", dispatcher.username, "--yes", stdout=io.StringIO())
    assert not Company.objects.exists()


@pytest.mark.django_db
def test_an_export_holds_the_invitations_to_a_proven_address(dispatcher: User, viewer: User, company_a: Company) -> None:
    for person in ({"email": viewer.email}, {"username": viewer.username}):
        invite(actor=dispatcher, company=company_a, person=person)
    assert len(personal_data_export.gather(viewer)["accounts.Invitation"]) == 1
    viewer.email_verified = True
    assert len(personal_data_export.gather(viewer)["accounts.Invitation"]) == 2
    assert len(personal_data_export.gather(dispatcher)["accounts.Invitation"]) == 2


@pytest.mark.django_db
def test_an_export_holds_the_attempts_to_sign_in(client_user: User) -> None:
    row = {"user_agent": "curl", "path_info": "/admin/login/", "http_accept": "*/*"}
    AccessAttempt.objects.create(username=client_user.email, ip_address="198.51.100.7", failures_since_start=3, get_data="secret=1", post_data="", **row)
    AccessAttempt.objects.create(username="somebody-else", ip_address="198.51.100.8", failures_since_start=1, get_data="", post_data="", **row)
    (attempt,) = gather(client_user)["axes.AccessAttempt"]
    assert (attempt["ip_address"], attempt["failures_since_start"]) == ("198.51.100.7", 3)
    assert "get_data" not in attempt
