"""The pages on which a dispatcher works with one thing or several: guards and the shape that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NamedTuple

import segno
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from depannini_dashmap.console.bulk_results import Results, run_each
from depannini_dashmap.console.query_ids import BIGGEST_ID
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.labels import labelled
from depannini_dashmap.lib.text import clean

MOST_CHOSEN = 500
LONGEST_NOTE = 500
READ_AND_POST = require_http_methods(["GET", "HEAD", "POST"])
View = Callable[..., HttpResponse]


def _only_for(may: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def may_change(request: HttpRequest) -> bool:
    """Return whether the person may change anything at all: a mere viewer sees no buttons."""
    return bool(request.user.is_operator or request.user.is_company_editor)


for_editors = _only_for(may_change)  # who only looks is refused
for_operators = _only_for(lambda request: request.user.is_operator)
for_roadside = _only_for(lambda request: request.user.is_roadside)  # who works the roadside side


def chosen_ids(request: HttpRequest) -> list[int]:
    """Read the ids of `ids=1,2,3`, each once, at most MOST_CHOSEN. Raises: Http404 for anything else."""
    text = request.POST.get("ids") or request.GET.get("ids", "")
    ids = numbers(part for part in text.split(",") if part)
    if not ids:
        raise Http404
    return ids


def numbers(given: Iterable[str]) -> list[int]:
    """Read ids, each once, at most MOST_CHOSEN. Raises: Http404 for anything else."""
    parts = list(given)[:MOST_CHOSEN]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Http404
    return list(dict.fromkeys(int(part) for part in parts))


def checked_id(pk: int) -> int:
    """Let a number pass that can be the id of a row. Raises: Http404."""
    if not 0 < pk <= BIGGEST_ID:
        raise Http404
    return pk


def given_note(request: HttpRequest, *, longest: int = LONGEST_NOTE) -> tuple[str, str]:
    """Read the reason that a form asks for, and what is wrong with it: nothing where it was not sent yet."""
    note = clean(request.POST.get("note", "").replace("\x00", "")[:4000])
    if request.method != "POST" or 0 < len(note) <= longest:
        return note, ""
    return note, _("Give a reason of at most %(count)d characters.") % {"count": longest}


class Ask(NamedTuple):
    """What a page says before it acts on chosen rows."""

    title: Promise
    effect: Promise
    asks_reason: bool = False


class Chosen(NamedTuple):
    """One chosen row: itself, the text next to its name, and its page."""

    row: Any
    detail: str = ""
    url: str = ""

    def __str__(self) -> str:
        return str(self.row)


def ask_then_each(
    request: HttpRequest,
    context: dict[str, Any],
    ask: Ask,
    chosen: list[Chosen],
    act: Callable[[Any, str], str],
    *,
    back: str,
) -> HttpResponse:
    """Ask once, then `act(row, reason)` on one after the other and show the result of each. Raises: Http404 for none.

    A single result is shown as a message on the page that the dispatcher came from, `back`.
    """
    if not chosen:
        raise Http404
    note, problem = given_note(request) if ask.asks_reason else ("", "")
    if request.method != "POST" or problem:
        ids = ",".join(str(one.row.pk) for one in chosen)
        page = {"title": ask.title, "ask": ask, "chosen": chosen, "ids": ids, "back": back}
        reason = {"note": note, "problem": problem, "longest": LONGEST_NOTE}
        return TemplateResponse(request, "console/ask.html", {**context, **page, **reason})
    results = run_each(chosen, lambda one: act(one.row, note), lambda one: one.url)
    if len(chosen) == 1:
        return tell_one(request, results, back)
    return results_page(request, context, str(ask.title), results, back=back)


def tell_one(request: HttpRequest, results: Results, to: str) -> HttpResponse:
    """Show the result of the only row on the page where the work goes on."""
    [row] = results.rows
    tell = messages.success if row.is_done else messages.error
    tell(request, labelled(row.label, row.message))
    return HttpResponseRedirect(to)


def results_page(request: HttpRequest, context: dict[str, Any], title: str, results: Results, **more: Any) -> HttpResponse:
    """Show what became of each chosen row."""
    return TemplateResponse(request, "console/results.html", {**context, "title": title, "results": results, **more})


def made_once(request: HttpRequest, act: Callable[[], str], page: str) -> str | HttpResponse:
    """On a POST, do what was asked for: return the address of a new link, to be shown this once, or the way back to the `page`.

    `act` returns the address, or nothing where no link was made; what the services refuse is said on the page. A GET makes nothing.
    """
    if request.method != "POST":
        return ""
    try:
        if address := act():
            return address
    except DomainError as error:
        messages.error(request, error.for_page())
    return HttpResponseRedirect(page)


def qr_code(text: str) -> SafeString:
    """Draw a code to scan as SVG. What it holds is only drawn, never written into the page."""
    return mark_safe(segno.make_qr(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff"))  # noqa: S308
