"""For any input in the address or the form of a page, the page is answered: a list with a message, a refusal, never a 500."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.test import Client
from django.urls import URLPattern, URLResolver

pytestmark = pytest.mark.django_db

HOSTILE = ["\x00", "\n", "", "abc", "-1", "999999999999", "9" * 5000, "0001-01-01", "9999-12-31", "\ud800", "(a+)+$"]
LOOKUPS = {"exact": "9" * 25, "in": "999999999999,9999999999999999999999", "year": "999999999999", "range": "\x00", "regex": "(a+)+$", "nowhere": "1"}
OF_A_LIST = ["q", "p", "o", "all", "e", "_to_field", "_popup", "_facets", "_changelist_filters", "id__in", "pk"]


def _encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


def _registered() -> list[Any]:
    return [pytest.param(each, id=model._meta.label) for model, each in admin.site._registry.items()]


def _filter_parameters(each: Any) -> Iterator[str]:
    for chosen in each.list_filter:
        chosen = chosen[0] if isinstance(chosen, tuple | list) else chosen
        if isinstance(chosen, str):
            yield from (f"{chosen}__exact", f"{chosen}__gte", f"{chosen}__lt", f"{chosen}__isnull", f"{chosen}__in")
        elif issubclass(chosen, SimpleListFilter):
            yield chosen.parameter_name
    if each.date_hierarchy:
        yield from (f"{each.date_hierarchy}__{part}" for part in ("year", "month", "day"))


def _queries(each: Any) -> Iterator[str]:
    for name in OF_A_LIST:
        yield from (f"{name}={_encoded(value)}" for value in ("abc", "9" * 5000, "\ud800", "-1"))
    for name in _filter_parameters(each):
        yield from (f"{name}={_encoded(value)}" for value in HOSTILE)
    if each.date_hierarchy:
        way = each.date_hierarchy
        for year, month, day in (("9999", "12", "31"), ("0", "1", "1"), ("2024", "13", "1"), ("2024", "2", "30"), ("1", "1", "1"), ("2024", "\x00", "1")):
            yield f"{way}__year={year}&{way}__month={_encoded(month)}"
            yield f"{way}__year={year}&{way}__month={_encoded(month)}&{way}__day={day}"
    for field in each.opts.get_fields():
        yield from (f"{field.name}__{lookup}={_encoded(value)}" for lookup, value in LOOKUPS.items())
    yield from ("a=1&a__b=2", "__=1", "_=1", "password__startswith=a", "id__id__id=1", "%00=1", "x" * 5000 + "=1", "&".join(f"a{n}=1" for n in range(900)))


@pytest.fixture
def operator(staff_user: Any) -> Client:
    """The browser of somebody who sees every list."""
    staff_user.is_superuser = True
    staff_user.save()
    browser = Client(raise_request_exception=False)
    browser.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def _post(browser: Client, path: str, form: dict[str, str], **headers: str) -> Any:
    """Send a form as a browser does, each value whole; Django's encoder would send one of bytes as a field for each byte."""
    return browser.post(path, urlencode(form, errors="surrogatepass"), "application/x-www-form-urlencoded", **headers)


def _statuses(browser: Client, path: str, queries: Iterator[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for query in queries:
        found.setdefault(browser.get(f"{path}?{query}").status_code, []).append(query[:80])
    return found


@pytest.mark.filterwarnings("ignore:.* received a naive datetime:RuntimeWarning")
@pytest.mark.parametrize("each", _registered())
def test_every_filter_of_every_list_is_answered(each: Any, operator: Client) -> None:
    path = f"/admin/{each.opts.app_label}/{each.opts.model_name}/"
    found = _statuses(operator, path, _queries(each))
    assert {status: queries for status, queries in found.items() if status not in (200, 302, 400)} == {}


def test_an_unreadable_filter_is_reported_and_the_list_shown(operator: Client) -> None:
    for query in ("status__exact=%00", "created_at__year=999999999999", "id__in=99999999999999999999", "order_number__regex=(a%2B)%2B%24"):
        answer = operator.get(f"/admin/orders/order/?{query}", follow=True)
        if "%00" in query:
            assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")
            assert "cannot be read" in answer.content.decode()
            continue
        assert answer.status_code == 200
        assert "A filter in the address cannot be read" in answer.content.decode()


@pytest.mark.parametrize("search", ["word " * 1500, "x" * 201])
def test_a_search_without_end_is_refused_before_the_work(search: str, operator: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        answer = operator.get("/admin/orders/order/", {"q": search})
    assert answer.status_code == 200
    assert "Search for at most 10 words" in answer.content.decode()


def _pages(patterns: Any, before: str = "/admin/") -> Iterator[str]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from _pages(entry.url_patterns, before + str(entry.pattern))
        elif isinstance(entry, URLPattern) and "logout" not in str(entry.pattern) and "final_catch_all" not in str(entry.pattern):
            yield before + str(entry.pattern)


PAGES = sorted(path for path in _pages(admin.site.get_urls()) if "(?P" not in path)
IDS = ["\x00", "abc", "9" * 25, "9" * 5000, "_00", "\n", "é"]


def _with_ids(path: str) -> Iterator[str]:
    """Return a path with hostile ids in place of its own; those that are numbers stay numbers."""
    head, *others = re.split(r"<(\w+:\w+)>", path)
    if not others:
        yield path
        return
    for value in IDS:
        kinds, texts = others[::2], others[1::2]
        ids = [("9" * 25 if len(value) > 5 else "1") if kind.startswith("int") else _encoded(value) for kind in kinds]
        yield head + "".join(f"{one}{text}" for one, text in zip(ids, texts, strict=True))


def test_every_page_is_answered_for_any_query(operator: Client) -> None:
    query = {"next": "\n", "ids": "1,abc," + "9" * 25, "trip": "9" * 5000, "term": "x", "app_label": "nowhere", "status": "٣", "vehicle": "abc"}
    wrong, asked = [], 0
    for path in [concrete for page in PAGES for concrete in _with_ids(page)]:
        for given in ({}, query, {"ids": "\x00"}, {"ids": "9" * 20_000}):
            answer = operator.get(path, given)
            asked += 1
            if answer.status_code not in (200, 302, 400, 403, 404, 405):
                wrong.append((answer.status_code, path[:80], [*given]))
    assert wrong == []
    assert asked > 500


FORM = itertools.cycle(["9" * 25, "x" * 10_000, "\ud800", "-1", "{}"])


def test_every_form_is_answered_for_any_input(operator: Client) -> None:
    """Names are those of the form that the page shows; other pages get the names that pages use."""
    wrong = []
    for path in PAGES:
        concrete = re.sub(r"<\w+:\w+>", "1", path)
        shown = operator.get(concrete)
        names = set(re.findall(r'name="([\w-]+)"', shown.content.decode())) if shown.status_code == 200 else set()
        names |= {"ids", "next", "language", "action", "_selected_action", "index", "step", "order", "sequence", "reason", "post", "price"}
        answer = _post(operator, concrete, {name: next(FORM) for name in sorted(names - {"csrfmiddlewaretoken"})})
        if answer.status_code not in (200, 302, 400, 403, 404, 405, 409, 413):
            wrong.append((answer.status_code, concrete))
    assert wrong == []
    assert len(PAGES) > 80


@pytest.mark.parametrize("name", ["x" * 255, "x" * 256, "x" * 10_000, "\x00", "\ud800", "", "\n"])
def test_the_login_page_knows_nobody_of_such_a_name(name: str, settings: Any) -> None:
    settings.AXES_ENABLED = settings.THROTTLING_ENABLED = True
    browser = Client(raise_request_exception=False)
    for form in ({"username": name, "password": "x"}, {"username": "nadia", "password": name}):
        answer = _post(browser, "/admin/login/?next=%0a", form, HTTP_USER_AGENT="x" * 5000, HTTP_ACCEPT="y" * 5000)
        assert answer.status_code in (200, 400), answer.status_code


@pytest.mark.parametrize("value", ["\x00", "\n", "\r\nX-Evil: 1", "x" * 10_000, "\ud800", "../../../etc/passwd", "é", "-1", ""])
def test_open_pages_and_documents_are_answered(value: str) -> None:
    browser = Client(raise_request_exception=False)
    text = _encoded(value)
    paths = [
        f"/?{text}={text}", f"/api/?a={text}", f"/api/schema/?version={text}", f"/api/schema/?format={text}", f"/api/schema/?lang={text}",
        f"/api/docs/?version={text}&script={text}&lang={text}", f"/api/docs/sockets/?a={text}", f"/healthz?a={text}", f"/readyz?{text}",
        f"/metrics?a={text}", f"/media/{text}", f"/media/a/{text}/b", f"/static/{text}", f"/admin/login/?next={text}",
        f"/admin/jsi18n/?language={text}", f"/admin/r/{text}/{text}/", f"/admin/{text}", f"/{text}", f"/api/{text}/",
    ]  # fmt: skip
    found = {path[:60]: browser.get(path).status_code for path in paths}
    assert {path: status for path, status in found.items() if status not in (200, 302, 400, 401, 404, 405)} == {}
    for path in ("/admin/language/", "/admin/language/?next=" + text):
        answer = _post(browser, path, {"language": value, "next": value})
        assert answer.status_code in (302, 400), path
    for header in ("HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_REFERER", "HTTP_X_FORWARDED_FOR", "HTTP_RANGE", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"):
        given = text if header != "HTTP_COOKIE" else f"sessionid={text}; csrftoken={text}; django_language={text}; messages={text}"
        for path in ("/admin/login/", "/api/schema/", "/api/companies/"):
            assert browser.get(path, **{header: given}).status_code in (200, 401, 302, 304, 400), (path, header)
