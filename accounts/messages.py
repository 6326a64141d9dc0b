"""Texts and sending of e-mails and SMS; when they are sent belongs to the tasks."""

from __future__ import annotations

from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language, get_language_bidi, gettext, override

from accounts.models import Invitation, InvitationLink, Notice, VerificationCode
from depannini_dashmap.lib.ops.metrics import MESSAGES_SENT
from depannini_dashmap.lib.outbound import mail
from depannini_dashmap.lib.outbound.sms import send_sms
from depannini_dashmap.lib.outbound.untrusted_text import one_line

_MAIL_PATIENCE = 10.0  # seconds: a mail server that drips must not hold the worker, which has waves to send
_CODE_SUBJECTS = {
    VerificationCode.Purpose.VERIFY: "Your verification code",
    VerificationCode.Purpose.RESET: "Your password reset code",
    VerificationCode.Purpose.CLAIM: "Somebody asks to use this address",
}
_CODE_SMS = {
    VerificationCode.Purpose.VERIFY: "Your verification code is {code}. It counts for {minutes} minutes.",
    VerificationCode.Purpose.RESET: "Your password reset code is {code}. It counts for {minutes} minutes.",
    VerificationCode.Purpose.HELP: "Your code to ask for help on the road is {code}. It counts for {minutes} minutes. If you asked for nothing, give it to nobody.",
    VerificationCode.Purpose.SIGN_IN: "Your sign-in code is {code}. It counts for {minutes} minutes. Give it to nobody: it opens your page without the password.",
    VerificationCode.Purpose.CLAIM: "Somebody asks to use this number for another account. Only if that is you: the code is {code}"
    " and counts for {minutes} minutes. Give it to nobody.",
}
_NOTICES = {
    Notice.Kind.ADDRESS_CHANGED: "The {thing} of your account was changed. If this was not you, contact support.",
    Notice.Kind.ADDRESS_TAKEN: "Somebody proved that the {thing} of your account is theirs; your account has lost it.",
    Notice.Kind.GUESSED_AT: "Somebody has tried wrong passwords of your account from many places. Nobody got in by that;"
    " a long password that you use nowhere else keeps it so.",
    Notice.Kind.PASSWORD_CHANGED: "The password of your account was changed. If this was not you, contact support.",
}
_NOTICE_SUBJECTS = {
    Notice.Kind.ADDRESS_CHANGED: "Your account has a new address",
    Notice.Kind.ADDRESS_TAKEN: "Your account has lost an address",
    Notice.Kind.GUESSED_AT: "Somebody guesses at your password",
    Notice.Kind.PASSWORD_CHANGED: "Your password was changed",
}


def send_code(channel: str, address: str, purpose: str, code: str, minutes: int) -> None:
    """Send a code. Raises: what the mail server or the SMS backend raises."""
    if channel == VerificationCode.Channel.PHONE:
        send_sms(address, _CODE_SMS[purpose].format(code=code, minutes=minutes))
    else:
        context = {"code": code, "minutes": minutes, "subject": _CODE_SUBJECTS[purpose]}
        _send_mail(address, f"code_{purpose}", context)
    MESSAGES_SENT.labels("code", channel).inc()


def send_notice(channel: str, address: str, kind: str, *, key: str) -> None:
    """Send a notice; its key, unique for ever, gives each try the same Message-ID. Raises: as `send_code`."""
    thing = "e-mail address" if channel == VerificationCode.Channel.EMAIL else "phone number"
    text = _NOTICES[kind].format(thing=thing)
    if channel == VerificationCode.Channel.PHONE:
        send_sms(address, text)
    else:
        context = {"text": text, "subject": _NOTICE_SUBJECTS[kind]}
        _send_mail(address, "notice", context, _message_id(f"notice-{key}"))
    MESSAGES_SENT.labels("notice", channel).inc()


def send_invitation(invitation: Invitation, address: str, *, link: InvitationLink | None = None, url: str = "") -> None:
    """Send an invitation to a company, with the address of the page of a `link` in its language. Raises: as `send_code`."""
    with override(link.language if link else settings.LANGUAGE_CODE):
        context = {
            "subject": gettext("A company invites you"),
            "company": one_line(invitation.company.name),
            "inviter": one_line(invitation.invited_by.display_name if invitation.invited_by else ""),
            "role": str(invitation.get_role_display()).lower(),
            "day": f"{invitation.expires_at:%Y-%m-%d}",
            "url": url,
            "language": get_language(),
            "direction": "rtl" if get_language_bidi() else "ltr",
        }
        key = f"invitation-{invitation.pk}-{invitation.created_at:%Y%m%d%H%M%S%f}"  # after a restore a number comes again
        _send_mail(address, "invitation", context, _message_id(f"{key}-{link.pk}" if link else key))
    MESSAGES_SENT.labels("invitation", "email").inc()


def _message_id(key: str) -> dict[str, str]:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return {"Message-ID": f"<{key}@{domain}>"}


def _send_mail(address: str, template: str, context: dict, headers: dict[str, str] | None = None) -> None:
    text = render_to_string(f"emails/{template}.txt", context)
    message = EmailMultiAlternatives(context["subject"], text, to=[address], headers=headers)
    message.attach_alternative(render_to_string(f"emails/{template}.html", context), "text/html")
    mail.deliver(message, limit=_MAIL_PATIENCE)
