"""Keyed hash of the account or network that requests or enters codes, so that no row holds an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.crypto import salted_hmac

from accounts.networks import network_key, present_network

if TYPE_CHECKING:
    from accounts.models import User


def present_caller(user: User | None = None) -> str:
    """Return the key of the signed-in account, else that of the network which the present request comes from."""
    if user is None:
        return network_key(present_network())
    return salted_hmac("accounts.caller", str(user.pk), algorithm="sha256").hexdigest()
