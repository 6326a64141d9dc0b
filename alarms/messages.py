"""Texts and sending of messages about alarms; when they are sent belongs to the services."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext, ngettext, override

from accounts.models import User
from alarms.failed_messages import words_of
from alarms.models import Alarm, AlarmWatch
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import mail
from depannini_dashmap.lib.outbound.sms import send_sms
from depannini_dashmap.lib.outbound.untrusted_text import one_line

MOST_NAMED = 3
_LONGEST_NAME = 40
_PATIENCE = 10.0  # seconds


def address_of(user: User, channel: str) -> str | None:
    """Return the proven address of a user for a channel; None where there is none."""
    if channel == AlarmWatch.Channel.PHONE:
        return user.phone_number if user.phone_verified else None
    return user.email if user.email_verified and not user.email_suspended else None


def send(watch: AlarmWatch, address: str, alarms: Sequence[Alarm]) -> None:
    """Tell of alarms in one message, in the language of the watch. Raises: MailFailed, SmsError."""
    with override(watch.language):
        text = compose(watch, alarms)
        subject = ngettext("%(n)d alarm that nobody takes care of", "%(n)d alarms that nobody takes care of", len(alarms)) % {"n": len(alarms)}
        html = render_to_string("emails/notice.html", {"text": text, "subject": subject})
    if watch.channel == AlarmWatch.Channel.PHONE:
        send_sms(address, text)
    else:
        message = EmailMultiAlternatives(subject, text, to=[address], headers={"Auto-Submitted": "auto-generated"})
        message.attach_alternative(html, "text/html")
        mail.deliver(message, limit=_PATIENCE)
    MESSAGES_SENT.labels("alarm", watch.channel).inc()


def compose(watch: AlarmWatch, alarms: Sequence[Alarm]) -> str:
    """Return the text: how many, the first ones by name, and where to take care of them."""
    named = [f"{one_line(_name_of(alarm), _LONGEST_NAME)} ({alarm.get_kind_display()})" for alarm in alarms[:MOST_NAMED]]
    if len(alarms) > MOST_NAMED:
        named.append(f"+{len(alarms) - MOST_NAMED}")
    words = {"minutes": watch.after_minutes, "names": listed(named), "url": settings.BASE_URL.rstrip("/") + reverse("admin:alarms")}
    return gettext("For %(minutes)d minutes nobody has taken care of: %(names)s. %(url)s") % words


def _name_of(alarm: Alarm) -> str:
    return str(words_of(alarm.name)) if alarm.kind == Alarm.Kind.FAILED_MESSAGE else alarm.name
