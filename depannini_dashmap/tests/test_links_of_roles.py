"""What a role may not do is not shown: each role follows the links, forms and actions of its pages, and is refused nowhere."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from accounts.models import ROADSIDE, Membership, User
from accounts.services import invite
from alarms import services as alarms
from assistance.models import Assistance
from depannini_dashmap.tests.console_rows import (
    make_order,
    make_request,
    make_trip,
    make_vehicle,
    report_position,
    signed_in,
)
from orders.models import Order
from payments.services import record_payment
from trips.services.trips import update_trip

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    # The longest tests of the suite, about what templates and guards say: the same whichever database is under them.
    pytest.mark.skipif("postgresql" in settings.DATABASES["default"]["ENGINE"], reason="is run on SQLite alone"),
]

# Of each view so many pages are opened: rows differ by their state.
PAGES_OF_A_KIND = 2
LEAVES = ("logout", "language", "jsi18n", "password_change")


class _Page(HTMLParser):
    """Collects the links, forms with what they hold, and actions on rows of a page."""

    def __init__(self, here: str, text: str) -> None:
        super().__init__()
        self.here = here
        self.links: list[str] = []
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.offered: set[int] = set()  # the forms that have a button
        self.actions: list[str] = []
        self.rows: list[str] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self.here, given["href"]))
        elif tag == "form":
            self.forms.append((given.get("method", "get").lower(), urljoin(self.here, given.get("action", "")), {}))
        if self.forms and ((tag == "button" and given.get("type", "submit") == "submit") or (tag, given.get("type")) == ("input", "submit")):
            self.offered.add(len(self.forms) - 1)
        if tag in ("input", "button") and given.get("name") and self.forms:
            if given["name"] == "_selected_action":
                self.rows.append(given.get("value", ""))
            else:
                self.forms[-1][2].setdefault(given["name"], given.get("value", ""))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and given.get("value"):
            if self._select == "action":
                self.actions.append(given["value"])
            elif self._select and self.forms:
                self.forms[-1][2].setdefault(self._select, given["value"])


def _kind(url: str) -> tuple[str, str] | None:
    """Return what kind of page of the console an address is; None for what is none."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "testserver") or not parts.path.startswith("/admin/"):
        return None
    try:
        found = resolve(parts.path)
    except Resolver404:
        return None
    if (found.url_name or "") in LEAVES:
        return None
    words = ",".join(str(value) for name, value in found.kwargs.items() if name in ("step", "kind", "choice"))
    return found.url_name or "", words


def _read(answer: Any) -> None:
    """Read a file to its end, which closes it."""
    for _ in answer.streaming_content:
        pass


class _Walk:
    """One role's way through the console; `refused` tells where it was refused."""

    def __init__(self, user: User) -> None:
        self.browser: Client = signed_in(user)
        self.seen: Counter[Any] = Counter()
        self.refused: list[str] = []

    def go(self) -> None:
        """Follow everything from the first page on."""
        waiting, known = deque([("/admin/", "")]), {"/admin/"}
        while waiting:
            url, from_page = waiting.popleft()
            answer = self._get(url, from_page)
            if answer is None:
                continue
            page = _Page(url, answer)
            for link in page.links:
                path = link.split("#")[0].replace("http://testserver", "")
                if path not in known and self._is_wanted(("GET", _kind(path))):
                    known.add(path)
                    waiting.append((path, url))
            for method, action, fields in self._posts(page):
                self._post(method, action, fields, url)

    def _is_wanted(self, kind: Any) -> bool:
        if kind[1] is None or self.seen[kind] >= PAGES_OF_A_KIND:
            return False
        self.seen[kind] += 1
        return True

    def _get(self, url: str, from_page: str) -> str | None:
        answer = self.browser.get(url, follow=True)
        if answer.status_code == 403:
            self.refused.append(f"{from_page} → {url}")
        is_page = answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
        if answer.streaming:
            _read(answer)
            return None
        return answer.content.decode() if is_page else None

    def _posts(self, page: _Page) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for number, (method, action, fields) in enumerate(page.forms):
            if number in page.offered and method == "post" and self._is_wanted(("POST", _kind(action))):
                yield method, action, fields
        kind = _kind(page.here)
        for action in page.actions:
            if page.rows and self._is_wanted((action, kind)):
                yield "post", page.here, {"action": action, "_selected_action": page.rows[:1], "index": "0"}

    def _post(self, method: str, action: str, fields: dict[str, Any], from_page: str) -> None:
        """Send a form, follow where it leads, and take back all that it did."""
        with transaction.atomic():
            answer = self.browser.post(action, fields, follow=True)
            if answer.status_code == 403:
                self.refused.append(f"{from_page} → POST {action} {fields.get('action', '')}")
            if answer.streaming:
                _read(answer)
            transaction.set_rollback(True)


@pytest.fixture
def world(company_a: Any, company_b: Any, dispatcher: Any, dispatcher_b: Any, roadside_dispatcher: Any, client_user: Any, assistant_user: Any) -> None:
    """Two companies with vehicles, orders and trips in several states, jobs, payments and an alarm."""
    for actor, company in ((dispatcher, company_a), (dispatcher_b, company_b)):
        vehicle = make_vehicle(actor, company, f"16-{company.pk}")
        report_position(actor, vehicle)
        waiting, carried, delivered = (make_order(actor, company, f"Pharmacie {name}") for name in ("A", "B", "C"))
        make_trip(actor, vehicle, "Draft")
        begun = make_trip(actor, vehicle, "Begun", (carried,))
        for status in ("planned", "in_progress"):
            update_trip(actor=actor, trip_id=begun.pk, status=status)
        Order.objects.filter(pk__in=(waiting.pk, delivered.pk)).update(price=1500)
        Order.objects.filter(pk=delivered.pk).update(status="delivered")
        record_payment(actor=actor, order_id=delivered.pk, method="cash", amount=Decimal(500))
        invite(actor=actor, company=company, person={"email": f"new{company.pk}@example.com"})
    open_one = make_request(client_user)
    Assistance.objects.create(
        client=client_user, assistant=assistant_user, status="completed", pickup_lat=36.75, pickup_lng=3.04, total_price=3000, price_is_final=True,
        price_source="staff", currency="DZD", radius_km=10, expires_at=timezone.now(), accepted_at=timezone.now(), ended_at=timezone.now(),
    )  # fmt: skip
    Assistance.objects.filter(pk=open_one.pk).update(created_at=timezone.now() - timedelta(minutes=9))
    alarms.refresh_alarms(actor=None)


ROLES: dict[str, tuple[str, str, bool]] = {  # in the first company, in the second, whether of the roadside
    "owner": ("owner", "", False), "member": ("member", "", False), "viewer": ("viewer", "", False), "viewer_here_member_there": ("viewer", "member", False),
    "roadside": ("owner", "member", True), "roadside_viewer": ("viewer", "", True), "roadside_alone": ("", "", True), "invited": ("", "", False),
}  # fmt: skip


@pytest.mark.parametrize("role", ["operator", *ROLES])
def test_a_role_is_shown_nothing_that_it_may_not_do(role: str, world: None, staff_user: Any, company_a: Any, company_b: Any) -> None:
    user = staff_user
    if role in ROLES:
        here, there, is_roadside = ROLES[role]
        user = User.objects.create_user("lyes", "lyes@example.com", "depannage-2026", user_type="dispatcher", email_verified=True)
        for company, named in ((company_a, here), (company_b, there)):
            if named:
                Membership.objects.create(user=user, company=company, full_role=named)
                User.objects.filter(pk=user.pk, current_company=None).update(current_company=company)
        if is_roadside:
            user.groups.add(Group.objects.get(name=ROADSIDE))
        if role == "invited":
            invite(actor=staff_user, company=company_a, person={"username": user.username})
    walk = _Walk(User.objects.get(pk=user.pk))
    walk.go()
    assert walk.refused == []
    assert len(walk.seen) > (0 if role == "invited" else 10)
