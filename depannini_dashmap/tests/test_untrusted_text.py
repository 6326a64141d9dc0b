"""What users write, inside mails and SMS: the same letters, and nothing that a program makes a link of."""

import re

import pytest

from depannini_dashmap.lib.outbound.untrusted_text import GAP, one_line, several_lines

# What mail programs take for an address: a scheme, a domain, a mailbox, or seven digits that could be dialled.
LIVE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=[^\s\u200b])|//|\\\\|[^\s\u200b]@[^\s\u200b]|[\w-]+[.\u3002\uff0e\uff61][^\W\d_]|\d(?:[ ().-]?\d){6}")


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example/pay", "HTTPS:\\\\evil.com", "hxxp://evil.com", "evil.com", "www.evil.com", "paypal.com.evil.ru/x",
        "pay@evil.com", "mailto:pay@evil.com", "javascript:alert(1)", "tel:+33899123456", "intent://x#Intent", "evil。com", "evil．com",
        "مثال.إختبار", "xn--80ak6aa92e.com", "1.2.3.4/login", "//evil.com", "+33 899 12 34 56", "0899-123-456", "(0899) 123456",
        "e\u200bvil.c\u200bom", "evil\u202e.com", "evil.\u2060com", "x" * 190 + " evil.com/now",
    ],
)  # fmt: skip
def test_nothing_is_live(text):
    for shown in (one_line(text), several_lines(f"first\n{text}")):
        assert not LIVE.search(shown), shown
    readable = one_line(text).replace(GAP, "")
    assert readable.rstrip("…") in re.sub("[\u200b\u202e\u2060]", "", text)


@pytest.mark.parametrize("text", ["Quai 3, 06:00 à 18:30", "48.759, 2.352", "2.50 t", "Étage 2. Sonner", "السلام عليكم", "می‌خواهم", "16-123 / 42", "👨‍👩‍👧 ok"])
def test_plain_words_stay_as_they_are(text):
    assert one_line(text) == several_lines(text) == text


def test_a_line_is_one_line_and_bounded():
    assert one_line("a\r\nBcc: b\u2028c\x85d\x0be\tf\x00") == "a Bcc: b c d e f"
    assert one_line("x" * 5000) == "x" * 199 + "…"
    assert one_line(" \u200b\u202e ") == ""


def test_lines_stay_lines_behind_their_indent():
    assert several_lines("a\r\n\r\nb\u2028c", indent="   | ") == "a\n   | b\n   | c"
    assert len(several_lines("x\n" * 5000).split("\n")) == 31
    assert len(several_lines("y" * 5000)) == 1000
