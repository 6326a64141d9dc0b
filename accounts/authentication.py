"""DRF authentication by the `Authorization` header alone; session cookies and query strings are ignored."""

import re
from typing import ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import signals, tokens
from accounts.models import User
from accounts.tokens import AuthenticatedToken
from depannini_dashmap.lib.errors import Unauthenticated

_CREDENTIALS = re.compile(r"[A-Za-z]+ ([!-~]+)\Z")


def credentials(header: str, scheme: str) -> str | None:
    """Return the credential in an `Authorization` header of this scheme, None when it is of another one.

    Raises: Unauthenticated for anything but the scheme, one space and one word of visible ASCII.
    """
    if re.split(r"[\s,]", header.lstrip(), maxsplit=1)[0].lower() != scheme:
        return None
    match = _CREDENTIALS.match(header)
    if match is None:
        raise Unauthenticated()
    return match.group(1)


class _HeaderAuthentication(BaseAuthentication):
    scheme: ClassVar[str]

    def authenticate(self, request: Request) -> tuple[User, AuthenticatedToken] | None:
        raw = credentials(request.META.get("HTTP_AUTHORIZATION", ""), self.scheme)
        if raw is None:
            return None
        token = tokens.authenticate_raw(self.scheme, raw)
        if token.user.user_type == User.Type.ASSISTANT:
            signals.signed_in_request.send(sender=User, user_id=token.user.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{self.scheme.title()} realm="api"'


class BearerAuthentication(_HeaderAuthentication):
    """`Authorization: Bearer <JWT>`."""

    scheme = tokens.BEARER


class FleetTokenAuthentication(_HeaderAuthentication):
    """`Authorization: Token <key>`."""

    scheme = tokens.FLEET


class BearerScheme(OpenApiAuthenticationExtension):
    """How the schema shows JWTs."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class FleetTokenScheme(OpenApiAuthenticationExtension):
    """How the schema shows fleet tokens."""

    target_class = FleetTokenAuthentication
    name = "fleetToken"

    def get_security_definition(self, auto_schema: object) -> dict:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Token <key>`"}
