"""No page of the console shows English where the reader chose another language, nor a number that reads backwards."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from assistance.models import Assistance
from fleet.models import Vehicle

LANGUAGES = ("fr", "ar")
OURS = frozenset({"accounts", "assistance", "fleet", "orders", "payments", "telematics", "trips"})
# What an untranslated page shows: words of ours and of Django's, states as the database has them, months.
ENGLISH = re.compile(
    r"\b(the|of|at|latest|with|who|when|which|until|company|vehicle|vehicles|driver|language|forwarders?|started|created|updated|pending|assigned|in_transit|"
    r"in_progress|delivered|cancelled|completed|requested|pays|instead|battery|Operators|Roadside|"
    r"January|February|March|April|June|July|August|September|October|November|December|Nov|Dec|Jan|Feb|Aug|Sep|Oct)\b"
)
AMERICAN = re.compile(r"\d{1,2}:\d{2} [صم]\b|[\u0621-\u064a]+ \d{1,2}, \d{4}")


SHOWN = {model for model in admin.site._registry if model._meta.app_label in OURS}


def _pages(kinds: Any) -> Iterator[str]:
    for model in kinds:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.order_by("pk").first()
        for verb, arguments in (("changelist", []), ("add", []), *((verb, [row.pk]) for verb in ("change", "history", "delete") if row)):
            try:
                yield reverse(f"{name}_{verb}", args=arguments)
            except NoReverseMatch:
                continue
    yield from (reverse("admin:index"), reverse("admin:map"), reverse("admin:invitations"), reverse("admin:password_change"))


def _shown(html: str) -> str:
    """Return what a reader sees of a page: no markup, no scripts, nothing that people wrote."""
    html = re.sub(r"(?s)<(script|style|bdi|textarea|title)\b.*?</\1>", " ", html)
    html = re.sub(r"(?s)<code.*?</code>", " ", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


@pytest.fixture
def work(db: None) -> None:
    """What the demo shows: rows of everything that people work with."""
    call_command("seed_demo", "--force", stdout=io.StringIO())


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_is_left_in_english(work: None, language: str) -> None:
    client = Client(headers={"Accept-Language": language})
    client.force_login(User.objects.get(username="admin"))
    seen, faults = 0, {}
    for page in sorted(set(_pages(SHOWN))):
        answer = client.get(page)
        if answer.status_code != 200:
            assert answer.status_code in (302, 403), page
            continue
        seen += 1
        text = _shown(answer.content.decode())
        found = set(ENGLISH.findall(text)) | (set(AMERICAN.findall(text)) if language == "ar" else set())
        if found:
            faults[page] = sorted(found)
    assert not faults, "\n".join(f"{page}: {words}" for page, words in faults.items())
    assert seen > 20


@pytest.mark.django_db
def test_a_plate_in_the_path_above_a_page_is_isolated(work: None) -> None:
    vehicle = Vehicle.objects.order_by("pk")[0]
    client = Client(headers={"Accept-Language": "ar"})
    client.force_login(User.objects.get(username="nadia"))
    for verb in ("change", "history", "delete"):
        page = client.get(reverse(f"admin:fleet_vehicle_{verb}", args=[vehicle.pk])).content.decode()
        path = page[page.index('class="breadcrumbs"') :]
        assert f"<bdi>{vehicle.license_plate}</bdi>" in path[: path.index("</div>")], verb


@pytest.mark.django_db
def test_a_price_that_is_not_set_is_not_nought(work: None) -> None:
    client = Client()
    client.force_login(User.objects.get(username="admin"))
    address = reverse("admin:assistance_assistance_changelist")
    Assistance.objects.update(total_price=0, price_is_final=False)
    assert "not set yet" in client.get(address).content.decode()
    Assistance.objects.update(total_price="1701.95")
    assert '<bdi dir="ltr">1,701.95 DZD</bdi>' in client.get(address).content.decode()
