"""The motorists' links: keep one for a request, and find what one opens. What motorists do by them is in `motorist`."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from assistance.models import RequestLink
from depannini_dashmap.lib.db.secret_links import TOKEN_BYTES
from depannini_dashmap.lib.errors import NotFound

LONGEST = dt.timedelta(days=30)  # however long the job stays open
_RELATED = ("assistance__client", "assistance__assistant__assistant_profile")


def token_for(form_key: str) -> str:
    """Return the token that a form's request gets: the same form pressed twice leads to the same page."""
    made = salted_hmac("assistance.link.token", form_key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(made[:TOKEN_BYTES]).decode()


def path_of(token: str) -> str:
    """Return the path of the page that a token opens."""
    return f"{RequestLink.page_path}{token}/"


def text_of(address: str) -> str:
    """Return the message that carries a link, in the active language."""
    return gettext("Follow your request for help here: %(address)s") % {"address": address}


def keep_link(job_id: int, token: str, **fields: Any) -> RequestLink:
    """Store a link that opens a request."""
    return RequestLink.objects.create(
        assistance_id=job_id, token_hash=RequestLink.hash_of(token), expires_at=timezone.now() + LONGEST, **fields
    )


def find_link(token: str) -> RequestLink:
    """Return the live link of a token, with its request and both people.

    Raises: NotFound (unknown, expired, ended, a day after the job's end), always the same.
    """
    link = RequestLink.objects.opened_by(token).select_related(*_RELATED).first()
    if link is None:
        raise NotFound
    return link


def reopen(link_id: int) -> RequestLink:
    """Return a link by its id, with its request, while it is open. Raises: NotFound."""
    link = RequestLink.objects.open().filter(pk=link_id).select_related("assistance").first()
    if link is None:
        raise NotFound
    return link


def require_open(token: str) -> None:
    """Let a token pass whose link is still live; asked once its request is locked. Raises: NotFound."""
    if not RequestLink.objects.opened_by(token).exists():
        raise NotFound
