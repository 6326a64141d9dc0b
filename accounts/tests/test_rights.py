"""Each change of what a user may see notifies their sockets, once and after commit, whichever way it is made."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import OPERATORS, ROADSIDE, Company, Membership
from accounts.services import close_account, remove_member
from depannini_dashmap.lib.realtime import layer

pytestmark = pytest.mark.django_db(transaction=True)


def rights_changes(act: Callable[[], Any], user: Any) -> int:
    """Count how often the user's sockets are asked to look again."""
    with layer.captured() as published:
        act()
    return sum(group == f"user.{user.pk}" and event["type"] == "rights.changed" for group, event in published)


@pytest.fixture
def second(company_a: Any, dispatcher_b: Any) -> Any:
    """Somebody who works for the first company too."""
    Membership.objects.create(user=dispatcher_b, company=company_a)
    return dispatcher_b


def test_memberships(company_a: Any, dispatcher: Any, second: Any) -> None:
    membership = Membership.objects.get(user=second, company=company_a)
    membership.role = Membership.Role.VIEWER
    assert rights_changes(membership.save, second) == 1
    assert rights_changes(lambda: remove_member(actor=dispatcher, company=company_a, user_id=second.pk), second) == 1
    assert rights_changes(lambda: Membership.objects.create(user=second, company=company_a), second) == 1
    assert rights_changes(lambda: Membership.objects.filter(user=second, company=company_a).delete(), second) == 1


def test_a_company_that_goes(second: Any) -> None:
    company = Company.objects.create(name="Soon gone")
    Membership.objects.create(user=second, company=company)
    assert rights_changes(company.delete, second) == 1


def test_closing(second: Any) -> None:
    assert rights_changes(lambda: close_account(actor=None, user=second), second) == 1


@pytest.mark.parametrize("name", [OPERATORS, ROADSIDE])
def test_groups_from_either_side(dispatcher: Any, name: str) -> None:
    group = Group.objects.get_or_create(name=name)[0]
    for act in (
        lambda: dispatcher.groups.add(group),
        lambda: dispatcher.groups.remove(group),
        lambda: group.user_set.add(dispatcher),
        lambda: dispatcher.groups.clear(),
        lambda: dispatcher.groups.set([group]),
        lambda: group.user_set.clear(),
    ):
        assert rights_changes(act, dispatcher) == 1
    dispatcher.groups.add(group)
    assert rights_changes(group.delete, dispatcher) == 1


def test_nothing_is_published_after_a_rollback(dispatcher: Any, company_a: Any) -> None:
    def undone() -> None:
        with transaction.atomic():
            Membership.objects.filter(user=dispatcher).delete()
            transaction.set_rollback(True)

    assert rights_changes(undone, dispatcher) == 0
