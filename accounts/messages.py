"""What goes out by e-mail and SMS, and in which words; when it goes belongs to the tasks."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Notice, VerificationCode
from depannini_dashmap.lib.sms import send_sms

_CODE_SUBJECTS = {
    VerificationCode.Purpose.VERIFY: "Your verification code",
    VerificationCode.Purpose.RESET: "Your password reset code",
}
_CODE_SMS = {
    VerificationCode.Purpose.VERIFY: "Your verification code is {code}. It counts for {minutes} minutes.",
    VerificationCode.Purpose.RESET: "Your password reset code is {code}. It counts for {minutes} minutes.",
}
_NOTICES = {
    Notice.Kind.ADDRESS_CHANGED: "The {thing} of your account was changed. If this was not you, contact support.",
    Notice.Kind.ADDRESS_TAKEN: "Somebody proved that the {thing} of your account is theirs; your account has lost it.",
    Notice.Kind.PASSWORD_CHANGED: "The password of your account was changed. If this was not you, contact support.",
}
_NOTICE_SUBJECTS = {
    Notice.Kind.ADDRESS_CHANGED: "Your account has a new address",
    Notice.Kind.ADDRESS_TAKEN: "Your account has lost an address",
    Notice.Kind.PASSWORD_CHANGED: "Your password was changed",
}


def send_code(channel: str, address: str, purpose: str, code: str, minutes: int) -> None:
    """Send a code. Raises: whatever the mail server or the SMS backend raises."""
    if channel == VerificationCode.Channel.PHONE:
        send_sms(address, _CODE_SMS[purpose].format(code=code, minutes=minutes))
        return
    context = {"code": code, "minutes": minutes, "subject": _CODE_SUBJECTS[purpose]}
    _send_mail(address, f"code_{purpose}", context)


def send_notice(channel: str, address: str, kind: str) -> None:
    """Send a notice. Raises: whatever the mail server or the SMS backend raises."""
    thing = "e-mail address" if channel == VerificationCode.Channel.EMAIL else "phone number"
    text = _NOTICES[kind].format(thing=thing)
    if channel == VerificationCode.Channel.PHONE:
        send_sms(address, text)
        return
    _send_mail(address, "notice", {"text": text, "subject": _NOTICE_SUBJECTS[kind]})


def _send_mail(address: str, template: str, context: dict) -> None:
    text = render_to_string(f"emails/{template}.txt", context)
    message = EmailMultiAlternatives(context["subject"], text, to=[address])
    message.attach_alternative(render_to_string(f"emails/{template}.html", context), "text/html")
    message.send()
