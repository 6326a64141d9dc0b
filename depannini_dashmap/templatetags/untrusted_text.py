"""For templates of mails: `{% load untrusted_text %}`, then each text that a user wrote through one of these."""

from django import template

from depannini_dashmap.lib.outbound import untrusted_text

register = template.Library()


@register.filter
def one_line(text: object) -> str:
    """Show a text on one line, with nothing to tap."""
    return untrusted_text.one_line(str(text or ""))


@register.filter
def phone_number(text: object) -> str:
    """Show a contact's number, and nothing else to tap."""
    return untrusted_text.defused_phone_number(str(text or ""))


@register.filter
def several_lines(text: object, indent: str = "") -> str:
    """Show a text on its lines, with nothing to tap; `indent` stands before each line but the first."""
    return untrusted_text.several_lines(str(text or ""), indent=indent)
