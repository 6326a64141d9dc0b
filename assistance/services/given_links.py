"""The links to a request that dispatchers give to its motorist: to copy, by SMS, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from accounts.limits import message_budget
from accounts.link_events import links_ended
from assistance import task_queueing
from assistance.models import Assistance, LinkSubscription, RequestLink
from assistance.steps import request_links, state
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.outbound.sms import send_sms

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def give_link(*, actor: User, assistance_id: int) -> str:
    """Make one more link to an open request and return its address, which is stored nowhere.

    Effects: earlier links stay; it is audited. Raises: Forbidden for who does not work the roadside side; NotFound;
    Conflict once the request has ended.
    """
    job = _open_job(actor, assistance_id)
    token = new_token()
    link = request_links.keep_link(job.pk, token, given_by=actor)
    audit.record("request_link_given", actor=actor, target=job, link_id=link.pk, by="copy")
    return RequestLink.address_of(token)


@transaction.atomic
def send_link(*, actor: User, assistance_id: int) -> None:
    """Send a link by SMS to the person who needs help; the worker makes its token, so that no row holds it.

    Raises: as give_link; InvalidData without a number, or for a number that gets no SMS; TooManyRequests over the company's budget.
    """
    job = _open_job(actor, assistance_id)
    number = job.client.reachable_phone
    if not number:
        raise InvalidData(_("The client has no phone number"))
    message_budget.spend(message_budget.JOB, "phone", number, asker=actor, company_id=actor.current_company_id)
    link = request_links.keep_link(job.pk, new_token(), given_by=actor)
    task_queueing.queue_link(link.pk, get_language() or settings.LANGUAGE_CODE)
    audit.record("request_link_given", actor=actor, target=job, link_id=link.pk, by="SMS")


def deliver_link(*, actor: None, link_id: int, language: str) -> None:
    """Make the token of a link that is to be sent, and send it; run twice, the last message holds the link that works.

    Shape: no `actor`, the worker calls it; no transaction may be open, as the gateway is asked.
    Effects: a message that did not leave is sent with another token when the task is tried again. Raises: SmsError.
    """
    unsent = RequestLink.objects.live().filter(pk=link_id, sent_at=None)
    link = unsent.select_related("assistance__client").first()
    number = link.assistance.client.reachable_phone if link and link.assistance.is_open else None
    if link is None or not number:
        return
    token = new_token()
    hashed = RequestLink.hash_of(token)
    if not unsent.update(token_hash=hashed):
        return  # ended, or sent, meanwhile
    with override(language):
        send_sms(number, request_links.text_of(RequestLink.address_of(token)))
    RequestLink.objects.filter(pk=link_id, token_hash=hashed).update(sent_at=timezone.now())


@transaction.atomic
def end_links(*, actor: User, assistance_id: int) -> int:
    """End all links to a request, and return how many these were.

    Effects: their pages are gone at once; it is audited. Raises: Forbidden for who does not work the roadside side; NotFound.
    """
    if not actor.is_roadside:
        raise Forbidden()
    job = state.lock_request(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    ended = RequestLink.objects.filter(assistance=job).revoke()
    LinkSubscription.objects.filter(link__assistance=job).delete()
    if ended:
        links_ended(RequestLink, job.pk)
        audit.record("request_links_ended", actor=actor, target=job, links=ended)
    return ended


def _open_job(staff: User, assistance_id: int) -> Assistance:
    if not staff.is_roadside:
        raise Forbidden()
    job = state.lock_request(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    state.refuse_final(job)
    return job
