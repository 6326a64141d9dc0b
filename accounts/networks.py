"""The network that a request comes from, as what it did is counted: by a keyed hash, so that no row holds an address."""

from __future__ import annotations

from django.utils.crypto import salted_hmac

from depannini_dashmap.lib import context


def present_network() -> str:
    """Return the network of the request being served; nothing outside of one."""
    here = context.current()
    return context.network_of(here.address) if here.request_id else ""


def network_key(network: str) -> str:
    """Return the hash under which what a network did is counted."""
    return salted_hmac("accounts.network", network, algorithm="sha256").hexdigest() if network else ""
