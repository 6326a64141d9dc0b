"""The pages on which a dispatcher works with one thing or several: guards and the shape that they share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from depannini_dashmap.console.pages import BIGGEST_ID, may_change
from depannini_dashmap.console.results import Results

MOST_CHOSEN = 500
View = Callable[..., HttpResponse]


def for_editors(view: View) -> View:
    """Refuse who may only look."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_change(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def for_operators(view: View) -> View:
    """Refuse who is no operator."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_operator:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def chosen_ids(request: HttpRequest) -> list[int]:
    """Read the ids of `ids=1,2,3`, each once, at most MOST_CHOSEN. Raises: Http404 for anything else."""
    text = request.POST.get("ids") or request.GET.get("ids", "")
    parts = [part for part in text.split(",") if part][:MOST_CHOSEN]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Http404
    return list(dict.fromkeys(int(part) for part in parts))


def checked_id(pk: int) -> int:
    """Let a number pass that can be the id of a row. Raises: Http404."""
    if not 0 < pk <= BIGGEST_ID:
        raise Http404
    return pk


def results_page(request: HttpRequest, context: dict[str, Any], title: str, results: Results, **more: Any) -> HttpResponse:
    """Show what became of each chosen row."""
    return TemplateResponse(request, "console/results.html", {**context, "title": title, "results": results, **more})
