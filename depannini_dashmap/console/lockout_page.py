"""What belongs to a session of the console: who is locked out of signing in, and the token that opens the sockets of a page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import console_sessions


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """Answer who tried too many passwords on the login page; the API answers by itself."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = TemplateResponse(request, "console/locked.html", {"title": _("Too many tries"), "minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer.render()


@never_cache
@require_POST
def socket_token(request: HttpRequest) -> HttpResponse:
    """Return a short-lived token for sockets alone, which never take a session's cookie; it ends with the session."""
    return JsonResponse({"token": console_sessions.socket_token(request)})
