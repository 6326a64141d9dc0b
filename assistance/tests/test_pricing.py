from decimal import Decimal

import pytest

from assistance.pricing import Rates, kilometres, money, price


@pytest.mark.parametrize(
    ("rates", "distance", "expected"),
    [
        (Rates(Decimal(2000), Decimal(100)), "0", "2000.00"),
        (Rates(Decimal(2000), Decimal(100)), "12.345", "3234.50"),
        (Rates(Decimal("0.01"), Decimal("0.005")), "1", "0.02"),
        (Rates(Decimal(0), Decimal("1.115")), "1", "1.12"),
        (Rates(Decimal(100), Decimal(10), Decimal(500)), "1", "500.00"),
        (Rates(Decimal(100), Decimal(10), Decimal(500)), "100", "1100.00"),
    ],
)
def test_price_is_base_plus_distance_and_at_least_the_minimum(rates: Rates, distance: str, expected: str) -> None:
    assert str(price(rates, Decimal(distance))) == expected


def test_halves_are_rounded_up() -> None:
    assert money(Decimal("2.675")) == Decimal("2.68")
    assert kilometres(1.0005) == Decimal("1.001")


def test_tiny_and_huge_distances_have_no_exponent() -> None:
    assert str(kilometres(1e-9)) == "0.000"
    assert str(kilometres(20015.0868)) == "20015.087"
