"""Forms of pages that are sent by the browser itself, or by `static/pages/outbox.js` once there is reception again.

The outbox asks for JSON and is told what became of a form: `{"outcome": …, "text": …}`, where the outcome is
- `done`;
- `refused`, for good: `text` says why, for the person who sent it;
- `later`: the same form may succeed in a while (too many requests, a first try that still runs, a database that is away);
- `signed_out`: whoever sent it has to sign in first.
Whatever else answers, such as the page of a hotel's network, is no word of this server. A form's key comes as
`Idempotency-Key`, or in its field `key` where the browser sends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api import idempotency

DONE, REFUSED, LATER, SIGNED_OUT = "done", "refused", "later", "signed_out"
KEY_FIELD = "key"
AGE_HEADER = "X-Tapped-Ago"
OWNER_HEADER = "X-Outbox-Owner"  # whose tap it is, as the page named its outbox
OLDEST = timedelta(hours=72)
LATE_FROM_S = 60
_LATER_CODES = frozenset({"still_running"})


def wants_json(request: HttpRequest) -> bool:
    """Return whether the outbox asks, and not the browser."""
    return request.headers.get("Accept", "").startswith("application/json")


def said(outcome: str, text: str = "", *, status: int = 200, **more: Any) -> JsonResponse:
    """Return what the outbox is told."""
    return JsonResponse({"outcome": outcome, "text": text, **more}, status=status, headers={"Cache-Control": "no-store"})


def read_answer(response: HttpResponse) -> dict[str, Any]:
    """Return what `answer_once` said, for a page that is shown to who has no outbox."""
    return json.loads(response.content)


def answer_once(request: HttpRequest, user_id: int, act: Callable[[], str], why: Callable[[errors.DomainError], str]) -> HttpResponse:
    """Do what a form asks for, once for each key, and return what the outbox is told; the same key again is told the same.

    Shape: `act` answers a sentence or nothing, `why` says in words what an error means.
    """
    try:
        claim = _claim(request, user_id)
    except idempotency.Replay as replay:
        return replay.response
    except errors.DomainError as error:
        return refusal(error, why(error))
    try:
        if claim is None:
            return said(DONE, act())
        return idempotency.with_answer(claim, lambda: said(DONE, act()))()
    except errors.DomainError as error:
        answer = refusal(error, why(error))
        if claim is not None:
            idempotency.store_response(claim, answer)
        return answer
    except Exception:
        if claim is not None:
            idempotency.release_claim(claim)
        raise


def refusal(error: errors.DomainError, text: str) -> JsonResponse:
    """Return what the outbox is told of an error."""
    is_passing = error.status == errors.TooManyRequests.status or error.status >= 500 or error.code in _LATER_CODES
    outcome = SIGNED_OUT if error.status == errors.Unauthenticated.status else LATER if is_passing else REFUSED
    answer = said(outcome, text, status=error.status, code=error.code)
    if (retry_after := getattr(error, "retry_after", None)) is not None:
        answer["Retry-After"] = str(retry_after)
    return answer


def tapped_at(request: HttpRequest) -> datetime | None:
    """Return when a form that waited in the outbox was sent off by its person, by how long ago the device says; None for a moment ago."""
    age = request.headers.get(AGE_HEADER, "")
    if not (age.isascii() and age.isdigit() and len(age) <= 6) or int(age) < LATE_FROM_S:
        return None
    return timezone.now() - min(timedelta(seconds=int(age)), OLDEST)


def _claim(request: HttpRequest, user_id: int) -> idempotency.Claim | None:
    key = request.headers.get("Idempotency-Key") or request.POST.get(KEY_FIELD, "")
    if not key:
        return None
    return idempotency.claim(user_id=user_id, path=request.path.rstrip("/"), key=key, digest=idempotency.form_digest(request))
