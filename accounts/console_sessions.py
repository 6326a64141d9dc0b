"""Sessions of the console: Django's own, whose end is also the end of the sockets that their pages opened.

A session holds a hash of the user's password and token version (see `User.get_session_auth_hash`), so that it dies with
every token. A page's sockets are opened with a token that names the session; when the session ends, by signing out, by
somebody else signing in there, or because its hash no longer fits, so do they.
"""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts import tokens


def socket_token(request: HttpRequest) -> str:
    """Return a short-lived token that opens sockets, and nothing else, for a page of the signed-in user."""
    session = request.session
    return tokens.issue_socket_token(request.user, _name(session.session_key or ""), session.get_expiry_date())


def session_name(request: HttpRequest) -> str:
    """Return what the tokens and devices of a page's session are found by."""
    return _name(request.session.session_key or "")


class SessionStore(db.SessionStore):
    """Django's sessions in the database; deleting one ends its pages' sockets."""

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session; its sockets close."""
        key = session_key or self.session_key
        with transaction.atomic():
            row = self.model.objects.filter(session_key=key).first() if key else None
            super().delete(session_key)
            user_id = row and row.get_decoded().get(SESSION_KEY)
            if user_id:
                tokens.end_console_session(int(user_id), _name(key or ""))


def _name(session_key: str) -> str:
    """Return what a token calls a session: the key itself is a secret that no script of a page may read."""
    return salted_hmac("accounts.console_sessions", session_key, algorithm="sha256").hexdigest()[:32]
