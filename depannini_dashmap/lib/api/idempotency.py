"""`Idempotency-Key`: the same POST, PUT or PATCH sent twice happens once and is answered alike.

Scoped to user and path for 72 hours. Answers of 400, 429 and from 500 up are not kept, so that a corrected or later
request may use its key again. What a request did and its answer are committed as one, so a client that missed the answer may ask again; a
claim whose process died is given up after a minute, and with it what was not committed. Answers are encrypted with the SECRET_KEY: one may hold
the key of a tracker, which nobody should read in a backup.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.renderers import JsonRenderer

METHODS = frozenset({"POST", "PUT", "PATCH"})
RETENTION = timedelta(hours=72)
CLAIM_TIMEOUT = timedelta(seconds=60)


class Replay(Exception):
    """Ends a request early with the answer that was given the first time."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        super().__init__("replayed")


@dataclass(frozen=True, slots=True)
class Claim:
    """This request's hold on its key."""

    record_id: int
    started_at: Any


def _records() -> Any:
    return apps.get_model("depannini_dashmap", "IdempotentRequest").objects


def claim_request(request: Request) -> Claim | None:
    """Claim the request's key.

    Returns None where no key applies. Raises: Replay, InvalidData (bad key), KeyReused (another body),
    Conflict (the first is still running), and what reading a body raises.
    """
    key = request.headers.get("Idempotency-Key")
    path = request.path.rstrip("/")
    if request.method not in METHODS or key is None or path.startswith("/api/auth/") or not request.user.is_authenticated:
        return None
    return claim(user_id=request.user.pk, path=path, key=key, digest=_digest(request))


def claim(*, user_id: int, path: str, key: str, digest: str) -> Claim:
    """Claim a key of a user on a path, for a body that `digest` tells from others. Raises: as `claim_request`."""
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise errors.InvalidData(fields={"Idempotency-Key": ["Send 1 to 255 printable characters."]})
    now = timezone.now()
    scope = {"user_id": user_id, "path": path[:255], "key": key}
    _records().filter(**scope, started_at__lt=now - RETENTION).delete()
    _records().filter(**scope, status=None, started_at__lt=now - CLAIM_TIMEOUT).delete()
    try:
        with transaction.atomic():
            record = _records().create(**scope, body_digest=digest, started_at=now)
    except IntegrityError:
        _raise_for_existing(scope, digest)
    return Claim(record.pk, now)


def _digest(request: Request) -> str:
    """Return the digest of a method and a body; of a form its fields and files, as each sending has its own boundary.

    A form is read as the view reads it: its files may be larger than a body that is taken whole.
    """
    method = b"" if request.method == "POST" else f"{request.method} ".encode()
    reads_forms = any(isinstance(parser, MultiPartParser) for parser in request.parsers or ())
    if not reads_forms or request._request.content_type != "multipart/form-data":
        return hashlib.sha256(method + request._request.body).hexdigest()
    return form_digest(request, method)


def form_digest(request: HttpRequest | Request, method: bytes = b"") -> str:
    """Return what tells a form from another: its fields and files, without the CSRF token, which each page writes anew."""
    form = hashlib.sha256(method)
    for name, values in sorted(request.POST.lists()):
        if name != "csrfmiddlewaretoken":
            form.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            content = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            form.update(repr((name, file.name, content)).encode())
    return form.hexdigest()


def _raise_for_existing(scope: dict, digest: str) -> NoReturn:
    record = _records().filter(**scope).first()
    if record is None or (record.body_digest == digest and record.status is None):
        raise _still_running()
    if record.body_digest != digest:
        raise errors.KeyReused()
    response = HttpResponse(_opened(record), status=record.status, content_type="application/json")
    response["Idempotent-Replayed"] = "true"
    raise Replay(response)


def _still_running() -> errors.Conflict:
    return errors.Conflict("A request with this Idempotency-Key is still running", code="still_running")


def _cipher(record_id: int) -> Fernet:
    key = salted_hmac("lib.idempotency", str(record_id), algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def withdraw_answers(user_id: int) -> None:
    """Drop the stored answers of a user who lost rights; their repeated requests still have no second effect."""
    _records().filter(user_id=user_id).exclude(status=None).update(answer=b"")


def _opened(record: Any) -> bytes:
    if not record.answer:
        message = "The request was answered; you have lost rights since, so its answer is not shown again"
        raise errors.Conflict(message, code="answer_lost")
    try:
        return _cipher(record.pk).decrypt(bytes(record.answer))
    except InvalidToken as error:
        message = "The request was answered; its answer was sealed with a SECRET_KEY that is gone"
        raise errors.Conflict(message, code="answer_lost") from error


def with_answer(claim: Claim, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a view's handler so that all it does and its answer are committed together, or nothing is.

    The wrapped handler raises: Conflict when the claim was given up meanwhile, as a repetition may be at work.
    """

    def handle(*args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            response = handler(*args, **kwargs)
            if not store_response(claim, response):
                raise _still_running()
            return response

    return handle


def store_response(claim: Claim, response: Response | HttpResponse) -> bool:
    """Keep the answer for repetitions, or release the key; return whether the claim was still held."""
    if response.status_code in (400, 429) or response.status_code >= 500:
        return release_claim(claim)
    body = JsonRenderer().render(response.data) if isinstance(response, Response) else response.content
    sealed = _cipher(claim.record_id).encrypt(body)
    claims = _records().filter(pk=claim.record_id, status=None)
    return bool(claims.update(status=response.status_code, answer=sealed))


def release_claim(claim: Claim) -> bool:
    """Release the key; return whether the claim was still held."""
    return bool(_records().filter(pk=claim.record_id, status=None).delete()[0])
