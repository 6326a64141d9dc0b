"""The demo's data: made once, through the rules, for each role."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Company, User
from assistance.models import Assistance
from depannini_dashmap.management.commands.seed_demo import LOGINS
from orders.models import Order
from telematics.models import Position
from trips.models import Trip

pytestmark = pytest.mark.django_db


def test_it_is_refused_without_debug():
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo")
    assert not User.objects.exists()


def test_a_believable_week_made_once(api, settings, capsys):
    settings.DEBUG = True
    call_command("seed_demo", verbosity=0)
    assert Company.objects.count() == 2
    assert Order.objects.count() == 60
    assert set(Trip.objects.values_list("status", flat=True)) == {"draft", "planned", "in_progress", "completed", "cancelled"}
    assert set(Assistance.objects.values_list("status", flat=True)) >= {"requested", "accepted", "completed"}
    assert Position.objects.count() > 100
    before = User.objects.count()
    call_command("seed_demo")
    assert "already" in capsys.readouterr().out
    assert User.objects.count() == before
    for _, login, password in LOGINS:
        path, name = ("/api/auth/login/phone/", "phone_number") if login.startswith("+") else ("/api/auth/login/", "username")
        assert api().post(path, {name: login, "password": password}).status_code == 200, login
