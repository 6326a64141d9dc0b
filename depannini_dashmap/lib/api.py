"""The one way in which every endpoint reads, answers, pages and refuses."""

import logging
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions, viewsets
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from depannini_dashmap.lib import context, errors, idempotency

logger = logging.getLogger(__name__)


# --- Reading and writing -----------------------------------------------------------------------------------------------
def _plain(value: Any) -> Any:
    return str(value)


class JsonRenderer(BaseRenderer):
    """JSON by orjson; what it does not know (decimals, lazy texts) goes out as text."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=_plain, option=orjson.OPT_NON_STR_KEYS)


class JsonParser(BaseParser):
    """Strict JSON: an object, no NaN, no lone surrogates, bounded depth, UTF-8."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            data = orjson.loads(stream.read())
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise exceptions.ParseError("Invalid data") from error
        if not isinstance(data, dict):
            raise exceptions.ParseError("Invalid data")
        return data


class AlwaysJson(DefaultContentNegotiation):
    """Whatever the caller accepts, JSON is what there is."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


# --- Lists -----------------------------------------------------------------------------------------------------------------
class CursorPages(CursorPagination):
    """`{"results", "next", "previous"}`, newest first, up to 1000 rows a page.

    A view may set `ordering` (its default) and `ordering_fields` (what `?ordering=` may name, `-` for descending);
    the id is always the tie-break.
    """

    page_size = 1000
    max_page_size = 1000
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        default = tuple(getattr(view, "ordering", None) or self.ordering)
        wanted = request.query_params.get("ordering")
        if not wanted:
            return default
        allowed = set(getattr(view, "ordering_fields", ()))
        names = [name.strip() for name in wanted.split(",")]
        if any(name.removeprefix("-") not in allowed for name in names):
            raise errors.InvalidData(fields={"ordering": [f"Choose from: {', '.join(sorted(allowed))}."]})
        return (*names, "-id" if names[0].startswith("-") else "id")

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound as error:
            raise errors.InvalidData(fields={"cursor": ["Unknown cursor."]}) from error

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, ValueError, TypeError) as error:
            if "cursor" not in request.query_params:
                raise
            raise errors.InvalidData(fields={"cursor": ["Unknown cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }


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
    body: dict[str, Any] = {"error": error.message, "code": error.code, "request_id": context.current().request_id}
    if error.fields:
        body["fields"] = error.fields
    return {**body, **error.extra}


def from_database(error: Exception) -> errors.DomainError:
    """Translate what the database said: a broken constraint is a conflict, everything else means that it is away."""
    if isinstance(error, ProtectedError | RestrictedError):
        return errors.Conflict("Still in use by other records", code="in_use")
    if isinstance(error, IntegrityError):
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
            return errors.TooManyRequests(retry_after=exc.wait or 60)
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


# --- Views ---------------------------------------------------------------------------------------------------------------------
class ApiMixin:
    """What every API view does beyond DRF: idempotency keys on POST, and `<Model> not found`."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.idempotent = idempotency.begin(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        claim = getattr(self, "idempotent", None)
        if claim is not None:
            idempotency.finish(claim, response)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, idempotency.Replay):
            return exc.response
        try:
            return super().handle_exception(exc)  # type: ignore[misc]
        except Exception:
            if getattr(self, "idempotent", None) is not None:
                idempotency.forget(self.idempotent)
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
