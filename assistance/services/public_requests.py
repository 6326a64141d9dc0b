"""Asking for help without an account: when the number has to be proven first, whose the request is, and its link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.keyed_hashes import address_key
from accounts.limits.rates import HELP_ASKS
from accounts.networks import network_key
from accounts.services import asking_account, enter_proof, request_proof, use_up_proof
from assistance import lifecycle
from assistance.models import RequestLink
from assistance.steps import photos, request_links, state
from assistance.steps.public_request_checks import needs_proof, require_in_area
from assistance.steps.requests import open_request, open_request_of
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.ops import audit

BY_LINK = "request link"


class Asker(NamedTuple):
    """Who asks: the number, the network, the form that they filled in, the code where one was sent, and photos of what is wrong."""

    phone_number: str
    network: str
    form_key: str
    code: str = ""
    photos: Sequence[File] = ()


class ProofNeeded(Conflict):
    """The number has to be proven by a code before help is asked."""

    code, default_message = "proof_needed", _("Prove your number by the code that we sent")


def ask_for_help(*, actor: None, asker: Asker, **asked: Any) -> str:
    """Open a request for somebody without an account and return the token of its link.

    Shape: no `actor`; ``asked`` as for `request_assistance`. The same form again returns the same link. A number that is not
    proven gets a request of its own, which shows in no account and keeps none from asking; a proven one asks as its
    holder does, and is led to the request that is open already.
    The photos are decoded once the ask counts, and kept with the request.
    Raises: ProofNeeded once a code is on its way; InvalidCode; InvalidData (the place, the number, a photo); TooManyRequests; Unavailable.
    """
    token = request_links.token_for(asker.form_key)
    if RequestLink.objects.is_known(token):
        return token
    require_in_area(asked["pickup"])
    proof_id = None
    if not asker.code:
        HELP_ASKS.spend(asker.network)
    else:  # this ask was counted when the code was sent
        proof_id = enter_proof(actor=None, form_key=asker.form_key, phone_number=asker.phone_number, code=asker.code)
    with photos.stored(asker.photos) as found:
        try:
            with transaction.atomic():
                _open(asker, token, proof_id, asked, found)
        except _Suspicious:
            _send_code(asker)
        except IntegrityError:
            found.kept.clear()
            if not RequestLink.objects.is_known(token) and not _joined_open_request(asker, token, proof_id, found):
                raise
    return token


class _Suspicious(Exception):
    """The number has to be proven, as became clear while nobody else was asking."""


def _open(asker: Asker, token: str, proof_id: int | None, asked: dict[str, Any], found: photos.StoredPhotos) -> None:
    hashes = _hashes(asker)
    take_lock(f"help {hashes['asked_from']}")
    take_lock(f"help {hashes['asked_under']}")
    if RequestLink.objects.is_known(token):
        return  # the other press of the same form was faster
    if proof_id is None and needs_proof(**hashes):
        raise _Suspicious
    is_proven = proof_id is not None
    client = asking_account(actor=None, phone_number=asker.phone_number, is_proven=is_proven)
    job = open_request(client, is_one_of_many=not is_proven, **asked).job
    if proof_id is not None:
        use_up_proof(actor=None, proof_id=proof_id)
    photos.keep(job, client, lifecycle.CLIENT, found, timezone.now())
    link = request_links.keep_link(job.pk, token, is_proven=is_proven, **hashes)
    audit.record("assistance_requested", target=job, by=BY_LINK, link_id=link.pk, is_proven=is_proven)


def _joined_open_request(asker: Asker, token: str, proof_id: int | None, found: photos.StoredPhotos) -> bool:
    """Lead who has proven the number to the request that is open under it, with as many of the photos as fit."""
    if proof_id is None:
        return False
    with transaction.atomic():
        client = asking_account(actor=None, phone_number=asker.phone_number, is_proven=True)
        open_id = open_request_of(client.pk)
        if open_id is None:
            return False
        use_up_proof(actor=None, proof_id=proof_id)
        if found.names and (job := state.lock_request(open_id)) is not None and job.is_open:
            photos.keep(job, client, lifecycle.CLIENT, found, timezone.now(), as_fits=True)
        link = request_links.keep_link(open_id, token, is_proven=True, **_hashes(asker))
        audit.record("request_link_given", target=link.assistance, by=BY_LINK, link_id=link.pk, is_proven=True)
    return True


def _hashes(asker: Asker) -> dict[str, str]:
    return {"asked_from": network_key(asker.network), "asked_under": address_key("phone", asker.phone_number)}


def _send_code(asker: Asker) -> None:
    """Send a code and say so. Raises: ProofNeeded, or what `request_proof` raises."""
    request_proof(actor=None, form_key=asker.form_key, phone_number=asker.phone_number)
    raise ProofNeeded()
