"""Photos of requests: made ready before anything is locked, kept with a request that is locked, and forgotten with their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import image_reencoding, private_images
from assistance import events
from assistance.models import Assistance, RequestPhoto
from assistance.photo_models import MOST_PHOTOS
from depannini_dashmap.lib.errors import InvalidData

if TYPE_CHECKING:
    from accounts.models import User

FOLDER = "requests"  # of the storage; no address serves it, only views that ask who looks
FIELD, REFUSED = "photos", "photo"  # of forms, and what a refusal is about


@dataclass(slots=True)
class StoredPhotos:
    """Photos that lie in the storage, and which of them rows name."""

    names: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@contextmanager
def stored(given: Sequence[File]) -> Iterator[StoredPhotos]:
    """Encode photos again and store them, with no lock held; files that no row names are gone again afterwards, or where the flow fails.

    Raises: InvalidData (too many, or what is no photo), Unavailable (the volume refuses).
    """
    if len(given) > MOST_PHOTOS:
        raise _too_many()
    found = StoredPhotos()
    try:
        for file in given:
            found.names.append(image_reencoding.save_photo(image_reencoding.reencode_photo(file, REFUSED), FOLDER))
        yield found
    except BaseException:
        found.kept.clear()
        raise
    finally:
        private_images.forget_files([name for name in found.names if name not in found.kept])


def keep(job: Assistance, sender: User, role: str, found: StoredPhotos, now: datetime, *, key: str = "", as_fits: bool = False) -> int:
    """Keep stored photos with a locked request and return how many are new; the same `key` again keeps none, `as_fits` no more than fit.

    Effects: `photos` to the request's room, which its pages hear, too; the office is told to look again. The version of the
    request stays.

    Raises: InvalidData where these are more than still fit.
    """
    mine = RequestPhoto.objects.filter(assistance_id=job.pk, sender_id=sender.pk)
    numbers = dict(mine.values_list("number", "key"))
    if not found.names or (key and key in numbers.values()):
        return 0
    free = [number for number in range(1, MOST_PHOTOS + 1) if number not in numbers]
    names = found.names[:len(free)] if as_fits else found.names
    if len(names) > len(free):
        raise _too_many()
    rows = [
        RequestPhoto(assistance_id=job.pk, sender_id=sender.pk, role=role, number=number, photo=name, key=key, at=now)
        for number, name in zip(free, names, strict=False)
    ]
    newest = RequestPhoto.objects.bulk_create(rows)[-1]
    found.kept += names
    told = events.photos(assistance_id=job.pk, role=role, added=len(rows), newest_id=newest.pk, seq=job.version)
    events.publish_to_room(job.pk, told)
    return len(rows)


def forget(rows: QuerySet[RequestPhoto]) -> None:
    """Delete photos: rows in this transaction, files once it is committed."""
    files = list(rows.values_list("photo", flat=True))
    rows.delete()
    transaction.on_commit(lambda: private_images.forget_files(files))


def forget_old(rows: QuerySet[RequestPhoto]) -> int:
    """Delete photos with their files, as `private_images.forget_old` does."""
    return private_images.forget_old(rows, "photo")


def _too_many() -> InvalidData:
    return InvalidData(fields={REFUSED: [format_lazy(_("At most {most} photos of yours go with a request."), most=MOST_PHOTOS)]})
