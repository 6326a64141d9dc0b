"""Whose address counts behind proxies, and what it counts as."""

import logging

import pytest

from depannini_dashmap.lib.ops import request_context
from depannini_dashmap.lib.ops.request_context import client_address, network_of

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, PEER),
        ("1.1.1.1", 0, PEER),
        ("1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", 3, "1.1.1.1"),
        (" , ", 1, PEER),
    ],
)
def test_only_trusted_hops_count(forwarded: str, proxies: int, address: str) -> None:
    assert client_address(PEER, forwarded, proxies) == address


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("198.51.100.7:40001", "198.51.100.7"),
        ("198.51.100.7:_hidden", "198.51.100.7"),
        ('"198.51.100.7:40001"', "198.51.100.7"),
        ("  198.51.100.7\t", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:40001", "2001:db8::7"),
        ('"[2001:db8::7]:40001"', "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:40001", "198.51.100.7"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("64:ff9b::c633:6407", "198.51.100.7"),
        ("2001:0:c000:22d:8000:63bf:39cc:9bf8", "198.51.100.7"),
    ],
)
def test_a_caller_is_who_the_proxy_says_however_it_writes_it(entry: str, address: str) -> None:
    assert client_address(PEER, f"6.6.6.6, {entry}", 1) == address
    assert client_address(entry.strip(), "", 0) == address


@pytest.mark.parametrize(
    "entry",
    ["unknown", "_hidden", "", "-", "unix:", "for=198.51.100.7", "198.51.100", "198.51.100.7.8", "198.51.100.256", "010.0.0.7",
     "198.51.100.7:", "198.51.100.7 40001", "[198.51.100.7", "2001:db8::7::1", "[]", "[]:80", "١٩٨.51.100.7", "1" * 80, "[" + "1" * 10_000,
     "\x00", "198.51.100.7\n198.51.100.8"],
)  # fmt: skip
def test_what_cannot_be_read_counts_as_the_peer(entry: str) -> None:
    assert client_address(PEER, f"6.6.6.6, {entry}", 1) == PEER
    assert client_address("10.0.0.8", f"6.6.6.6,{entry}", 1) == "10.0.0.8"
    assert client_address("::ffff:10.0.0.9", f"6.6.6.6,{entry}", 1) == PEER


def test_a_customer_has_a_64_and_an_ipv4_address_is_one_caller() -> None:
    assert network_of("2001:db8:1:2::7") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert network_of("2001:db8:1:3::7") != network_of("2001:db8:1:2::7")
    assert (
        network_of("198.51.100.7")
        == network_of("::ffff:198.51.100.7")
        == network_of("64:ff9b::198.51.100.7")
        == "198.51.100.7"
    )
    assert network_of("198.51.100.8") != network_of("198.51.100.7")
    assert network_of("fe80::1%eth0") == network_of("fe80::2%eth1") == "fe80::"
    assert network_of("") == network_of("x" * 1000) == request_context.UNNAMED


def test_a_proxy_that_cannot_be_read_is_named_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(request_context.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(request_context, "_complained", {})

    def complaints() -> list[str]:
        caplog.clear()
        for number in range(500):
            client_address("10.0.0.9", f"unknown-{number}\n", 1)
        client_address("10.0.0.8", "unknown", 1)
        client_address("10.0.0.7", "198.51.100.7:1", 1)
        return [record.getMessage().split()[2] for record in caplog.records]

    with caplog.at_level(logging.WARNING, logger=request_context.__name__):
        assert complaints() == ["10.0.0.9", "10.0.0.8"]
        assert complaints() == []
        now[0] += request_context.COMPLAIN_EVERY
        assert complaints() == ["10.0.0.9", "10.0.0.8"]
        for number in range(1000):
            client_address(f"10.1.{number // 256}.{number % 256}", "unknown", 1)
        assert len(request_context._complained) <= request_context.MOST_PROXIES
