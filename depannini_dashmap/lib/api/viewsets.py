"""The base of every API view and viewset."""

from typing import Any

from django.http import Http404
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api import idempotency


class ApiMixin:
    """Add idempotency keys on POST, PUT and PATCH, and `<Model> not found` to a view of DRF."""

    # A view that calls an outside system commits before it does, so its answer is stored afterwards.
    speaks_while_answering = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.idempotent = idempotency.claim_request(request)
        if self.idempotent is not None and not self.speaks_while_answering:
            name = str(request.method).lower()
            if handler := getattr(self, name, None):
                setattr(self, name, idempotency.with_answer(self.idempotent, handler))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        claim = getattr(self, "idempotent", None)
        if claim is not None:
            idempotency.store_response(claim, response)
        return response

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, idempotency.Replay):
            return exc.response
        try:
            return super().handle_exception(exc)  # type: ignore[misc]
        except Exception:
            claim = getattr(self, "idempotent", None)
            if claim is not None:
                idempotency.release_claim(claim)
            raise

    def get_object(self) -> Any:
        """Return the row that the path names. Raises: NotFound with the model's name."""
        try:
            return super().get_object()  # type: ignore[misc]
        except (Http404, OverflowError) as error:
            name = getattr(self, "not_found_name", None) or self.get_queryset().model._meta.verbose_name  # type: ignore[attr-defined]
            raise errors.NotFound(str(name).capitalize()) from error


class ApiViewSet(ApiMixin, viewsets.GenericViewSet):
    """The base of every viewset; each names which of list, retrieve, create, update and destroy it has, and its further actions."""

    def read(self, kind: Any, data: Any = None, *, partial: bool = False) -> Any:
        """Return the serializer of the body, or of other data, which is in order. Raises: ValidationError."""
        sent = self.request.data if data is None else data
        serializer = kind(data=sent, partial=partial, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer


class ResourceViewSet(ApiViewSet, viewsets.ModelViewSet):
    """List, create, read, update (PUT takes a partial body too) and delete."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)
