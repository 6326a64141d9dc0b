"""A completed job on paper, as PDF in the language of the page: what a receipt says, and what it shares with the office's document."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from assistance.models import Assistance
from assistance.pricing import vat_in
from assistance.quotes import price_lines
from assistance.selectors import tariff_of
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.numbers import written
from depannini_dashmap.lib.time_zone import display_zone

Facts = list[tuple[str, str]]  # what a value is called, and the value


def receipt_of(page: dict[str, Any]) -> bytes:
    """Write the receipt of a completed job. Shape of `page`: motorist_view's `shown`."""
    from depannini_dashmap.lib.pdf import Document  # what it stands on is big, and most processes never print

    job = page["job"]
    paper = Document(_("Receipt %(id)s") % {"id": f"#{job.pk}"}, get_language() or "en", is_rtl=get_language_bidi())
    for label, value in job_facts(page):
        paper.fact(label, value)
    paper.heading(_("Price"))
    for label, value in price_facts(job):
        paper.fact(label, value)
    paper.fact(_("Total"), amount(job.total_price, job.currency) if job.price_is_final else _("not set yet"), is_bold=True)
    if job.vat_rate and job.price_is_final:
        paper.fact(*vat_fact(job.vat_rate, vat_in(job.total_price, job.vat_rate), job.currency))
    paper.space(4)
    paper.note(_("Printed on %(when)s") % {"when": when(timezone.now())})
    return paper.as_bytes()


def job_facts(page: dict[str, Any]) -> Facts:
    """Return what the motorist may know of the job: nothing that the office wrote for itself, and the assistant's first name alone."""
    job, assistant = page["job"], page["assistant"]
    facts = [
        (_("Service"), " · ".join(filter(None, (job.get_assistance_type_display(), page["vehicle"]))) or _("Help on the road")),
        (_("Asked for help"), when(job.created_at)),
    ]
    if job.ended_at is not None:
        facts.append((_("Done"), when(job.ended_at)))
    if assistant is not None:
        facts.append((_("Helped by"), listed(filter(None, (assistant["name"], assistant["vehicle"])))))
    if job.description:
        facts.append((_("Description"), job.description))
    if job.price_consent == "refused":
        facts.append((_("Price"), _("You refused this price.")))
    return facts


def price_facts(job: Assistance) -> Facts:
    """Return what the price is made of where a tariff gave it, and why it was adjusted, as the client was told."""
    tariff = tariff_of(job)
    lines = price_lines(tariff, job.distance_km)
    facts = []
    if tariff is not None and lines is not None:
        way = f"{written(job.distance_km, 3)} {_('km')} × {written(tariff.per_km)} = {amount(lines.distance, job.currency)}"
        facts += [(_("Base"), amount(lines.base, job.currency)), (_("Distance"), way)]
        if lines.top_up:
            facts.append((_("Up to the minimum"), amount(lines.top_up, job.currency)))
    if job.price_note:
        facts.append((_("Why it was adjusted"), job.price_note))
    return facts


def vat_fact(rate: Decimal, vat: Decimal, currency: str) -> tuple[str, str]:
    """Return the VAT that is in a price."""
    return _("VAT in it"), f"{floatformat(rate)} % = {amount(vat, currency)}"


def amount(amount: Decimal, currency: str) -> str:
    """Write money as the language does."""
    return f"{written(amount)} {currency}"


def when(instant: dt.datetime) -> str:
    """Write a time in the zone of the company."""
    return date_format(timezone.localtime(instant, display_zone()), "j N Y H:i")
