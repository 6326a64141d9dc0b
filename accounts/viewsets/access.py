"""Who may come in: viewsets for everybody, optional authentication, and the count of wrong guesses."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.limits import failed_tries
from accounts.limits.throttles import caller_address
from accounts.models import User
from accounts.steps.code_guesses import InvalidCode
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import DomainError, Unauthenticated


class PublicViewSet(ApiViewSet):
    """Actions for everybody; credentials that come along are not looked at, so that stale ones do no harm."""

    authentication_classes: list = []
    permission_classes: list = []
    throttle_classes: list = []


class OptionallySignedInViewSet(ApiViewSet):
    """Actions for everybody that look at credentials only where they matter: see `signed_in`."""

    permission_classes: list = []
    throttle_classes: list = []

    def perform_authentication(self, request: Request) -> None:
        """Leave it to `signed_in`."""


def signed_in(request: Request) -> User:
    """Return who sends the request. Raises: Unauthenticated."""
    if not request.user.is_authenticated:
        raise Unauthenticated("Authentication required", code="authentication_required")
    return request.user


def perhaps_signed_in(request: Request) -> User | None:
    """Return who sends the request, None without credentials or with such as have ended."""
    try:
        return request.user if request.user.is_authenticated else None
    except (DomainError, AuthenticationFailed):
        return None


class GuessesCounted:
    """Counts wrong guesses of one address; no more of them are looked at beyond the quota."""

    def __init__(self, request: Request) -> None:
        self.address = caller_address(request)

    def __enter__(self) -> None:
        failed_tries.require_tries_left(self.address)

    def __exit__(self, kind: Any, error: DomainError | None, traceback: Any) -> None:
        if isinstance(error, InvalidCode | Unauthenticated):
            failed_tries.count_failure(self.address)
