"""Sending one mail to the mail server within a time limit; its text belongs to the apps."""

from __future__ import annotations

import socket
import threading
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection


class MailFailed(Exception):
    """The mail server refused, failed or took too long; nothing is known to have been sent."""


def reaches_mailboxes() -> bool:
    """Return whether mails leave for a mail server: without one they go to the server's log or to a folder."""
    return not settings.EMAIL_BACKEND.endswith(("console.EmailBackend", "filebased.EmailBackend", "dummy.EmailBackend"))


def deliver(message: EmailMultiAlternatives, *, limit: float = 5.0) -> None:
    """Send the mail to the mail server, or give up after `limit` seconds in all. Raises: MailFailed."""
    attempt = _Attempt(message, limit)
    attempt.start()
    attempt.join(limit)
    if attempt.is_alive():
        attempt.give_up()
        raise MailFailed("The mail server took too long")
    if attempt.error is not None:
        raise MailFailed(type(attempt.error).__name__) from attempt.error


class _Attempt(threading.Thread):
    """One try in a thread of its own: each step of SMTP has a time limit, only all of them together need this."""

    def __init__(self, message: EmailMultiAlternatives, limit: float) -> None:
        super().__init__(name="mail", daemon=True)
        self.message = message
        self.connection: Any = get_connection(timeout=min(limit, settings.EMAIL_TIMEOUT))
        self.error: Exception | None = None
        self.is_given_up = False

    def run(self) -> None:
        try:
            self.connection.open()
            if not self.is_given_up:
                self.connection.send_messages([self.message])
        except Exception as error:  # any exception of a mail backend is a failure to send
            self.error = error
        finally:
            self._close()

    def _close(self) -> None:
        try:
            self.connection.close()
        except Exception as error:
            self.error = self.error or (error if self.is_given_up else None)

    def give_up(self) -> None:
        """Cut the line, so that what has been given up is not sent after all."""
        self.is_given_up = True
        line = getattr(getattr(self.connection, "connection", None), "sock", None)
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
