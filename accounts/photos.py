"""Profile photos: each upload is decoded and encoded again, so that only pixels remain."""

from __future__ import annotations

import io
import secrets
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from depannini_dashmap.lib.errors import InvalidData, Unavailable

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
MAX_PIXELS = 4096 * 4096  # 4 bytes each while a picture is decoded, twice that while it shrinks
MAX_JPEG_PIXELS = 50_000_000  # the decoder halves these until the longer side is under 4096
MAX_SIDE = 2048
# One picture at a time, and in one thread: every thread that has decoded one keeps some of the memory.
_decoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")


def reencode_photo(upload: File) -> ContentFile:
    """Return a fresh JPEG, PNG or WebP of the same picture under a random name: no metadata, at most 2048 px a side.

    Raises: InvalidData when it is none of these by content, over 5 MB or of too many pixels.
    """
    if upload.size > settings.PHOTO_MAX_BYTES:
        raise _refused(f"The photo may have at most {settings.PHOTO_MAX_BYTES // 1024 // 1024} MB.")
    try:
        return _decoder.submit(_reencoded, upload).result()
    except InvalidData:
        raise
    except Exception as error:  # any exception of a decoder means a broken picture
        raise _refused("Send a JPEG, PNG or WebP picture.") from error


def _reencoded(upload: File) -> ContentFile:
    upload.seek(0)
    with Image.open(upload, formats=list(FORMATS)) as image:
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # several JPEGs, of which the first is the photo
        # A progressive one is kept whole by the decoder, however small it comes out.
        shrinks_while_read = kind == "JPEG" and "progressive" not in image.info
        if image.width * image.height > (MAX_JPEG_PIXELS if shrinks_while_read else MAX_PIXELS):
            raise _refused("The picture has too many pixels.")
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


def save_photo(photo: ContentFile) -> str:
    """Write a re-encoded photo and return its name in the storage. Raises: Unavailable when the volume refuses."""
    try:
        return default_storage.save(f"photos/{photo.name}", photo)
    except OSError as error:
        raise Unavailable("Photos cannot be stored now", code="storage_unavailable") from error


def delete_photo(name: str) -> None:
    """Delete a photo; if that fails it stays behind under its random name, which nobody knows."""
    try:
        default_storage.delete(name)
    except OSError:
        pass


def _refused(sentence: str) -> InvalidData:
    return InvalidData(fields={"profile_photo": [sentence]})
