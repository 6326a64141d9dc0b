"""Photos: whatever comes in is decoded and written anew, so that only pixels remain."""

from __future__ import annotations

import io
import secrets
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from depannini_dashmap.lib.errors import InvalidData, Unavailable

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
MAX_PIXELS = 4096 * 4096  # 4 bytes each while a picture is decoded, twice that while it shrinks
MAX_JPEG_PIXELS = 50_000_000  # the decoder halves these until the longer side is under 4096
MAX_SIDE = 2048
PUBLIC = "photos"
_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
# One picture at a time, and in one thread: every thread that has decoded one keeps some of the memory.
_decoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")


class _Refused(Exception):
    """The picture is not taken; says why."""


def reencode_photo(upload: File, field: str = "profile_photo") -> ContentFile:
    """Return a fresh JPEG, PNG or WebP of the same picture under a random name: no metadata, at most 2048 px a side.

    Raises: InvalidData, of `field`, when it is none of these by content, over 5 MB or of too many pixels.
    """
    try:
        if upload.size > settings.PHOTO_MAX_BYTES:
            raise _Refused(format_lazy(_("The photo may have at most {size} MB."), size=settings.PHOTO_MAX_BYTES // 1024 // 1024))
        return _decoder.submit(_reencoded, upload).result()
    except _Refused as refusal:
        raise InvalidData(fields={field: [refusal.args[0]]}) from refusal
    except Exception as error:  # whatever a decoder raises, the picture is at fault
        raise InvalidData(fields={field: [_why_unreadable(upload)]}) from error


def _why_unreadable(upload: File) -> StrOrPromise:
    """Say what to do; phones keep photos in a format that browsers do not show."""
    upload.seek(0)
    head = upload.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return _("HEIC photos cannot be shown everywhere: set the camera to JPEG (most compatible) and take it again.")
    return _("Send a JPEG, PNG or WebP picture.")


def _reencoded(upload: File) -> ContentFile:
    from PIL import Image, ImageOps  # 3 MB for who takes pictures

    upload.seek(0)
    with Image.open(upload, formats=list(FORMATS)) as image:
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # several JPEGs, of which the first is the photo
        # A progressive one is kept whole by the decoder, however small it comes out.
        shrinks_while_read = kind == "JPEG" and "progressive" not in image.info
        if image.width * image.height > (MAX_JPEG_PIXELS if shrinks_while_read else MAX_PIXELS):
            raise _Refused(_("The picture has too many pixels."))
        if shrinks_while_read:
            share = MAX_SIDE / max(image.size)
            image.draft(None, (max(1, int(image.width * share)), max(1, int(image.height * share))))
        image.load()
        is_keyed = "transparency" in image.info
        has_alpha = kind != "JPEG" and (image.mode in {"RGBA", "LA", "PA"} or is_keyed)
        mode = "RGBA" if has_alpha else "RGB"
        can_shrink_first = image.mode in {"L", "LA", "RGB", "RGBA", "CMYK"} and not is_keyed
        picture = image if can_shrink_first else image.convert(mode)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        ImageOps.exif_transpose(picture, in_place=True)
        picture = picture.convert(mode)
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    out = io.BytesIO()
    clean.save(out, kind, quality=85)
    return ContentFile(out.getvalue(), name=f"{secrets.token_hex(16)}.{FORMATS[kind]}")


def save_photo(photo: ContentFile, folder: str = PUBLIC) -> str:
    """Write a re-encoded photo and return its name in the storage; only those of the folder PUBLIC are shown to everybody.

    Raises: Unavailable when the volume refuses.
    """
    try:
        return default_storage.save(f"{folder}/{photo.name}", photo)
    except OSError as error:
        raise Unavailable("Photos cannot be stored now", code="storage_unavailable") from error


def delete_photo(name: str) -> None:
    """Delete a photo; if that fails it stays behind under its random name, which nobody knows."""
    try:
        default_storage.delete(name)
    except OSError:
        pass
