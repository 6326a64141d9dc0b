"""A job as PDF: whose it is, in which languages, and what it costs; and what is laid out from the right."""

import re
import zlib
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from assistance.models import Assistance
from depannini_dashmap.lib.pdf import Document
from depannini_dashmap.lib.pdf.document import runs_from_right
from payments.services import record_payment

pytestmark = pytest.mark.django_db


def browser_of(user: Any, language: str = "en") -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    return browser


def starts_of_texts(pdf: bytes) -> list[float]:
    """Return where on its page each text begins, in points from the left."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        found += [float(x) for x in re.findall(rb"BT ([0-9.]+) [0-9.]+ Td", content)]
    return found


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_job_is_printed_for_those_of_the_roadside(language: str, staff_user: Any, dispatcher: Any, job_of: Any) -> None:
    job = job_of(billed_to="شركة التأمين", description="voiture en panne, سيارة متوقفة", price_note="agreed", vat_rate=19, distance_km=12)
    record_payment(actor=staff_user, assistance_id=job.pk, method="cash")
    path = f"/admin/dispatch/requests/{job.pk}/pdf/"
    answer = browser_of(staff_user, language).get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert f'filename="request-{job.pk}.pdf"' in answer.headers["Content-Disposition"]
    assert answer.content.startswith(b"%PDF-") and f"/Lang ({language})".encode() in answer.content
    assert browser_of(dispatcher).get(path).status_code == 403
    assert browser_of(staff_user).get("/admin/dispatch/requests/999999/pdf/").status_code == 404


def test_a_job_without_anything_is_printed(staff_user: Any, job_of: Any) -> None:
    job = job_of("0.00", status="requested", assistant=None, accepted_at=None)
    Assistance.objects.filter(pk=job.pk).update(price_is_final=False, price_source="")
    assert browser_of(staff_user).get(f"/admin/dispatch/requests/{job.pk}/pdf/").content.startswith(b"%PDF-")


def test_what_costs_a_page_is_the_same_whatever_was_paid(staff_user: Any, job_of: Any, django_assert_num_queries: Any) -> None:
    job, browser = job_of(), browser_of(staff_user)
    for _ in range(3):
        record_payment(actor=staff_user, assistance_id=job.pk, method="cash", amount=job.total_price / 4)
        browser.get(f"/admin/dispatch/requests/{job.pk}/pdf/")
        # The sign-in, and: the job, its sums, the tariff, what was paid.
        with django_assert_num_queries(9):
            browser.get(f"/admin/dispatch/requests/{job.pk}/pdf/")


def test_lines_begin_on_the_side_of_the_language() -> None:
    pages = []
    for is_rtl in (False, True):
        paper = Document("1", "ar" if is_rtl else "en", is_rtl=is_rtl)
        paper.fact("a", "b")
        paper.table(["1", "2"], [["3", "4"]], widths=[1, 1])
        pages.append(starts_of_texts(paper.as_bytes()))
    left, right = pages
    assert len(left) == len(right) == 7
    assert left[0] < 60 and right[0] > 500
    assert left[1] < left[2] and right[1] > right[2]  # the label first, then its value
    assert left[3] < left[4] and right[3] > right[4]


def test_long_tables_go_on_on_further_pages() -> None:
    paper = Document("1", "en", is_rtl=False)
    paper.table(["1"], [[str(number)] for number in range(100)], widths=[1])
    assert paper.as_bytes().count(b"/Type /Page\n") == 3


def places_of_texts(pdf: bytes) -> list[list[float]]:
    """Return of each page how far from its lower edge its texts stand, in points, as they were written."""
    pages = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        if found := re.findall(rb"BT [0-9.]+ ([0-9.]+) Td", content):
            pages.append([float(y) for y in found])
    return pages


def test_a_row_stays_on_one_page_and_the_next_begins_right_below_it() -> None:
    paper = Document("1", "ar", is_rtl=True)
    for _ in range(36):
        paper.fact("a", "b")
    paper.fact("الوصف", "توقفت سيارة Renault Clio على الطريق السريع قرب محطة Naftal بعد حادث بسيط " * 4)
    paper.fact("c", "d")
    first, second = places_of_texts(paper.as_bytes())
    assert len(first) == 1 + 2 * 36
    label, *lines, _label, below = second
    assert abs(label - lines[0]) < 1 and len(lines) > 3  # of another size
    steps = [round(high - low, 1) for high, low in zip(lines, [*lines[1:], below], strict=True)]
    assert len(set(steps)) == 1  # no gap where the page ended


@pytest.mark.parametrize("is_rtl", [False, True])
def test_a_text_longer_than_a_page_goes_on_and_a_wide_word_is_broken(is_rtl: bool) -> None:
    paper = Document("1", "ar" if is_rtl else "en", is_rtl=is_rtl)
    paper.fact("a", "\n".join(str(number) for number in range(90)))
    paper.fact("b", "x" * 200)
    paper.fact("c", "d")
    pages = places_of_texts(paper.as_bytes())
    assert len(pages) == 3 and min(len(page) for page in pages) > 5
    for page in pages:
        assert all(40 < y < 800 for y in page)


def test_the_head_of_a_table_stands_on_each_of_its_pages_and_a_heading_never_last() -> None:
    paper = Document("1", "en", is_rtl=False)
    paper.table(["head"], [[str(number)] for number in range(60)], widths=[1])
    pages = places_of_texts(paper.as_bytes())
    assert sum(map(len, pages)) == 1 + 60 + len(pages)
    paper = Document("1", "en", is_rtl=False)
    for _ in range(37):
        paper.fact("a", "b")
    paper.heading("Receipts")
    paper.fact("c", "d")
    assert [len(page) for page in places_of_texts(paper.as_bytes())] == [1 + 2 * 37, 3]


@pytest.mark.parametrize(
    ("text", "is_from_right"),
    [("", False), ("12 DZD", False), ("-12,00", False), ("شارع 12", True), ("12 نوفمبر", True), ("Rue شارع", False), ("😀 \u200f", True)],
)
def test_a_text_runs_as_its_first_letter_does(text: str, is_from_right: bool) -> None:
    assert runs_from_right(text) == is_from_right
