"""The credentials of the API: JWT pairs of the mobile apps, fleet tokens, and the tokens of the console's sockets.

Who may have one is decided elsewhere. A JWT carries the user's token version (`ver`) and the id of its sign-in (`sid`). It counts while the user is active,
the version is the user's present one and neither its own id nor its `sid` was ended. A fleet token is a row of
django-rest-knox, which holds a digest only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts import events
from accounts.models import OPERATORS, ROADSIDE, EndedToken, PushDevice, RefreshFamily, User
from depannini_dashmap.lib.db.prepared import Statement
from depannini_dashmap.lib.errors import Unauthenticated

BEARER, FLEET, SOCKET = "bearer", "token", "socket"
SOCKET_TOKEN_TTL = timedelta(minutes=10)
ROTATION_GRACE = timedelta(seconds=10)
FLEET_TOKEN_WRITE_EVERY = timedelta(hours=1)
Claims = Mapping[str, Any]
_DIGEST_PREFIX = 16
_MAX_RAW = 4096

_USER_COLUMNS = (
    "id",
    "username",
    "email",
    "phone_number",
    "caller_phone",
    "name",
    "first_name",
    "last_name",
    "user_type",
    "is_active",
    "is_staff",
    "is_superuser",
    "email_verified",
    "phone_verified",
    "token_version",
    "current_company_id",
)
_BOOLEANS = {"is_active", "is_staff", "is_superuser", "email_verified", "phone_verified"}
_USER_FIELDS = tuple(field.attname for field in User._meta.concrete_fields if field.attname in _USER_COLUMNS)
_SELECT_USER = f"""
    SELECT {", ".join(f"u.{name}" for name in _USER_FIELDS)},
        EXISTS (SELECT 1 FROM accounts_user_groups ug JOIN auth_group g ON g.id = ug.group_id
                WHERE ug.user_id = u.id AND g.name = '{OPERATORS}'),
        u.user_type = 'dispatcher' AND EXISTS (
            SELECT 1 FROM accounts_user_groups ug JOIN auth_group g ON g.id = ug.group_id
            WHERE ug.user_id = u.id AND g.name = '{ROADSIDE}')
"""  # noqa: S608 - built from the names of model fields
_BY_JWT = Statement(f"""{_SELECT_USER} FROM accounts_user u
    WHERE u.id = $1 AND u.is_active AND u.token_version = $2
    AND NOT EXISTS (SELECT 1 FROM accounts_endedtoken e WHERE e.jti IN ($3, $4))
""")  # noqa: S608
_BY_DIGEST = Statement(f"""{_SELECT_USER}, t.expiry FROM knox_authtoken t JOIN accounts_user u ON u.id = t.user_id
    WHERE t.digest = $1 AND u.is_active
""")


class AccessToken(Token):
    """What an app sends with each request."""

    token_type = "access"  # noqa: S105 - a kind, no secret

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        """How long it counts: the ACCESS_TOKEN_TTL setting."""
        return settings.ACCESS_TOKEN_TTL


class RefreshToken(Token):
    """What an app keeps to ask for its next access token."""

    token_type = "refresh"  # noqa: S105 - a kind, no secret

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        """How long it counts: the REFRESH_TOKEN_TTL setting."""
        return settings.REFRESH_TOKEN_TTL


class SocketToken(Token):
    """What opens the sockets of a page of the console; its `sid` names the page's session."""

    token_type = SOCKET
    lifetime = SOCKET_TOKEN_TTL


class _SocketCredential(AccessToken):
    """A JWT in a socket's handshake: an app's access token, or one of a page."""

    def verify_token_type(self) -> None:
        if self.payload.get("token_type") not in (AccessToken.token_type, SocketToken.token_type):
            raise TokenError("Token has wrong type")


@dataclass(frozen=True, slots=True)
class AuthenticatedToken:
    """A valid credential: whose it is, until when, and the id under which its end is published."""

    user: User
    expires_at: datetime
    token_id: str
    kind: str
    sid: str = ""

    @property
    def session(self) -> str:
        """The sign-in that it belongs to, which devices are registered under."""
        return self.sid or self.token_id

    @property
    def is_of_page(self) -> bool:
        """Whether a page of the console holds it, and not an app."""
        return self.kind == SOCKET


# --- Issuing -------------------------------------------------------------------------------------------------------------
def issue_pair(user: User) -> dict[str, str]:
    """Return a new pair of JWTs as `{"access", "refresh"}`. Stores nothing."""
    sid = uuid.uuid4().hex
    refresh = _signed(RefreshToken, user, sid)
    refresh["gen"] = 0
    return {"access": str(_signed(AccessToken, user, sid)), "refresh": str(refresh)}


def issue_socket_token(user: User, session: str, session_ends_at: datetime) -> str:
    """Return a token for the sockets of a page, which ends with the page's session. Stores nothing."""
    token = _signed(SocketToken, user, session)
    token.set_exp(lifetime=min(SOCKET_TOKEN_TTL, session_ends_at - timezone.now()))
    return str(token)


def issue_fleet_token(user: User) -> str:
    """Store the digest of a new fleet token and return the token. Call it with the user's row locked."""
    _, token = AuthToken.objects.create(user, expiry=settings.TOKEN_TTL)
    return token


def _signed(kind: type[Token], user: User, sid: str) -> Token:
    token = kind()
    token["user_id"] = str(user.pk)
    token["ver"] = user.token_version
    token["sid"] = sid
    return token


# --- Checking --------------------------------------------------------------------------------------------------------------
def authenticate_raw(kind: str | None, raw: str) -> AuthenticatedToken:
    """Return whose credential `raw` is, by one narrow lookup.

    `kind` is `bearer` or `token` (any case); None guesses by the shape. Raises: Unauthenticated.
    """
    return _authenticate(kind, raw, AccessToken)


def authenticate_socket(kind: str | None, raw: str) -> AuthenticatedToken:
    """Return whose credential `raw` is, as `authenticate_raw`; the token of a page counts too. Raises: Unauthenticated."""
    return _authenticate(kind, raw, _SocketCredential)


def user_id_from_signature(kind: str | None, raw: str) -> int | None:
    """Return whose a socket's JWT is, by its signature alone; None for a fleet token, which only its row explains.

    Raises: Unauthenticated.
    """
    return int(read(_SocketCredential, raw)["user_id"]) if _kind(kind, raw) == BEARER else None


def _kind(kind: str | None, raw: str) -> str:
    if not raw or len(raw) > _MAX_RAW or not raw.isascii():
        raise Unauthenticated()
    return (kind or (BEARER if raw.count(".") == 2 else FLEET)).lower()


def _authenticate(kind: str | None, raw: str, jwt_kind: type[Token]) -> AuthenticatedToken:
    kind = _kind(kind, raw)
    if kind == BEARER:
        return _by_jwt(read(jwt_kind, raw))
    if kind == FLEET:
        return _by_fleet_token(raw)
    raise Unauthenticated()


def read(kind: type[Token], raw: Any) -> Claims:
    """Return the verified claims of a JWT; says nothing about whether it was ended. Raises: Unauthenticated."""
    if not isinstance(raw, str) or not raw or len(raw) > _MAX_RAW:
        raise Unauthenticated()
    claims = _verified(kind, raw, settings.SECRET_KEY)  # type: ignore[arg-type]
    if timezone.now() >= _expiry(claims) + settings.CLOCK_LEEWAY:
        raise Unauthenticated()
    return claims


@lru_cache(maxsize=4096)
def _verified(kind: type[Token], raw: str, key: str) -> Claims:
    """Return the claims of a JWT signed with the key; only its expiry can change what it says, and `read` looks at that."""
    try:
        claims = kind(raw).payload  # type: ignore[arg-type]
        well_formed = (
            str(claims["user_id"]).isdecimal()
            and len(str(claims["user_id"])) < 19
            and type(claims["ver"]) is int
            and 0 <= claims["ver"] < 2**31
            and isinstance(claims["jti"], str)
            and isinstance(claims["sid"], str)
        )
        _expiry(claims)
    except (TokenError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unauthenticated() from error
    if not well_formed:
        raise Unauthenticated()
    return MappingProxyType(claims)


def live_user(token: Claims) -> User:
    """Return the user of a verified JWT that was not ended. Raises: Unauthenticated."""
    rows = _BY_JWT.rows(int(token["user_id"]), token["ver"], token["jti"], token["sid"])
    if not rows:
        raise Unauthenticated()
    return _user(rows[0])


def _by_jwt(token: Claims) -> AuthenticatedToken:
    kind = SOCKET if token["token_type"] == SOCKET else BEARER
    return AuthenticatedToken(live_user(token), _expiry(token), token["jti"], kind, token["sid"])


def _by_fleet_token(raw: str) -> AuthenticatedToken:
    digest = hash_token(raw)
    rows = _BY_DIGEST.rows(digest)
    if not rows:
        raise Unauthenticated()
    [row] = rows
    expires_at, now = _instant(row[-1]), timezone.now()
    if expires_at + settings.CLOCK_LEEWAY <= now:
        raise Unauthenticated()
    extended = now + settings.TOKEN_TTL
    if extended - expires_at > min(FLEET_TOKEN_WRITE_EVERY, settings.TOKEN_TTL / 10):
        AuthToken.objects.filter(pk=digest).update(expiry=extended)
        expires_at = extended
    return AuthenticatedToken(_user(row), expires_at, digest[:_DIGEST_PREFIX], FLEET)


def _user(row: tuple) -> User:
    count = len(_USER_FIELDS)
    values = [bool(v) if n in _BOOLEANS else v for n, v in zip(_USER_FIELDS, row[:count], strict=True)]
    user = User.from_db("default", _USER_FIELDS, values)
    user.is_operator = bool(user.is_superuser or row[count])
    user.is_roadside = bool(user.is_operator or row[count + 1])
    return user


def _instant(value: Any) -> datetime:
    moment = parse_datetime(value) if isinstance(value, str) else value
    if moment is None:
        return datetime.max.replace(tzinfo=dt.UTC)
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=dt.UTC)


def _expiry(token: Claims) -> datetime:
    return datetime.fromtimestamp(token["exp"], dt.UTC)


# --- Refreshing --------------------------------------------------------------------------------------------------------------
def refresh_pair(raw: Any) -> dict[str, str]:
    """Return a new access token for a refresh token, and with JWT_ROTATE_REFRESH its successor as `refresh`.

    Raises: Unauthenticated; a rotated token that comes back after the grace ends its whole sign-in.
    """
    token = read(RefreshToken, raw)
    user = live_user(token)
    answer = {"access": str(_signed(AccessToken, user, token["sid"]))}
    if settings.JWT_ROTATE_REFRESH:
        answer["refresh"] = str(_rotated(token, user))
    return answer


def _rotated(token: Claims, user: User) -> Token:
    sid, generation, now = token["sid"], int(token.get("gen", 0)), timezone.now()
    _ensure_family(token, user)
    moved = RefreshFamily.objects.filter(pk=sid, generation=generation).update(
        generation=generation + 1, rotated_at=now, expires_at=now + settings.REFRESH_TOKEN_TTL
    )
    if not moved:
        family = RefreshFamily.objects.get(pk=sid)
        if family.generation != generation + 1 or now - family.rotated_at > ROTATION_GRACE:
            _end_family(family, user)
            raise Unauthenticated()
    successor = _signed(RefreshToken, user, sid)
    successor["gen"] = generation + 1
    # Everybody who rotates the same token within the grace gets the same successor: no fork.
    secret = f"{sid}:{generation + 1}".encode()
    successor["jti"] = hmac.new(settings.SECRET_KEY.encode(), secret, hashlib.sha256).hexdigest()[:32]
    return successor


def _ensure_family(token: Claims, user: User) -> None:
    if RefreshFamily.objects.filter(pk=token["sid"]).exists():
        return
    try:
        with transaction.atomic():
            RefreshFamily.objects.create(
                pk=token["sid"], user_id=user.pk, generation=int(token.get("gen", 0)), expires_at=_expiry(token)
            )
    except IntegrityError:
        pass  # another refresh of the same token was first


def _end_family(family: RefreshFamily, user: User) -> None:
    EndedToken.objects.get_or_create(
        pk=family.pk, defaults={"user_id": user.pk, "expires_at": timezone.now() + settings.REFRESH_TOKEN_TTL}
    )
    _forget_devices(user.pk, family.pk)
    events.session_ended(user.pk, None)


# --- Ending ------------------------------------------------------------------------------------------------------------------
def end_refresh(raw: Any, *, owner: User | None = None) -> None:
    """End one refresh token. Raises: Unauthenticated when it does not count, or is not the owner's."""
    token = read(RefreshToken, raw)
    user = live_user(token)
    if owner is not None and owner.pk != user.pk:
        raise Unauthenticated()
    _record_end(token["jti"], user.pk, _expiry(token))
    _forget_devices(user.pk, token["sid"])


def end_token(token: AuthenticatedToken) -> None:
    """End the credential of a request, and notify its sockets."""
    if token.kind == BEARER:
        _record_end(token.token_id, token.user.pk, token.expires_at)
    else:
        AuthToken.objects.filter(user_id=token.user.pk, digest__startswith=token.token_id).delete()
    _forget_devices(token.user.pk, token.session)
    events.session_ended(token.user.pk, token.token_id)


def end_console_session(user_id: int, session: str) -> None:
    """End the sockets of the pages of a console session, and the notifications in its browser."""
    _forget_devices(user_id, session)
    if User.objects.filter(pk=user_id).exists():
        _record_end(session, user_id, timezone.now() + SOCKET_TOKEN_TTL + settings.CLOCK_LEEWAY)
        events.session_ended(user_id, None)


def end_all_fleet_tokens(user_id: int) -> None:
    """Delete every fleet token of a user."""
    AuthToken.objects.filter(user_id=user_id).delete()


def _forget_devices(user_id: int, session: str) -> None:
    """Send nothing more to devices that a sign-in registered."""
    PushDevice.objects.filter(user_id=user_id, session=session).delete()


def _record_end(jti: str, user_id: int, expires_at: datetime) -> None:
    EndedToken.objects.bulk_create([EndedToken(jti=jti, user_id=user_id, expires_at=expires_at)], ignore_conflicts=True)
