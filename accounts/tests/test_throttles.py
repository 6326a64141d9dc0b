"""Rates of contract section 7."""

import pytest
from django.utils import timezone

from accounts.throttles import Quota
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
