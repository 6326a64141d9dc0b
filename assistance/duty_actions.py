"""What an assistant does on the duty page: each form is one call of the service that the API calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.core.files.base import File
from django.http import QueryDict
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from assistance import lifecycle, services
from assistance.models import Assistance
from depannini_dashmap.lib.errors import InvalidData, NotFound
from depannini_dashmap.lib.numbers import NotANumber, read_decimal, read_float
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import plain_digits

if TYPE_CHECKING:
    from accounts.models import User

_LONGEST_ID = 18  # digits
_LONGEST_AMOUNT = 40  # letters


class DutyForm(NamedTuple):
    """The form's values: the request it is about (0 for none), an amount, words, the form's own key, and photos."""

    assistance_id: int
    amount: Decimal | None
    message: str
    key: str
    photos: Sequence[File] = ()


def read_form(sent: QueryDict, key: str, photos: Sequence[File] = ()) -> DutyForm:
    """Read a form; an invalid amount is NaN, which every service refuses as a price."""
    typed = sent.get("price", "")[:_LONGEST_AMOUNT].strip()
    return DutyForm(read_id(sent.get("job", "")), read_amount(typed) if typed else None, sent.get("message", ""), key, photos)


def read_id(text: str) -> int:
    """Return the id that a form names, 0 if it is invalid."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else 0


def read_amount(typed: str) -> Decimal:
    """Return an amount as people write it: `1 200,50`, `1200.5`, digits of any script; anything else is NaN."""
    text = "".join(plain_digits(typed).split()).replace("\u066b", ".").replace(",", ".")
    try:
        return read_decimal(text)
    except NotANumber:
        return Decimal("NaN")


def read_place(sent: QueryDict) -> tuple[float, float]:
    """Return the place that a page reports. Raises: InvalidData."""
    try:
        return read_float(sent.get("lat", "")), read_float(sent.get("lng", ""))
    except NotANumber as error:
        raise InvalidData(fields={"lat": [_("A place is needed.")]}) from error


def act(user: User, action: str, form: DutyForm, tapped_at: datetime | None = None) -> str:
    """Do what a form asks for, and return what became of it in a sentence.

    Effects: what was tapped a minute ago or longer, without reception, is audited with its time.
    Raises: NotFound for an unknown action, and as the services.
    """
    if action not in ACTIONS:
        raise NotFound
    sentence = ACTIONS[action](user, form)
    if tapped_at is not None:
        job = Assistance.objects.filter(pk=form.assistance_id).first() if form.assistance_id else None
        audit.record("tapped_without_reception", actor=user, target=job, action=action, tapped_at=tapped_at.isoformat(timespec="seconds"))
    return sentence


def _on(user: User, form: DutyForm) -> str:
    services.set_duty(actor=user, is_active=True)
    return _("You are on duty.")


def _off(user: User, form: DutyForm) -> str:
    services.set_duty(actor=user, is_active=False)
    return _("You are off duty.")


def _accept(user: User, form: DutyForm) -> str:
    services.accept(actor=user, assistance_id=form.assistance_id)
    return _("The job is yours.")


def _decline(user: User, form: DutyForm) -> str:
    services.decline(actor=user, assistance_id=form.assistance_id)
    return _("You declined.")


def _start(user: User, form: DutyForm) -> str:
    services.update_status(actor=user, assistance_id=form.assistance_id, status=lifecycle.ONGOING)
    return _("The job is under way.")


def _price(user: User, form: DutyForm) -> str:
    amount = form.amount if form.amount is not None else Decimal("NaN")
    services.set_price(actor=user, assistance_id=form.assistance_id, amount=amount)
    return _("The customer is told the price.")


def _complete(user: User, form: DutyForm) -> str:
    job = services.complete(actor=user, assistance_id=form.assistance_id, total_price=form.amount)
    return _("Completed at %(time)s.") % {"time": f"{localtime(job.ended_at):%H:%M}"}


def _release(user: User, form: DutyForm) -> str:
    services.release(actor=user, assistance_id=form.assistance_id)
    return _("The job is offered to others.")


def _say(user: User, form: DutyForm) -> str:
    services.post_chat(actor=user, assistance_id=form.assistance_id, message=form.message, client_id=form.key[:64])
    return ""


def _photo(user: User, form: DutyForm) -> str:
    services.add_photos(actor=user, assistance_id=form.assistance_id, given=form.photos, key=form.key[:64])
    return _("The photo is with the job.")


ACTIONS: dict[str, Callable[[User, DutyForm], str]] = {
    "on": _on, "off": _off, "accept": _accept, "decline": _decline, "start": _start,
    "price": _price, "complete": _complete, "release": _release, "say": _say, "photo": _photo,
}  # fmt: skip
