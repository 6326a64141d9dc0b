"""The page for who is locked out of signing in to the console."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """Answer who tried too many passwords on the login page; the API answers by itself."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = TemplateResponse(request, "console/locked.html", {"title": _("Too many tries"), "minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer.render()
