"""The one way in which every endpoint reads, answers, pages and refuses."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api import idempotency
from depannini_dashmap.lib.api.constraint_errors import uniqueness_of
from depannini_dashmap.lib.api.wire import AlwaysJson, CursorPages, JsonParser, JsonRenderer
from depannini_dashmap.lib.ops import request_context

__all__ = [
    "AlwaysJson",
    "ApiMixin",
    "CursorPages",
    "JsonParser",
    "JsonRenderer",
    "ResourceViewSet",
    "envelope",
    "error_response",
    "exception_handler",
    "flatten_fields",
    "from_database",
    "one_page",
    "read_only",
    "translate",
]

logger = logging.getLogger(__name__)


def one_page(rows: Any) -> Response:
    """Answer `rows` in the envelope of lists, all on one page."""
    return Response({"results": rows, "next": None, "previous": None})


# --- Refusing ----------------------------------------------------------------------------------------------------------------
def flatten_fields(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Return DRF's nested error detail as `{"dotted.name": [message, …]}`."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for name, value in detail.items():
            flat.update(flatten_fields(value, f"{prefix}.{name}" if prefix else str(name)))
        return flat
    if isinstance(detail, list | tuple):
        if any(isinstance(item, dict | list) for item in detail):
            flat = {}
            for index, item in enumerate(detail):
                if item:
                    flat.update(flatten_fields(item, f"{prefix}.{index}" if prefix else str(index)))
            return flat
        return {prefix or "non_field_errors": [str(item) for item in detail]}
    return {prefix or "non_field_errors": [str(detail)]}


def envelope(error: errors.DomainError) -> dict[str, Any]:
    """Return the body of an error answer."""
    body: dict[str, Any] = {"error": error.message, "code": error.code, "request_id": request_context.current().request_id}
    if error.fields:
        body["fields"] = error.fields
    return {**body, **error.extra}


def from_database(error: Exception) -> errors.DomainError:
    """Translate what the database said: what is there already names its field, another broken constraint is a conflict,
    everything else means that the database is away."""
    if isinstance(error, ProtectedError | RestrictedError):
        return errors.Conflict("Still in use by other records", code="in_use")
    if isinstance(error, IntegrityError):
        if (once := uniqueness_of(error)) is not None:
            return once.refusal()
        logger.warning("A constraint refused a write: %s", type(error).__name__, exc_info=error)
        return errors.Conflict("This conflicts with existing data", code="constraint_violated")
    logger.error("The database failed: %s", type(error).__name__)
    return errors.Unavailable(code="database_unavailable")


def translate(exc: Exception) -> errors.DomainError | None:
    """Return the domain error that says what `exc` means, or None for a bug."""
    match exc:
        case errors.DomainError():
            return exc
        case exceptions.ValidationError():
            return errors.InvalidData(fields=flatten_fields(exc.detail))
        case exceptions.NotAuthenticated():
            return errors.Unauthenticated("Authentication required", code="authentication_required")
        case exceptions.AuthenticationFailed():
            return errors.Unauthenticated()
        case exceptions.PermissionDenied() | DjangoPermissionDenied():
            return errors.Forbidden()
        case Http404() | exceptions.NotFound():
            return errors.NotFound()
        case exceptions.Throttled():
            return errors.TooManyRequests(retry_after=getattr(exc, "wait", None) or 60)
        case exceptions.ParseError() | UnreadablePostError():
            return errors.InvalidData()
        case RequestDataTooBig():
            return errors.BodyTooLarge()
        case DjangoValidationError():
            detail = exc.message_dict if hasattr(exc, "error_dict") else exc.messages
            return errors.InvalidData(fields=flatten_fields(detail))
        case ProtectedError() | RestrictedError() | IntegrityError() | OperationalError() | InterfaceError():
            return from_database(exc)
        case DatabaseError() if type(exc) is DatabaseError:
            return from_database(exc)
        case exceptions.APIException():
            code = {405: "method_not_allowed", 415: "unsupported_media_type"}.get(exc.status_code, exc.default_code)
            error = errors.DomainError(str(exc.detail), code=code)
            error.status = exc.status_code
            return error
    return None


def exception_handler(exc: Exception, view_context: dict) -> Response | None:
    """DRF's hook: every refusal in the contract's envelope; a bug goes on to the 500 page."""
    error = translate(exc)
    if error is None:
        return None
    response = Response(envelope(error), status=error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = getattr(exc, "auth_header", None) or 'Bearer realm="api"'
    if (retry_after := getattr(error, "retry_after", None)) is not None:
        response["Retry-After"] = str(retry_after)
    set_rollback()
    return response


def error_response(error: errors.DomainError) -> JsonResponse:
    """Answer an error outside DRF."""
    response = JsonResponse(envelope(error), status=error.status)
    if (retry_after := getattr(error, "retry_after", None)) is not None:
        response["Retry-After"] = str(retry_after)
    return response


def read_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have a plain view answer GET and HEAD; whatever else is 405 in our form, before anybody asks for a CSRF token."""

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


# --- Views ---------------------------------------------------------------------------------------------------------------------
class ApiMixin:
    """What every API view does beyond DRF: idempotency keys on POST, PUT and PATCH, and `<Model> not found`."""

    # Whoever speaks to the outside while answering has to commit before, so the answer is kept afterwards.
    speaks_while_answering = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.idempotent = idempotency.begin(request)
        if self.idempotent is not None and not self.speaks_while_answering:
            name = str(request.method).lower()
            if handler := getattr(self, name, None):
                setattr(self, name, idempotency.with_answer(self.idempotent, handler))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        claim = getattr(self, "idempotent", None)
        if claim is not None:
            idempotency.finish(claim, response)
        return response

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, idempotency.Replay):
            return exc.response
        try:
            return super().handle_exception(exc)  # type: ignore[misc]
        except Exception:
            claim = getattr(self, "idempotent", None)
            if claim is not None:
                idempotency.forget(claim)
            raise

    def get_object(self) -> Any:
        """Return the row that the path names. Raises: NotFound with the model's name."""
        try:
            return super().get_object()  # type: ignore[misc]
        except (Http404, OverflowError) as error:
            name = getattr(self, "not_found_name", None) or self.get_queryset().model._meta.verbose_name  # type: ignore[attr-defined]
            raise errors.NotFound(str(name).capitalize()) from error


class ResourceViewSet(ApiMixin, viewsets.ModelViewSet):
    """List, create, read, update (PUT takes a partial body too) and delete."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)
