"""A try is judged after its password was compared: what others did meanwhile counts."""

import pytest
from axes.utils import reset as axes_reset
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from accounts.limits import lockouts
from accounts.services import check_password
from depannini_dashmap.lib.errors import TooManyRequests, Unauthenticated

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def throttled(settings):
    settings.THROTTLING_ENABLED = settings.AXES_ENABLED = True
    axes_reset()


def _fail_five_times(user):
    """Somebody guesses five times, from the same address."""
    for number in range(5):
        with pytest.raises(Unauthenticated):
            check_password(actor=None, request=RequestFactory().post("/"), user=user, identifier="", password=f"wrong {number}")


@pytest.mark.parametrize("is_right", [True, False])
def test_a_password_compared_while_others_failed_comes_too_late(client_user, is_right):
    _fail_five_times(client_user)
    with pytest.raises(TooManyRequests) as error:
        lockouts.record_attempt(RequestFactory().post("/"), client_user.username, is_right=is_right)
    assert 0 < error.value.retry_after <= 901


def test_another_address_is_judged_by_itself(client_user):
    _fail_five_times(client_user)
    elsewhere = RequestFactory().post("/", REMOTE_ADDR="10.9.9.9")
    lockouts.require_unlocked(elsewhere, client_user.username)
    lockouts.record_attempt(elsewhere, client_user.username, is_right=True)


def test_the_admin_too_refuses_the_right_password_that_comes_too_late(staff_user):
    _fail_five_times(staff_user)
    late = RequestFactory().post("/admin/login/")
    with pytest.raises(ValidationError, match="Too many tries"):
        site.login_form(late).confirm_login_allowed(staff_user)
    assert late.axes_locked_out  # axes answers 429
    site.login_form(RequestFactory().post("/admin/login/", REMOTE_ADDR="10.9.9.9")).confirm_login_allowed(staff_user)
