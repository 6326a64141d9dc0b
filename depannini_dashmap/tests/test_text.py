"""What people type, and numbers by their grammar."""

import unicodedata

import pytest
from django.urls import get_resolver
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from depannini_dashmap.lib.api.fields import DecimalStringField, EmailField, NumberField, StrictIntegerField, TextField
from depannini_dashmap.lib.numbers import NotANumber, read_decimal, read_float, read_integer
from depannini_dashmap.lib.text import NotAnEmail, canonical_email, clean, plain_code

INVISIBLE = ["\u200b", "\u200e", "\u202e", "\ufeff", "\u00a0", "\u3164", "\u2800", "\u115f", "\u034f", "\u00ad", "\ufe0f", "\U000e0041", "\t\n"]


@pytest.mark.parametrize("unseen", INVISIBLE)
def test_invisible_ends_go(unseen):
    assert clean(f"{unseen}{unseen}Ami{unseen}na {unseen}") == f"Ami{unseen}na"
    assert clean(unseen * 3) == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("e\u0301te\u0301", "\u00e9t\u00e9"), ("  a b ", "a b"), ("\u0301\u0301", ""), ("", ""), ("\u200fأمينة\u200f", "أمينة"),
        ("❤\ufe0f", "❤\ufe0f"), ("✓\u200b\ufe0f", "✓"), ("...", "..."), ("ok \U0001fae8", "ok \U0001fae8"), ("\U0001fae8", "\U0001fae8"), ("\U000e0fff", ""),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"), ("x\U000e0067\U000e007f", "x"), ("\x00", "\x00"), ("a\x00 ", "a\x00 "), ("\u1112\u1161\u11ab", "한"),
    ],
)  # fmt: skip
def test_clean(typed, kept):
    assert clean(typed) == kept
    assert clean(kept) == kept


@pytest.mark.parametrize("typed", ["١٢٣٤٥٦", "１２３４５６", "\u200f123-456\u200e", "12 34\u00a056", "۱۲۳۴۵۶", "१२३४५६", "123\u2013456", "\u2066123456\u2069", " 123\t456\n"])
def test_digits_of_any_script(typed):
    assert plain_code(typed) == "123456"


@pytest.mark.parametrize(
    "typed",
    ["x@bücher.example", "X@BÜCHER.example", "x@xn--bcher-kva.example", "x@XN--BCHER-KVA.EXAMPLE", "x@bu\u0308cher.example",
     "x@bücher\u3002example", '"x"@bücher.example', " x@bü\u200bcher.example\u200b", "x@ｂücher.example"],
)  # fmt: skip
def test_one_mailbox_has_one_spelling(typed):
    assert EmailField().run_validation(typed) == "x@xn--bcher-kva.example"


def test_the_domain_is_the_one_that_mail_goes_to():
    assert canonical_email("x@straße.de") == "x@xn--strae-oqa.de", "and not strasse.de, which somebody else has"
    assert canonical_email('"a b"@example.com') == '"a b"@example.com'


@pytest.mark.parametrize("typed", ["x", "@example.com", "x@", "x@xn--a.com", "x@xn--.com", "x@bü_cher.example", ""])
def test_what_is_no_email(typed):
    with pytest.raises((NotAnEmail, ValidationError)):
        EmailField().run_validation(typed)
        canonical_email(typed)


@pytest.mark.parametrize("typed", ["é\u200b@example.com", "a\u200bb@example.com", "a@b\u0000.com", "x" * 250 + "@example.com", "x" * 10**6 + "@é.com"])
def test_emails_with_what_nobody_sees_or_sends(typed):
    with pytest.raises(ValidationError):
        EmailField().run_validation(typed)


@pytest.mark.parametrize("sent", ["36.75", " 36.75 ", "+36.75", "3675e-2", 36.75, "036.75"])
def test_numbers_by_their_grammar(sent):
    assert read_float(sent) == float(read_decimal(sent)) == 36.75


NO_NUMBERS = ["3_6.75", "0x1", "", " ", "nan", "NaN", "inf", "-Infinity", "1e999999", "٣", "３", "1,5", "1 5", "--5", "5-", ".", "e5", "1e", True, False,
              None, [], {}, "1" * 5000, float("nan"), float("inf"), "1\x00", "²", "½"]  # fmt: skip


@pytest.mark.parametrize("sent", NO_NUMBERS)
def test_what_is_no_number(sent):
    for read in (read_float, read_decimal, read_integer):
        with pytest.raises(NotANumber):
            read(sent)
    for field in (NumberField(), StrictIntegerField(), DecimalStringField(max_digits=9, decimal_places=6)):
        with pytest.raises(ValidationError):
            field.run_validation(sent)


def test_whole_numbers():
    assert [read_integer(sent) for sent in (5, 5.0, "5", "5.0", " -5 ", "+5", 10**20)] == [5, 5, 5, 5, -5, 5, 10**20]
    for sent in (5.5, "5.5", "5e0"):
        with pytest.raises(NotANumber):
            read_integer(sent)


def test_texts_are_cleaned_and_bounded_before_they_are_read():
    assert TextField(max_length=3).run_validation("\u200be\u0301té\u200b") == "été"
    for typed in ("\u3164", "abcd", "\u0301" * 5, "a" + "\u0315\u0300" * 10**6):
        with pytest.raises(ValidationError):
            TextField(max_length=3).run_validation(typed)
    assert TextField(allow_blank=True).run_validation("\u200b") == ""
    assert unicodedata.is_normalized("NFC", TextField().run_validation("a" + "\u0315\u0300" * 9))


def test_every_field_that_people_fill_in_is_of_this_house():
    """DRF's own fields take what Python's converters take, and keep what nobody sees."""
    get_resolver().url_patterns  # imports every view, and so every serializer
    plain = {serializers.CharField, serializers.EmailField, serializers.IntegerField, serializers.FloatField, serializers.DecimalField}
    known, waiting = set(), [serializers.Serializer]
    while waiting:
        waiting += (found := set(waiting.pop().__subclasses__()) - known)
        known |= found
    wrong = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in known
        if not form.__module__.startswith(("rest_framework", "drf_spectacular"))
        for name, field in form._declared_fields.items()
        if type(field) in plain and not field.read_only
        if {"max_length", "min_value", "max_value", "required", "allow_blank", "trim_whitespace"} & set(field._kwargs)
        if name not in ("token", "refresh", "client_id")
    ]
    assert wrong == []
