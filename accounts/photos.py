"""Profile photos: whatever comes in is decoded and written anew, so that only pixels remain."""

from __future__ import annotations

import io
import secrets

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from depannini_dashmap.lib.errors import InvalidData, Unavailable

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
MAX_PIXELS = 50_000_000
MAX_SIDE = 2048


def reencode_photo(upload: File) -> ContentFile:
    """Return a fresh JPEG, PNG or WebP of the same picture under a random name: no metadata, at most 2048 px a side.

    Raises: InvalidData when it is none of these by content, over 5 MB or of too many pixels.
    """
    if upload.size > settings.PHOTO_MAX_BYTES:
        raise _refused(f"The photo may have at most {settings.PHOTO_MAX_BYTES // 1024 // 1024} MB.")
    try:
        return _reencoded(upload)
    except InvalidData:
        raise
    except Exception as error:  # whatever a decoder raises, the picture is at fault
        raise _refused("Send a JPEG, PNG or WebP picture.") from error


def _reencoded(upload: File) -> ContentFile:
    upload.seek(0)
    with Image.open(upload, formats=list(FORMATS)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _refused("The picture has too many pixels.")
        kind = str(image.format)
        if kind == "JPEG":
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        picture = ImageOps.exif_transpose(image)
        has_alpha = kind != "JPEG" and (picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info)
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    out = io.BytesIO()
    clean.save(out, kind, quality=85)
    return ContentFile(out.getvalue(), name=f"{secrets.token_hex(16)}.{FORMATS[kind]}")


def save_photo(photo: ContentFile) -> str:
    """Write a re-encoded photo and return its name in the storage. Raises: Unavailable when the volume refuses."""
    try:
        return default_storage.save(f"photos/{photo.name}", photo)
    except OSError as error:
        raise Unavailable("Photos cannot be stored now", code="storage_unavailable") from error


def delete_photo(name: str) -> None:
    """Delete a photo; one that cannot be deleted now is left to nobody's knowledge: its name is random."""
    try:
        default_storage.delete(name)
    except OSError:
        pass


def _refused(sentence: str) -> InvalidData:
    return InvalidData(fields={"profile_photo": [sentence]})
