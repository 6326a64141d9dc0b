"""Proofs of delivery: pictures made ready before anything is locked, and what is kept of them with a stop."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import image_reencoding, private_images
from accounts.private_images import forget_files
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.text import clean
from trips.models import StopProof, TripStop

FOLDER = "proofs"  # of the storage; no address serves it, only views that ask who looks
LONGEST_NAME, LONGEST_NOTE = 100, 500
KINDS = ("photo", "signature")
_SIGNATURE = "data:image/png;base64,"
_LONGEST_SIGNATURE = 400_000  # letters of base64


@dataclass(frozen=True, slots=True)
class GivenProof:
    """The input of a proof; each part may be missing."""

    photo: File | None = None
    signature: str = ""  # a PNG as a data: URL, as the page draws it
    receiver: str = ""
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it shows nothing."""
        return not (self.photo or self.signature or self.receiver.strip() or self.note.strip())


@dataclass(slots=True)
class StoredProof:
    """The columns of a proof whose pictures lie in the storage, and whether a row names them."""

    columns: dict[str, str] = field(default_factory=dict)
    is_kept: bool = False


@contextmanager
def stored(given: GivenProof | None) -> Iterator[StoredProof]:
    """Encode the pictures again and return the parts of a proof; the files are gone again where the flow fails or keeps none.

    Raises: InvalidData (an invalid picture, too long a text), Unavailable (the volume refuses).
    """
    found = StoredProof()
    try:
        if given is not None:
            _store(given, found.columns)
        yield found
    except BaseException:
        found.is_kept = False
        raise
    finally:
        if not found.is_kept:
            forget_files([found.columns[name] for name in KINDS if name in found.columns])


def _store(given: GivenProof, columns: dict[str, str]) -> None:
    for name, text, longest in (("receiver", given.receiver, LONGEST_NAME), ("note", given.note, LONGEST_NOTE)):
        if text := clean(text):
            if len(text) > longest:
                raise InvalidData(fields={name: [_("This is too long.")]})
            columns[name] = text
    for name, picture in {"photo": given.photo, "signature": _drawn(given.signature)}.items():
        if picture is not None:
            columns[name] = image_reencoding.save_photo(image_reencoding.reencode_photo(picture, name), FOLDER)


def keep_proof(row: TripStop, found: StoredProof, at: dt.datetime) -> None:
    """Keep a proof with a stop of a (locked) trip; given parts replace earlier ones, the rest stays."""
    if not found.columns:
        return
    before = StopProof.objects.filter(trip_stop=row).first()
    StopProof.objects.update_or_create(trip_stop=row, defaults={**found.columns, "at": at})
    found.is_kept = True
    if before:
        replaced = [getattr(before, name) for name in KINDS if name in found.columns and getattr(before, name)]
        transaction.on_commit(lambda: forget_files(replaced))


def forget_proofs(rows: Any) -> None:
    """Take back the proofs of stops: rows in this transaction, files once it is committed. `rows` is what `trip_stop__in` takes."""
    proofs = StopProof.objects.filter(trip_stop__in=rows)
    files = [name for pair in proofs.values_list(*KINDS) for name in pair if name]
    proofs.delete()
    transaction.on_commit(lambda: forget_files(files))


def forget_old(proofs: QuerySet[StopProof]) -> int:
    """Delete proofs with their files, as `private_images.forget_old` does."""
    return private_images.forget_old(proofs, *KINDS)


def picture_name(proof: StopProof | None, kind: str) -> str:
    """Return the file of a picture of a proof; nothing where there is none."""
    return getattr(proof, kind, "") if kind in KINDS else ""


def _drawn(signature: str) -> File | None:
    if not signature:
        return None
    try:
        if not signature.startswith(_SIGNATURE) or len(signature) > _LONGEST_SIGNATURE:
            raise ValueError
        return ContentFile(base64.b64decode(signature.removeprefix(_SIGNATURE), validate=True), name="signature.png")
    except (binascii.Error, ValueError) as error:
        raise InvalidData(fields={"signature": [_("The signature could not be read. Let it be drawn again.")]}) from error
