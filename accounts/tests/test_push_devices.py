"""Devices that get notifications: registering, moving, ending with the sign-in; quiet hours."""

import base64
import os
from datetime import time, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tokens
from accounts.models import PushDevice, User
from accounts.services import close_account, end_sessions, register_push_device
from depannini_dashmap.lib.errors import Unauthenticated
from depannini_dashmap.lib.outbound.push_messages import PushAddress

pytestmark = pytest.mark.django_db
URL = "/api/devices/push/"


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def subscription(**changes):
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    keys = {"p256dh": encoded(point), "auth": encoded(os.urandom(16)), **changes.pop("keys", {})}
    return {"endpoint": "https://updates.push.services.mozilla.com/wpush/v2/abc", "expirationTime": None, "keys": keys, **changes}


def fcm(token="phone-1", **fields):
    return {"kind": "fcm", "token": token, **fields}


def test_a_phone_registers_and_leaves(api, client_user):
    them = api(client_user)
    made = them.post(URL, fcm(language="ar"))
    assert made.status_code == 201
    assert set(made.json()) == {"id", "kind", "language", "registered_at", "is_current"}
    assert (made.json()["kind"], made.json()["language"], made.json()["is_current"]) == ("fcm", "ar", True)
    assert them.post(URL, fcm()).status_code == 200
    answer = them.get(URL).json()
    assert set(answer) == {"vapid_public_key", "quiet_from", "quiet_until", "devices"}
    assert answer["vapid_public_key"] is None and [row["id"] for row in answer["devices"]] == [made.json()["id"]]
    assert them.delete(URL, {"token": "another"}).status_code == 204
    assert PushDevice.objects.count() == 1
    assert them.delete(URL, {"token": "phone-1"}).status_code == 204
    assert PushDevice.objects.count() == 0


def test_a_browser_registers_and_leaves(api, client_user, settings):
    settings.VAPID_PRIVATE_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
    them = api(client_user)
    sent = subscription()
    assert them.post(URL, {"kind": "webpush", "subscription": sent}, HTTP_ACCEPT_LANGUAGE="de, fr-CA;q=0.9, en;q=0.1").json()["language"] == "fr"
    row = PushDevice.objects.get()
    assert (row.token, row.p256dh, row.auth) == (sent["endpoint"], sent["keys"]["p256dh"], sent["keys"]["auth"])
    assert len(them.get(URL).json()["vapid_public_key"]) == 87
    assert them.delete(URL, {"endpoint": sent["endpoint"]}).status_code == 204
    assert not PushDevice.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "pigeon", "token": "x"},
        {"kind": "fcm"},
        {"kind": "fcm", "token": ""},
        {"kind": "fcm", "token": "a b"},
        {"kind": "fcm", "token": "x" * 4097},
        {"kind": "fcm", "token": ["x"]},
        {"kind": "fcm", "token": "x", "language": "xx"},
        {"kind": "webpush"},
        {"kind": "webpush", "token": "x"},
        {"kind": "webpush", "subscription": "x"},
        {"kind": "webpush", "subscription": {"endpoint": "https://fcm.googleapis.com/x"}},
    ],
)
def test_what_is_no_device_is_refused(api, client_user, body):
    answer = api(client_user).post(URL, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    assert answer.json()["fields"] and not PushDevice.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/x",
        "https://example.com/x",
        "https://fcm.googleapis.com.example.com/x",
        "https://evilfcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:22/x",
        "https://fcm.googleapis.com@10.0.0.1/x",
        "https://user:pw@fcm.googleapis.com/x",
        "https://fcm.googleapis.com\\@10.0.0.1/x",
        "https://fcm.googleapis.com/x\r\nHost: y",
        "https://fcm.googleapis.com/" + "x" * 2048,
        "ftp://fcm.googleapis.com/x",
        "//fcm.googleapis.com/x",
        "https://fcm.googleapis.com:99999/x",
        "https://[fcm.googleapis.com/x",
    ],
)
def test_an_endpoint_that_is_no_push_service_is_refused(api, client_user, endpoint):
    answer = api(client_user).post(URL, {"kind": "webpush", "subscription": subscription(endpoint=endpoint)})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["subscription.endpoint"]


@pytest.mark.parametrize(("name", "value"), [("p256dh", "AAAA"), ("p256dh", "é"), ("p256dh", encoded(b"\x04" + b"\1" * 64)), ("auth", "AAAA"), ("auth", "!")])
def test_keys_that_are_none_are_refused(api, client_user, name, value):
    answer = api(client_user).post(URL, {"kind": "webpush", "subscription": subscription(keys={name: value})})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [f"subscription.keys.{name}"]


def test_a_kind_that_nobody_serves_says_so(api, client_user, settings):
    settings.PUSH_URL = "services:"
    answer = api(client_user).post(URL, fcm())
    assert (answer.status_code, answer.json()["code"]) == (503, "push_not_configured")


def test_a_device_is_of_the_last_account_that_registered_it(api, client_user, other_client):
    first = api(client_user).post(URL, fcm()).json()["id"]
    answer = api(other_client).post(URL, fcm())
    assert (answer.status_code, answer.json()["id"]) == (201, first)
    assert PushDevice.objects.get().user_id == other_client.pk
    assert api(client_user).get(URL).json()["devices"] == []
    assert api(client_user).delete(URL, {"token": "phone-1"}).status_code == 204
    assert PushDevice.objects.count() == 1


def test_the_longest_unheard_of_device_makes_room(api, client_user):
    them = api(client_user)
    for number in range(PushDevice.MOST + 2):
        assert them.post(URL, fcm(f"phone-{number}")).status_code == 201
    kept = set(PushDevice.objects.values_list("token", flat=True))
    assert kept == {f"phone-{number}" for number in range(2, PushDevice.MOST + 2)}


def test_signing_out_ends_the_devices_of_that_sign_in(client, client_user):
    phone, tablet = tokens.issue_pair(client_user), tokens.issue_pair(client_user)
    for pair, token in ((phone, "phone"), (tablet, "tablet")):
        assert client.post(URL, fcm(token), content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code == 201
    assert client.post("/api/auth/logout/", {}, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {phone['access']}").status_code == 200
    assert list(PushDevice.objects.values_list("token", flat=True)) == ["tablet"]
    assert client.post("/api/auth/token/revoke/", {"refresh": tablet["refresh"]}, content_type="application/json").status_code == 200
    assert not PushDevice.objects.exists()


def test_without_a_body_the_devices_of_this_sign_in_leave(client, client_user):
    phone, tablet = tokens.issue_pair(client_user), tokens.issue_pair(client_user)
    for pair, token in ((phone, "phone"), (tablet, "tablet")):
        client.post(URL, fcm(token), content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    assert client.delete(URL, HTTP_AUTHORIZATION=f"Bearer {phone['access']}").status_code == 204
    assert list(PushDevice.objects.values_list("token", flat=True)) == ["tablet"]


def test_signing_out_of_the_fleet_side_ends_its_devices(client, dispatcher):
    key = tokens.issue_fleet_token(dispatcher)
    assert client.post(URL, fcm(), content_type="application/json", HTTP_AUTHORIZATION=f"Token {key}").status_code == 201
    assert client.post("/api/auth/logout/", {}, content_type="application/json", HTTP_AUTHORIZATION=f"Token {key}").status_code == 200
    assert not PushDevice.objects.exists()


@pytest.mark.parametrize("end", [lambda user: end_sessions(actor=None, user_id=user.pk, reason="test"), lambda user: close_account(actor=user, user=user)])
def test_what_ends_every_session_ends_the_devices(api, client_user, other_client, end):
    api(client_user).post(URL, fcm("one"))
    api(other_client).post(URL, fcm("two"))
    end(client_user)
    assert list(PushDevice.objects.values_list("token", flat=True)) == ["two"]


def test_a_session_that_ends_meanwhile_registers_nothing(client_user):
    stale = User.objects.get(pk=client_user.pk)
    end_sessions(actor=None, user_id=client_user.pk, reason="test")
    with pytest.raises(Unauthenticated):
        register_push_device(actor=stale, session="s", address=PushAddress("fcm", "x"), language="en")
    assert not PushDevice.objects.exists()


def test_a_device_that_no_app_registers_any_more_is_not_live(api, client_user, settings):
    api(client_user).post(URL, fcm())
    past = timezone.now() - settings.REFRESH_TOKEN_TTL - timedelta(minutes=1)
    PushDevice.objects.update(registered_at=past)
    assert not PushDevice.objects.live().exists()
    assert PushDevice.objects.lapsed(timezone.now()).count() == 1
    assert not PushDevice.objects.lapsed(timezone.now() - timedelta(days=1)).exists()


def test_quiet_hours(api, client_user):
    them = api(client_user)
    answer = them.put(URL, {"quiet_from": "22:00", "quiet_until": "06:30:00"})
    assert answer.status_code == 200
    assert (answer.json()["quiet_from"], answer.json()["quiet_until"]) == ("22:00:00", "06:30:00")
    account = User.objects.get(pk=client_user.pk)
    assert [account.is_quiet(time(hour, 29)) for hour in (21, 22, 0, 6, 7)] == [False, True, True, True, False]
    assert them.patch(URL, {"quiet_from": "12:00", "quiet_until": "13:00"}).status_code == 200
    account = User.objects.get(pk=client_user.pk)
    assert [account.is_quiet(time(hour)) for hour in (11, 12, 13)] == [False, True, False]
    assert them.put(URL, {"quiet_from": "12:00", "quiet_until": None}).json()["fields"] == {"quiet_until": ["This field is required."]}
    assert them.put(URL, {"quiet_from": "25:00", "quiet_until": "1"}).status_code == 400
    assert them.put(URL, {"quiet_from": None, "quiet_until": None}).json()["quiet_from"] is None
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=client_user.pk).update(quiet_from=time(1), quiet_until=None)


def test_strangers_get_nothing(client):
    for method in ("get", "post", "put", "patch", "delete"):
        assert getattr(client, method)(URL).status_code == 401


def test_a_key_for_browsers_is_made_and_kept_nowhere(capsys, settings):
    call_command("vapid_keys")
    private, public = capsys.readouterr().out.splitlines()
    settings.VAPID_PRIVATE_KEY = private.removeprefix("VAPID_PRIVATE_KEY=")
    from depannini_dashmap.lib.outbound import web_push

    assert public.endswith(f" {web_push.public_key()}") and len(web_push.public_key()) == 87
