"""Whose address counts behind proxies."""

import pytest

from depannini_dashmap.lib.context import client_address


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "10.0.0.9"),
        ("1.1.1.1", 0, "10.0.0.9"),
        ("1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", 3, "1.1.1.1"),
        (" , ", 1, "10.0.0.9"),
    ],
)
def test_only_trusted_hops_count(forwarded, proxies, address):
    assert client_address("10.0.0.9", forwarded, proxies) == address
