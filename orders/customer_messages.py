"""What customers are sent: the link to their order, by SMS or mail, in their language. It decides nothing and stores nothing."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language, get_language_bidi, gettext, override

from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import mail
from depannini_dashmap.lib.outbound.sms import send_sms
from depannini_dashmap.lib.outbound.untrusted_text import one_line
from orders.models import OrderLink

PATIENCE = 10.0  # seconds
_LONGEST_NAME = 40  # of a company in an SMS, which costs by its length


def send_link(link: OrderLink, address: str, url: str) -> None:
    """Send a customer the address of their page. Raises: whatever the mail server or the SMS backend raises."""
    with override(link.language or settings.LANGUAGE_CODE):
        if link.channel == OrderLink.Channel.SMS:
            send_sms(address, _text(link, url))
        else:
            mail.deliver(_mail(link, address, url), limit=PATIENCE)
    MESSAGES_SENT.labels("customer", "phone" if link.channel == OrderLink.Channel.SMS else "email").inc()


def _text(link: OrderLink, url: str) -> str:
    words = gettext("%(company)s: follow your delivery %(number)s: %(url)s")
    return words % {"company": one_line(link.order.company.name, _LONGEST_NAME), "number": link.order.order_number, "url": url}


def _mail(link: OrderLink, address: str, url: str) -> EmailMultiAlternatives:
    order = link.order
    context = {
        "subject": gettext("Your delivery %(number)s") % {"number": order.order_number},
        "company": one_line(order.company.name),
        "order": order,
        "url": url,
        "language": get_language(),
        "direction": "rtl" if get_language_bidi() else "ltr",
    }
    text = render_to_string("orders/link_mail.txt", context)
    message = EmailMultiAlternatives(context["subject"], text, to=[address], headers={"Auto-Submitted": "auto-generated"})
    message.attach_alternative(render_to_string("orders/link_mail.html", context), "text/html")
    return message
