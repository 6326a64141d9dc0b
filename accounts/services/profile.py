"""Changing what somebody says about themselves, and the rules of a changed e-mail, phone or username."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import image_reencoding
from accounts.models import Company, Notice, User
from accounts.services import codes
from accounts.services.registration import TAKEN
from accounts.steps import addresses
from accounts.steps.notices import send_notice
from depannini_dashmap.lib.errors import InvalidData, Unauthenticated
from depannini_dashmap.lib.ops import audit

PLAIN = ("name", "first_name", "last_name", "address", "current_lat", "current_lng")
CHANNELS = {"email": addresses.EMAIL, "phone_number": addresses.PHONE}


def change_profile(*, actor: User, user: User, **changes: Any) -> User:
    """Store what is changed of an account, by its user or by an operator, and return it as it now is.

    Shape: any of name, first_name, last_name, address, current_lat, current_lng, email, phone_number (normalised),
    username, company (a visible Company), profile_photo (an upload, or None to remove it); others are refused loudly.
    Effects: a new e-mail or phone counts at once, unproven; a code goes to the new one, a notice to the old. An address
    that another account holds unproven changes hands only when its code is entered: until then it is
    `pending_email` / `pending_phone_number` of the answer. Only changed columns are written.
    Raises: InvalidData with fields for what is taken, missing or not the user's to choose; Unauthenticated when the
    account was closed or switched off meanwhile.
    """
    photo = changes.get("profile_photo")
    stored = image_reencoding.save_photo(image_reencoding.reencode_photo(photo)) if photo else None
    try:
        with transaction.atomic():
            return _change(actor, user, changes, stored)
    except IntegrityError as error:
        _forget_photo(stored)
        taken = {name: [TAKEN[name]] for name in TAKEN if name in changes}
        if not taken:
            raise
        raise InvalidData(fields=taken) from error
    except Exception:
        _forget_photo(stored)
        raise


def _change(actor: User, user: User, changes: dict[str, Any], stored_photo: str | None) -> User:
    if "company" in changes:
        _lock_company(user, changes["company"])  # before the user, as everywhere
    account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    is_over = account.closed_at is not None or (user.is_active and not account.is_active)
    if is_over or account.token_version != user.token_version:
        raise Unauthenticated()  # a session that a reset ended meanwhile writes no new address
    written: set[str] = set()
    after: list[Callable[[], None]] = []
    for name, value in changes.items():
        if name in PLAIN:
            written |= _set(account, name, value)
        elif name in CHANNELS:
            written |= _change_address(actor, account, name, value, after)
        elif name == "username":
            written |= _change_username(account, value)
        elif name == "company":
            written |= _switch_company(account, value)
        elif name == "profile_photo":
            written |= _change_photo(account, stored_photo)
        else:
            raise TypeError(f"change_profile does not change {name}")
    if written:
        account.save(update_fields=sorted(written))
    for ask in after:  # once the address is the account's: who waits for the budget holds no place in a unique index
        ask()
    return account


def _set(account: User, name: str, value: Any) -> set[str]:
    if getattr(account, name) == value:
        return set()
    setattr(account, name, value)
    return {name}


def _change_address(
    actor: User, account: User, name: str, new: str | None, after: list[Callable[[], None]]
) -> set[str]:
    """Set an address, and add to `after` the messages to send."""
    old, channel, pending = getattr(account, name), CHANNELS[name], f"pending_{name}"
    if new == old:
        return _set(account, pending, None)
    if new is None:
        _require_another_login(account, name)
    else:
        holder = User.objects.filter(**{name: new}).exclude(pk=account.pk).first()
        if holder is not None:
            return _claim(account, name, new, holder, after)
    addresses.end_codes(account.pk, channel)
    was_proven, is_told = getattr(account, f"{channel}_verified"), not getattr(account, f"{channel}_suspended")
    addresses.change_address(account, channel, new)
    setattr(account, f"{channel}_verified", False)
    setattr(account, pending, None)
    if old and is_told:
        notify = partial(send_notice, account, Notice.Kind.ADDRESS_CHANGED, channel, old)
        after.append(partial(notify, asker=account, was_proven=was_proven))
    if new:
        ask = partial(codes.request_code, actor=account, user=account, channel=channel, purpose=codes.VERIFY, address=new)
        after.append(ask)
    audit.record("address_changed", actor=actor, target=account, channel=str(channel))
    return {name, pending, f"{channel}_verified", f"{channel}_suspended", "username"}


def _claim(account: User, name: str, new: str, holder: User, after: list[Callable[[], None]]) -> set[str]:
    """Let the user prove an address that somebody else holds unproven. Raises: InvalidData when it was proven."""
    channel = CHANNELS[name]
    if getattr(holder, f"{channel}_verified"):
        raise InvalidData(fields={name: [TAKEN[name]]})
    ask = partial(codes.request_code, actor=account, user=account, channel=channel, purpose=codes.CLAIM, address=new)
    after.append(ask)
    return _set(account, f"pending_{name}", new)


def _require_another_login(account: User, name: str) -> None:
    """Refuse to remove the address by which the user signs in."""
    has_chosen_name = "@" not in account.username and not account.username.startswith("+")
    other = account.phone_number if name == "email" else None
    if not (has_chosen_name or other):
        raise InvalidData(fields={name: ["This field may not be empty."]})


def _change_username(account: User, new: str) -> set[str]:
    """Change a chosen username; a username that follows an address stays, as the user did not choose it."""
    if account.user_type not in (User.Type.DISPATCHER, User.Type.STAFF) or new == account.username:
        return set()
    if User.objects.filter(username=new).exists():
        raise InvalidData(fields={"username": [TAKEN["username"]]})
    return _set(account, "username", new)


def _lock_company(user: User, company: Company) -> None:
    """Hold a company that the user may see. Raises: InvalidData when it is not one of theirs (any more)."""
    if not Company.objects.select_for_update(no_key=True).visible_to(user).filter(pk=company.pk).values_list("pk"):
        raise InvalidData(fields={"company_id": [_("Unknown id.")]})


def _switch_company(account: User, company: Company) -> set[str]:
    if company.pk == account.current_company_id:
        return set()
    account.current_company = company
    return {"current_company"}


def _change_photo(account: User, stored: str | None) -> set[str]:
    old = account.profile_photo.name if account.profile_photo else None
    account.profile_photo = stored
    if old:
        transaction.on_commit(lambda: image_reencoding.delete_photo(old))
    return {"profile_photo"}


def _forget_photo(stored: str | None) -> None:
    if stored:
        image_reencoding.delete_photo(stored)
