"""Rates of requests."""

import re

import pytest
from django.utils import timezone

from accounts.limits import rates
from accounts.limits.counters import Bucket, Quota
from depannini_dashmap.lib.errors import TooManyRequests

pytestmark = pytest.mark.django_db
REGISTER = "/api/auth/register/"


@pytest.fixture(autouse=True)
def throttled(settings, time_machine):
    settings.THROTTLING_ENABLED = True
    time_machine.move_to(timezone.now().replace(second=1), tick=False)
    return settings


def test_three_hundred_requests_a_minute_for_each_user(api, client_user, other_client, time_machine):
    client = api(client_user)
    codes = [client.get("/api/auth/profile/").status_code for _ in range(301)]
    assert codes == [200] * 300 + [429]
    refused = client.get("/api/auth/profile/")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert refused.json()["code"] == "too_many_requests"
    assert api(client_user).get("/api/auth/profile/").status_code == 429, "another token is the same user"
    assert api(other_client).get("/api/auth/profile/").status_code == 200
    time_machine.shift(61)
    assert client.get("/api/auth/profile/").status_code == 200


def test_sixty_registrations_a_minute_from_one_address(api):
    codes = [api().post(REGISTER, {}).status_code for _ in range(61)]
    assert codes == [400] * 60 + [429]
    assert api().post(REGISTER, {}, REMOTE_ADDR="10.1.1.1").status_code == 400
    assert api().post(REGISTER, {}, HTTP_X_FORWARDED_FOR="10.1.1.2").status_code == 429


def test_failures_of_one_address_are_counted_over_all_accounts(api, client_user, password):
    for number in range(100):
        body = {"email": f"user{number}@example.com", "password": "x"}
        assert api().post("/api/auth/login/email/", body).status_code == 401
    body = {"email": client_user.email, "password": password}
    assert api().post("/api/auth/login/email/", body).status_code == 429
    assert api().post("/api/auth/login/email/", body, REMOTE_ADDR="10.1.1.1").status_code == 200


def test_off_means_off(api, throttled, client_user):
    throttled.THROTTLING_ENABLED = False
    client = api(client_user)
    assert {client.get("/api/auth/profile/").status_code for _ in range(310)} == {200}


def test_a_quota_counts_in_its_window(time_machine):
    quota = Quota("test", 2, 60)
    quota.spend("a")
    quota.spend("a")
    quota.spend("b")
    with pytest.raises(TooManyRequests):
        quota.spend("a")
    time_machine.shift(60)
    quota.spend("a")


def test_a_bucket_gives_its_buffer_after_a_silence_and_then_its_rate(time_machine):
    bucket = Bucket("test", 600, 5000)
    assert [bucket.take("a") for _ in range(5001)] == [0] * 5000 + [1]
    assert bucket.take("b") == 0
    for _ in range(10):
        time_machine.shift(6)  # through the end of a minute
        assert [bool(bucket.take("a")) for _ in range(62)] == [False] * 60 + [True] * 2
    time_machine.shift(250)
    assert [bucket.take("a", 2500), bucket.take("a", 1)] == [0, 1], "half of it has come back"
    time_machine.shift(3600)
    assert [bucket.take("a", 5000), bool(bucket.take("a", 1))] == [0, True]


def test_what_was_not_used_is_not_saved_beyond_the_buffer(time_machine):
    bucket = Bucket("test", 600, 5000)
    time_machine.shift(58)  # the end of a minute of which nothing was used
    assert bucket.take("a", 5000) == 0
    assert 0 < bucket.take("a", 100) <= 10
    time_machine.shift(10)
    assert bucket.take("a", 100) == 0


def test_a_message_larger_than_a_bucket_passes_when_it_is_full(time_machine):
    bucket = Bucket("test", 600, 5000)
    assert bucket.take("a", 9000) == 0
    assert bucket.take("a", 9000) == 500


def test_a_bucket_that_is_refused_pays_nothing_for_it(time_machine):
    bucket = Bucket("test", 600, 5000)
    bucket.take("a", 5000)
    for _ in range(50):
        assert bucket.take("a", 600) == 60
    time_machine.shift(60)
    assert bucket.take("a", 600) == 0


def test_every_rate_of_requests_is_defined_in_one_module(settings):
    apps = ("accounts", "alarms", "assistance", "depannini_dashmap", "fleet", "orders", "payments", "telematics", "trips")
    modules = [path for app in apps for path in (settings.BASE_DIR / app).rglob("*.py") if "tests" not in path.parts]
    defining = {path.relative_to(settings.BASE_DIR).as_posix() for path in modules if re.search(r"\b(Bucket|Quota)\(", path.read_text())}
    assert defining == {"accounts/limits/rates.py"}
    table = (settings.BASE_DIR / "docs/operations.md").read_text()
    assert [name for name, value in vars(rates).items() if isinstance(value, Bucket | Quota) and f"`{name}`" not in table] == []
