"""DRF's exception handler: every error as the contract's envelope, with its code and status."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.constraint_errors import uniqueness_of
from depannini_dashmap.lib.ops import request_context

logger = logging.getLogger(__name__)


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
    """Return the domain error of a database error.

    A broken uniqueness names its field, another broken constraint is a conflict, and the rest means that the database is away.
    """
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
    """Return the domain error for `exc`, or None for a bug."""
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
    """Return the envelope of an error; None for a bug, which goes on to the 500 page."""
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
    """Return the envelope of an error outside DRF."""
    response = JsonResponse(envelope(error), status=error.status)
    if (retry_after := getattr(error, "retry_after", None)) is not None:
        response["Retry-After"] = str(retry_after)
    return response
