"""One request for help on paper: who, where, when, what it costs and what was paid, as PDF in the language of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assistance.models import Assistance
from assistance.receipt_paper import amount, price_facts, vat_fact, when
from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.numbers import written
from orders.place_search import describe_place
from payments.payable_balances import Balance, balance_of

if TYPE_CHECKING:
    from depannini_dashmap.lib.pdf import Document


@require_safe
@action_pages.for_roadside
def show_pdf(request: HttpRequest, assistance_id: int, context: dict[str, Any]) -> HttpResponse:
    """Answer the request as a PDF document."""
    jobs = Assistance.objects.visible_to(request.user).select_related("client", "assistant")
    job = jobs.filter(pk=action_pages.checked_id(assistance_id)).first()
    if job is None:
        raise Http404
    return HttpResponse(
        document_of(job), content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="request-{job.pk}.pdf"'}
    )


def document_of(job: Assistance) -> bytes:
    """Write the document of a request whose people are loaded."""
    from depannini_dashmap.lib.pdf import Document  # what it stands on is big, and most processes never print

    paper = Document(_("Request #%(id)s") % {"id": job.pk}, get_language() or "en", is_rtl=get_language_bidi())
    _write_people(paper, job)
    paper.heading(_("Times"))
    for label, instant in (
        (_("Asked for help"), job.created_at), (_("Accepted"), job.accepted_at), (_("Started"), job.started_at), (_("Ended"), job.ended_at),
    ):  # fmt: skip
        if instant is not None:
            paper.fact(label, when(instant))
    balance = balance_of(job)
    _write_price(paper, job, balance)
    _write_payments(paper, job, balance)
    paper.space(4)
    paper.note(_("Printed on %(when)s") % {"when": when(timezone.now())})
    return paper.as_bytes()


def _write_people(paper: Document, job: Assistance) -> None:
    paper.fact(_("Status"), f"{job.get_status_display()} {job.get_reason_display()}".strip())
    paper.fact(_("Client"), job.client.display_name or "–")
    if job.client.reachable_phone:  # by itself: beside an Arabic name its plus would stand at its end
        paper.fact(_("Phone"), job.client.reachable_phone)
    if job.billed_to:
        paper.fact(_("Billed to"), job.billed_to)
    if job.assistant is not None:
        paper.fact(_("Assistant"), job.assistant.display_name or "–")
    paper.fact(_("Service"), " · ".join(filter(None, (job.get_assistance_type_display(), job.get_vehicle_type_display()))) or "–")
    for label, lat, lng in ((_("Place"), job.pickup_lat, job.pickup_lng), (_("Destination"), job.dropoff_lat, job.dropoff_lng)):
        if lat is not None and lng is not None:
            name = describe_place(lat, lng, get_language() or "")["name"]
            paper.fact(label, " · ".join(filter(None, (name, f"{lat:.5f}, {lng:.5f}"))))
    if job.distance_km:
        paper.fact(_("Distance in a straight line"), f"{written(job.distance_km, 1)} {_('km')}")
    if job.way_km is not None and job.way_source == Assistance.WaySource.ROAD:
        paper.fact(_("Distance by road"), f"{written(job.way_km, 1)} {_('km')}")
    if job.description:
        paper.fact(_("Description"), job.description)
    if job.reason_note:
        paper.fact(_("Reason"), job.reason_note)


def _write_price(paper: Document, job: Assistance, balance: Balance) -> None:
    paper.heading(_("Price"))
    if balance.price is None:
        paper.fact(_("Price"), _("not set yet"))
        return
    for label, value in price_facts(job):
        paper.fact(label, value)
    paper.fact(_("Price"), amount(balance.price, job.currency), is_bold=True)
    if balance.vat_rate:
        paper.fact(*vat_fact(balance.vat_rate, balance.vat, job.currency))


def _write_payments(paper: Document, job: Assistance, balance: Balance) -> None:
    payments = job.payments.select_related("taken_by").order_by("created_at", "id")
    rows = [
        [one.receipt_number, when(one.created_at), amount(one.amount, one.currency), one.get_method_display(), one.taken_by.display_name or "–"]
        for one in payments
    ]
    if rows:
        paper.heading(_("Receipts"))
        paper.table([_("Receipt"), _("When"), _("Amount"), _("How"), _("Taken by")], rows, widths=[26, 38, 32, 22, 40])
        paper.space(2)
    paper.fact(_("Paid"), amount(balance.paid, balance.currency))
    paper.fact(_("Due"), amount(balance.due, balance.currency), is_bold=True)
