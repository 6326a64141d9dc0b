"""What all pages opened by a secret link share: headers, the limit of wrong tokens, and the answer to what opens nothing.

A GET never acts on such a page, as programs that look through mail follow links.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from accounts.limits import failed_tries
from accounts.limits.throttles import caller_address
from depannini_dashmap.lib.api.service_worker import FORGET, OFFLINE
from depannini_dashmap.lib.db.secret_links import SecretLink, SecretLinkQuerySet
from depannini_dashmap.lib.errors import DomainError, NotFound, TooManyRequests

METHODS = ["GET", "HEAD", "POST"]
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
View = Callable[..., HttpResponse]
Link = TypeVar("Link", bound=SecretLink)


def link_page(view: View) -> View:
    """Answer GET and POST of a page whose address is a secret; NotFound and TooManyRequests become a page of their own.

    Who forges a form must know the link, and who knows the link needs no forgery; without a Referer there is no
    Origin, either: so no CSRF token is asked for.
    """

    @wraps(view)
    def answer_privately(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in METHODS:
            answer: HttpResponse = HttpResponseNotAllowed(METHODS)
        else:
            try:
                answer = view(request, *args, **kwargs)
            except (NotFound, TooManyRequests) as error:
                answer = opens_nothing(error)
        for name, value in _HEADERS.items():
            answer.setdefault(name, value)
        return answer

    return csrf_exempt(answer_privately)


def find_for(request: HttpRequest, token: str, find: Callable[[str], Link], links: SecretLinkQuerySet) -> Link:
    """Return the link that `find` finds; a token that never was among `links` counts as a failure of the caller's network.

    Who has a link opens it however often others behind the same address guess.
    Raises: NotFound as `find` does (unknown, over or ended, always the same); TooManyRequests for unknown tokens alone.
    """
    try:
        return find(token)
    except NotFound:
        if not links.is_known(token):
            address = caller_address(request)
            failed_tries.require_tries_left(address)
            failed_tries.count_failure(address)
        raise


def opens_nothing(error: DomainError) -> HttpResponse:
    """Return the page that says that nothing is here, or that too much was asked."""
    page = {"is_gone": error.status == NotFound.status}
    answer = HttpResponse(render_to_string("pages/opens_nothing.html", page), status=error.status)
    if page["is_gone"]:
        answer[OFFLINE] = FORGET
    if retry_after := error.extra.get("retry_after") or getattr(error, "retry_after", None):
        answer["Retry-After"] = str(retry_after)
    return answer
