"""Photos: only pixels survive (J01, I10)."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts import photos
from depannini_dashmap.lib.errors import InvalidData, Unavailable


def picture(kind="JPEG", size=(40, 20), mode="RGB", **options):
    """The bytes of a picture."""
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(out, kind, **options)
    return out.getvalue()


def upload(content, name="photo.jpg"):
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize(("kind", "ending"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_accepted_by_content_under_a_random_name(kind, ending):
    clean = photos.reencode_photo(upload(picture(kind), "../../x" * 50 + ".svg"))
    assert re.fullmatch(rf"[0-9a-f]{{32}}\.{ending}", clean.name)
    with Image.open(clean) as image:
        assert (image.format, image.size) == (kind, (40, 20))


def test_metadata_is_gone_and_the_picture_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (36.0, 45.0, 0.0)
    dirty = picture(exif=exif)
    assert b"SECRET-CAMERA" in dirty
    clean = photos.reencode_photo(upload(dirty))
    content = clean.read()
    assert b"SECRET-CAMERA" not in content and b"Exif" not in content
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (20, 40)
        assert not image.getexif()


def test_what_follows_the_picture_is_gone():
    clean = photos.reencode_photo(upload(picture() + b"<script>alert(1)</script>"))
    assert b"script" not in clean.read()


def test_big_pictures_shrink():
    with Image.open(photos.reencode_photo(upload(picture(size=(5000, 2500))))) as image:
        assert image.size == (2048, 1024)


def test_transparency_stays():
    with Image.open(photos.reencode_photo(upload(picture("PNG", mode="RGBA")))) as image:
        assert image.mode == "RGBA"


HOSTILE = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<html><script>alert(1)</script></html>",
    "gif": b"GIF89a/*" + b"\x00" * 30 + b"*/=1;alert(1)",
    "real gif": picture("GIF", mode="P"),
    "empty": b"",
    "cut": picture()[:200],
    "cut png": picture("PNG", size=(500, 500))[:60],
    "bomb": picture("PNG", size=(9000, 9000), mode="1"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_refused(content):
    with pytest.raises(InvalidData) as refusal:
        photos.reencode_photo(upload(content))
    assert list(refusal.value.fields) == ["profile_photo"]


def test_too_big_a_file(settings):
    settings.PHOTO_MAX_BYTES = 100
    with pytest.raises(InvalidData):
        photos.reencode_photo(upload(picture()))


def test_a_full_volume_is_said(settings, tmp_path):
    (tmp_path / "photos").write_text("in the way")
    settings.MEDIA_ROOT = str(tmp_path)
    with pytest.raises(Unavailable):
        photos.save_photo(photos.reencode_photo(upload(picture())))
