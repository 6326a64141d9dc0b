"""The token by which a page of the console opens its sockets."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import console_sessions


@never_cache
@require_POST
def socket_token(request: HttpRequest) -> JsonResponse:
    """Return a short-lived token for sockets alone, which never take a session's cookie; it ends with the session."""
    return JsonResponse({"token": console_sessions.socket_token(request)})
