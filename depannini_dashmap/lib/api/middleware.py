"""Middleware: request id, hosts, character set, policies of pages, and for pages language, time zone and parameters."""

import logging
import random
import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from csp.constants import HEADER as CONTENT_POLICY
from csp.utils import build_policy
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, DisallowedHost
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.exception_handler import error_response, from_database
from depannini_dashmap.lib.ops import request_context

logger = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], HttpResponse]
_STRANGE_HOST = "This host is not served here: the setting ALLOWED_HOSTS names those that are"
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")
_NO_ID = re.compile(r"\d{19}")
_TEXT = re.compile(
    r"text/|application/(?:[\w.-]+\+)?(?:json|xml|yaml)\b|application/(?:x-)?javascript\b|image/svg\+xml", re.IGNORECASE
)
_PAGES = ("/admin/", "/admin", "/driver/", "/track/", "/t/", "/h/", "/help/", "/help", "/o/", "/i/", "/duty")


def is_page(path: str) -> bool:
    """Return whether `path` is a page for people, not for programs."""
    return path.startswith(_PAGES)


class RequestIdMiddleware:
    """Set an id on each request (the caller's own `X-Request-ID` where it is a plain one) and answer with it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.match(given) else f"{random.getrandbits(128):032x}"
        address = request_context.client_address(
            request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""), settings.NUM_PROXIES
        )
        request.request_id = request_id  # type: ignore[attr-defined]
        request_context.enter(request_context.RequestContext(request_id, address))
        try:
            response = self.get_response(request)
        finally:
            request_context.enter(request_context.RequestContext())
        response["X-Request-ID"] = request_id
        return response


class HostMiddleware:
    """Refuse a host that is not ours with the name of the setting, and one line in the log."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("asgi.scope", {}).get("dashmap.refusal") is None:
            try:
                request.get_host()
            except DisallowedHost:
                logger.warning("Host refused: %.100r is not in ALLOWED_HOSTS", request.META.get("HTTP_HOST", ""))
                return error_response(errors.InvalidData(_STRANGE_HOST, code="bad_request"))
        return self.get_response(request)


class RefusalMiddleware:
    """Answer what the server's side refuses before any view is asked: a head or a body that cannot be read."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = request.META.get("asgi.scope", {}).get("dashmap.refusal")
        return self.get_response(request) if refusal is None else error_response(refusal)


class CharsetMiddleware:
    """Name the character set of every text, also of those that are UTF-8 by definition: some clients guess otherwise."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "")
        if kind.endswith('charset="utf-8"'):  # as WhiteNoise writes it; not every client unquotes
            response.headers["Content-Type"] = kind.replace('"', "")
        elif kind and "charset" not in kind.lower() and _TEXT.match(kind):
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response


class PagePoliciesMiddleware:
    """Say what pages may load, `CONTENT_SECURITY_POLICY`, and that they may ask for the location of the device alone.

    No page has a policy of its own, so the text is made once. Django's pages for developers, which hold scripts, go without.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.content_policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", "geolocation=(self), camera=(), microphone=()")
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault(CONTENT_POLICY, self.content_policy)
        return response


class PagesLocaleMiddleware(LocaleMiddleware):
    """Choose language and `DISPLAY_TIME_ZONE` for pages; the API stays English and UTC."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_page(request.path_info):
            return self.get_response(request)
        with timezone.override(ZoneInfo(settings.DISPLAY_TIME_ZONE)):
            return super().__call__(request)


class PageParametersMiddleware:
    """Refuse pages whose address or form holds NUL, or whose address holds a word without end, before anybody reads them."""

    LONGEST = 16_000  # letters: a page may carry the ids of a thousand chosen rows

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Raise BadRequest, or Http404 for an id that no row can have; Django looks for forgery first, so no foreign form is read."""
        if not is_page(request.path_info):
            return
        self._require_words(request.GET, self.LONGEST)
        if request.method == "POST":
            self._require_words(request.POST, None)
        if "\x00" in request.path_info:
            raise BadRequest("The path holds NUL")
        if any(isinstance(value, str) and _NO_ID.search(value) for value in kwargs.values()):
            raise Http404

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Lead back to a page: without the filters that nobody can read, or with what the database refused to write."""
        if isinstance(exception, IncorrectLookupParameters):
            return HttpResponseRedirect(request.path)
        if isinstance(exception, IntegrityError) and is_page(request.path_info) and request.method == "POST":
            messages.error(request, from_database(exception).for_page())
            return HttpResponseRedirect(request.get_full_path())
        return None

    @staticmethod
    def _require_words(fields: QueryDict, longest: int | None) -> None:
        for name, values in fields.lists():
            for text in (name, *values):
                if "\x00" in text or (longest and len(text) > longest):
                    raise BadRequest("A parameter holds NUL or is too long")
