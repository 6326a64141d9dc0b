"""The shape of the house: foreign keys point downwards, every path has both spellings, every operation asks who calls."""

import re

import pytest
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

LAYERS = {"accounts": 0, "fleet": 1, "orders": 2, "trips": 3, "telematics": 4, "assistance": 4, "payments": 5, "alarms": 5}
PUBLIC = {
    "register", "login", "login/email", "login/phone", "login/google", "verify-email", "verify-email/confirm",
    "verify-phone", "verify-phone/confirm", "password-reset", "password-reset/confirm", "resend-verification", "token/refresh", "token/revoke",
}  # fmt: skip


def test_foreign_keys_point_downwards():
    for model in apps.get_models():
        own = LAYERS.get(model._meta.app_label)
        if own is None:
            continue
        for field in model._meta.get_fields():
            if not (field.is_relation and field.concrete and field.related_model):
                continue
            target = LAYERS.get(field.related_model._meta.app_label)
            if target is None or field.related_model._meta.app_label == model._meta.app_label:
                continue
            assert target < own, f"{model._meta.label}.{field.name} points upwards"


def walk(resolver: URLResolver, prefix: str = ""):
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            if "admin" not in pattern:
                yield from walk(entry, pattern)
        elif isinstance(entry, URLPattern):
            yield pattern, entry


def api_routes():
    return [(pattern, entry) for pattern, entry in walk(get_resolver()) if pattern.startswith("api/")]


def sample(pattern: str) -> str:
    path = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", "1", pattern)
    path = re.sub(r"<[^>]+>", "1", path)
    return "/" + path.replace("/?$", "/").replace("$", "").replace("\\Z", "").replace("\\.", ".").replace("^", "").rstrip("/?")


def test_there_are_routes():
    assert len(api_routes()) > 40


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in api_routes()])
def test_both_spellings_reach_the_same_view(pattern):
    bare = sample(pattern)
    resolver = get_resolver()
    with_slash, without = resolver.resolve(bare + "/"), resolver.resolve(bare)
    assert with_slash.func == without.func


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", sorted({sample(pattern) for pattern, _ in api_routes()}))
def test_nobody_gets_in_without_credentials(api, pattern):
    view = get_resolver().resolve(pattern + "/").func
    cls = getattr(view, "cls", getattr(view, "view_class", None))
    if cls is None or not issubclass(cls, APIView) or pattern.startswith(("/api/docs", "/api/schema")):
        return
    if pattern.removeprefix("/api/auth/") in PUBLIC and pattern.startswith("/api/auth/"):
        return
    for method in ("get", "post", "put", "patch", "delete"):
        response = getattr(api(), method)(pattern + "/", {})
        assert response.status_code in (401, 405), f"{method} {pattern} answered {response.status_code}"


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in api_routes() if "docs" not in pattern])
def test_every_view_says_what_it_does(pattern):
    view = get_resolver().resolve(sample(pattern) + "/").func
    cls = getattr(view, "cls", getattr(view, "view_class", None))
    assert (cls or view).__doc__, f"{pattern} has no docstring"
