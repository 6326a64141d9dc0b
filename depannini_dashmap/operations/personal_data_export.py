"""The data about one person, gathered from every table that names them: for `export_person`.

Tables are found by their foreign keys to the user, so that a new one is exported without being listed here.
"""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q

from accounts.models import Invitation, User, normalise_email
from accounts.phones import normalise_phone
from assistance.models import RequestPhoto
from depannini_dashmap.models import AuditEvent

# Hashes and keys are useless to the person, and useful to a thief of the file.
SECRET_COLUMNS = {"password", "code_hash", "token_hash", "address_key", "digest", "token_key", "body_digest", "answer", "key", "jti", "google_sub", "get_data", "post_data", "session_hash", "token", "p256dh", "auth", "session"}
# Working rows without content of their own, and files about a company's customers that are kept for days.
LEFT_OUT = {"accounts.EndedToken", "accounts.RefreshFamily", "depannini_dashmap.IdempotentRequest", "depannini_dashmap.SheetImport"}


class UnknownPerson(Exception):
    """No account answers to that name."""


def find_person(who: str) -> User:
    """Find an account by id, username, e-mail or phone. Raises: UnknownPerson."""
    query = Q(username=who) | Q(email=normalise_email(who))
    try:
        query |= Q(phone_number=normalise_phone(who)) | Q(caller_phone=normalise_phone(who))
    except ValueError:
        pass
    if who.isdigit():
        query |= Q(pk=int(who))
    found = list(get_user_model().objects.filter(query)[:2])
    if len(found) != 1:
        raise UnknownPerson(f"{'No' if not found else 'More than one'} account answers to {who}")
    return found[0]


def gather(user: User) -> dict[str, list[dict[str, Any]]]:
    """Return every row about the person, by table."""
    found = {"accounts.User": [_columns(user)]}
    for model in apps.get_models():
        label = model._meta.label
        links = [
            field.name
            for field in model._meta.concrete_fields
            if field.related_model is get_user_model() and label not in LEFT_OUT
        ]
        if not links:
            continue
        query = Q()
        for link in links:
            query |= Q(**{link: user.pk})
        rows = [_columns(row) for row in model._base_manager.filter(query).order_by("pk")]
        if rows:
            found[label] = rows
    invitations = Invitation.objects.addressed_to(user)  # those by e-mail name no account yet
    if invitations:
        sent = Invitation.objects.filter(invited_by=user)
        found["accounts.Invitation"] = [_columns(row) for row in (invitations | sent).order_by("pk")]
    names = {user.username, user.phone_number, user.email} - {None, ""}  # what sign-ins are tried with
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        tried = [_columns(row) for row in model.objects.filter(username__in=names).order_by("pk")]
        if tried:
            found[model._meta.label] = tried
    events = AuditEvent.objects.filter(Q(actor_id=user.pk) | Q(target_type="accounts.user", target_id=str(user.pk)))
    if events:
        found["depannini_dashmap.AuditEvent"] = [_columns(row) for row in events.order_by("pk")]
    return found


def _columns(row: Model) -> dict[str, Any]:
    return {
        field.attname: field.value_to_string(row) if field.get_internal_type() == "FileField" else getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in SECRET_COLUMNS
    }


def export(user: User, target: Path) -> Path:
    """Write everything about the person, their photo, and the photos that they added to requests, into a zip file that only its owner may read."""
    document = {"exported_at": datetime.now(UTC).isoformat(timespec="seconds"), "data": gather(user)}
    target.touch(mode=0o600, exist_ok=False)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1))
        name = user.profile_photo.name if user.profile_photo else None
        if name and user.profile_photo.storage.exists(name):
            with user.profile_photo.open("rb") as photo:
                archive.writestr(f"photo{Path(name).suffix}", photo.read())
        for pk, name in RequestPhoto.objects.filter(sender=user).order_by("pk").values_list("pk", "photo"):
            if default_storage.exists(name):
                with default_storage.open(name) as photo:
                    archive.writestr(f"requests/{pk}{Path(name).suffix}", photo.read())
    return target
