"""One number, one spelling (A03)."""

import pytest

from accounts.phones import NotAPhoneNumber, normalise_phone


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+213555123456", "+213555123456"),
        ("00213555123456", "+213555123456"),
        ("0555123456", "+213555123456"),
        ("0555\u00a012\u200b34-56", "+213555123456"),
        ("+2130555123456", "+213555123456"),
        ("٠٥٥٥١٢٣٤٥٦", "+213555123456"),
        ("＋213555123456", "+213555123456"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+99955512345678", "+99955512345678"),
        ("00999555123456", "+999555123456"),
    ],
)
def test_taken(typed, stored):
    assert normalise_phone(typed) == stored
    assert normalise_phone(stored) == stored


@pytest.mark.parametrize(
    "typed", ["", "abc", "12", "0555 ext 3", "+", "+1234567", "+1234567890123456", "0" * 30, "+-+1"]
)
def test_refused(typed):
    with pytest.raises(NotAPhoneNumber):
        normalise_phone(typed)


def test_the_region_is_a_setting(settings):
    settings.PHONE_DEFAULT_REGION = "FR"
    assert normalise_phone("0612345678") == "+33612345678"
