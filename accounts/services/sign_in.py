"""Signing in: by password for both families of clients, and with Google."""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import tokens
from accounts.google import GoogleIdentity
from accounts.limits import lockouts
from accounts.models import User
from depannini_dashmap.lib.errors import Conflict, Unauthenticated
from depannini_dashmap.lib.ops import audit


class InvalidCredentials(Unauthenticated):
    """The one answer to every failed sign-in."""

    code, default_message = "invalid_credentials", "Invalid credentials"


def check_password(*, actor: User | None, request: HttpRequest, user: User | None, identifier: str, password: str) -> User:
    """Return the user whose password is right; an unknown or inactive user takes as long.

    Shape: `actor` is who is signed in already, None at a sign-in.
    Effects: failures count for the account and address, and for the address alone. Raises: Unauthenticated,
    TooManyRequests after five failures of one account from one address within the cool-off.
    """
    name = user.username if user is not None else identifier[:254]
    lockouts.require_unlocked(request, name)
    is_right = _is_right(user, password)
    if user is None or not user.is_active:
        is_right = False
    lockouts.record_attempt(request, name, is_right=is_right)
    if user is None or not is_right:
        raise InvalidCredentials()
    return user


def sign_in(*, actor: None, request: HttpRequest, user: User | None, identifier: str, password: str) -> User:
    """Check a password and note the sign-in, which forgets earlier failures; no `actor` before that. Raises: as `check_password`."""
    user = check_password(actor=actor, request=request, user=user, identifier=identifier, password=password)
    user_logged_in.send(sender=User, request=request, user=user)
    audit.record("signed_in", actor=user, target=user)
    return user


def sign_in_to_fleet(*, actor: None, request: HttpRequest, username: str, password: str) -> tuple[User, str]:
    """Check a password and return the user with a new fleet token; no `actor` before that."""
    user = sign_in(actor=None, request=request, user=User.objects.with_username(username), identifier=username, password=password)
    with transaction.atomic():
        # A password change that runs at the same time must not leave a token of the old password behind.
        now = User.objects.select_for_update(no_key=True).select_related(None).get(pk=user.pk)
        if not now.is_active or now.token_version != user.token_version:
            raise InvalidCredentials()
        return now, tokens.issue_fleet_token(now)


def _is_right(user: User | None, password: str) -> bool:
    if user is None or not user.has_usable_password():
        User().set_password(password)  # as long as a comparison takes
        return False
    return user.check_password(password)


def sign_in_with_google(*, actor: None, identity: GoogleIdentity) -> User:
    """Return the account of a Google identity, made or linked where that is safe.

    Shape: no `actor` before that. Raises: Unauthenticated (switched off), Conflict `link_required` (the e-mail is not proven here).
    """
    try:
        user = _google_account(identity)
    except IntegrityError:
        user = _google_account(identity)  # the same person signed in twice at once
    if not user.is_active:
        raise InvalidCredentials()
    audit.record("signed_in", actor=user, target=user, by="google")
    return user


@transaction.atomic
def _google_account(identity: GoogleIdentity) -> User:
    known = User.objects.filter(google_sub=identity.sub).first()
    if known is not None:
        return known
    holder = User.objects.select_for_update(no_key=True).with_email(identity.email).first()
    if holder is None:
        return _new_google_account(identity)
    if holder.google_sub == identity.sub:
        return holder  # made by the same person a moment ago
    if not holder.email_verified or holder.google_sub is not None:
        raise Conflict("Sign in to your account and verify its e-mail first", code="link_required")
    holder.google_sub = identity.sub
    holder.save(update_fields=["google_sub"])
    audit.record("google_linked", actor=holder, target=holder)
    return holder


def _new_google_account(identity: GoogleIdentity) -> User:
    is_free = not User.objects.filter(username=identity.email).exists()
    user = User.objects.create_user(
        identity.email if is_free else f"@google-{identity.sub}"[:254],
        identity.email,
        None,
        email_verified=True,
        name=identity.name,
        google_sub=identity.sub,
    )
    audit.record("registered", actor=user, target=user, kind="google")
    return user
