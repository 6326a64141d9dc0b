"""Signing in on one page, by a cookie that browsers send to that page alone: it opens nothing else of the site.

The session is Django's own, kept as the console's are: a new password and a switched-off account end it and its sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from accounts import signals
from accounts.console_sessions import SessionStore
from accounts.models import User
from depannini_dashmap.lib.ops import audit

BACKEND = "django.contrib.auth.backends.ModelBackend"
View = Callable[..., HttpResponse]


def own_session(cookie: str, path: str) -> Callable[[View], View]:
    """Give the views below a path the session of a cookie of their own, and its user, in place of the console's."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            of_console = request.session
            request.session = SessionStore(request.COOKIES.get(cookie))
            request.user = auth.get_user(request)
            if isinstance(request.user, User) and request.user.user_type == User.Type.ASSISTANT:
                signals.signed_in_request.send(sender=User, user_id=request.user.pk)
            try:
                response = view(request, *args, **kwargs)
                _keep(request, response, cookie, path)
            finally:
                request.session = of_console
            return response

        return answer

    return decorate


def begin(request: HttpRequest, user: User, by: str) -> None:
    """Sign somebody in whose password was checked; `by` names the page in the audit."""
    auth.login(request, user, backend=BACKEND)
    request.session.set_expiry(settings.REFRESH_TOKEN_TTL)
    audit.record("signed_in", actor=user, target=user, by=by)


def end(request: HttpRequest) -> None:
    """Sign out: the session ends, and its sockets with it."""
    auth.logout(request)


def _keep(request: HttpRequest, response: HttpResponse, cookie: str, path: str) -> None:
    """Store what changed of the session and tell the browser, as Django does for its own cookie."""
    session = request.session
    patch_vary_headers(response, ("Cookie",))
    if session.is_empty():
        if cookie in request.COOKIES:
            response.delete_cookie(cookie, path=path, samesite=settings.SESSION_COOKIE_SAMESITE)
    elif session.modified and response.status_code < 500:
        session.save()
        response.set_cookie(
            cookie, session.session_key or "", max_age=session.get_expiry_age(), path=path, httponly=True,
            secure=settings.SESSION_COOKIE_SECURE, samesite=settings.SESSION_COOKIE_SAMESITE,
        )  # fmt: skip
