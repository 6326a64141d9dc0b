"""Decorators for plain Django views."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.exception_handler import error_response


def safe_methods_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Restrict a plain view to GET and HEAD; other methods get a 405 in our envelope, before the CSRF check."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request, *args, **kwargs)
        error = errors.DomainError(f'Method "{request.method}" not allowed.', code="method_not_allowed")
        error.status = 405
        response = error_response(error)
        response["Allow"] = "GET, HEAD"
        return response

    return answer
