"""Keyed hashes of addresses and codes: equal ones can be found, none can be read back without the SECRET_KEY."""

import unicodedata

from django.utils.crypto import constant_time_compare, salted_hmac


def address_key(channel: str, address: str) -> str:
    """Return the hash under which codes for an address are found."""
    return salted_hmac("accounts.address", f"{channel}:{address}", algorithm="sha256").hexdigest()


def device_key(kind: str, token: str) -> str:
    """Return the hash that names a device, of which each has one row."""
    return salted_hmac("accounts.push", f"{kind}:{token}", algorithm="sha256").hexdigest()


def name_key(name: str) -> str:
    """Return the hash under which failed sign-ins of a name are counted, whether or not an account has it."""
    return salted_hmac("accounts.name", name, algorithm="sha256").hexdigest()


def code_hash(code_id: int, code: str) -> str:
    """Return the hash of a code; its row's id makes equal codes differ."""
    return salted_hmac("accounts.code", f"{code_id}:{code}", algorithm="sha256").hexdigest()


def is_code(code_id: int, code: str, hashed: str) -> bool:
    """Compare a typed code with a stored hash in constant time."""
    return bool(hashed) and constant_time_compare(code_hash(code_id, code), hashed)


def spellings(password: str) -> list[str]:
    """Return a password as it was typed and in NFC, the latter last; one alone where they are the same."""
    return list(dict.fromkeys([password, unicodedata.normalize("NFC", password)]))
