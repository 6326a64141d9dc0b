"""Photos: only pixels survive (J01, I10)."""

import io
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts import image_reencoding
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
    clean = image_reencoding.reencode_photo(upload(picture(kind), "../../x" * 50 + ".svg"))
    assert re.fullmatch(rf"[0-9a-f]{{32}}\.{ending}", clean.name)
    with Image.open(clean) as image:
        assert (image.format, image.size) == (kind, (40, 20))


def test_the_first_picture_of_several_is_kept():
    """Telephones write a small picture or a depth map behind the photo."""
    other = Image.new("RGB", (10, 10), "blue")
    several = picture("MPO", (3000, 1500), save_all=True, append_images=[other])
    with Image.open(io.BytesIO(several)) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    clean = image_reencoding.reencode_photo(upload(several))
    assert clean.name.endswith(".jpg")
    with Image.open(clean) as image:
        assert (image.format, image.size) == ("JPEG", (2048, 1024))
        assert image.getpixel((9, 9))[0] > 200


def test_metadata_is_gone_and_the_picture_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (36.0, 45.0, 0.0)
    dirty = picture(exif=exif)
    assert b"SECRET-CAMERA" in dirty
    clean = image_reencoding.reencode_photo(upload(dirty))
    content = clean.read()
    assert b"SECRET-CAMERA" not in content and b"Exif" not in content
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (20, 40)
        assert not image.getexif()


def test_what_follows_the_picture_is_gone():
    clean = image_reencoding.reencode_photo(upload(picture() + b"<script>alert(1)</script>"))
    assert b"script" not in clean.read()


def test_big_pictures_shrink():
    with Image.open(image_reencoding.reencode_photo(upload(picture(size=(5000, 2500))))) as image:
        assert image.size == (2048, 1024)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_big_pictures_of_every_mode_shrink(mode):
    with Image.open(image_reencoding.reencode_photo(upload(picture("PNG", (2400, 1200), mode)))) as image:
        assert (image.size, image.mode) == ((2048, 1024), "RGBA" if mode in {"LA", "RGBA"} else "RGB")


def test_a_big_picture_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP"):
        with Image.open(image_reencoding.reencode_photo(upload(picture(kind, (2400, 1200), exif=exif)))) as image:
            assert image.size == (1024, 2048)


def test_a_colour_that_means_transparent_stays_so():
    clean = image_reencoding.reencode_photo(upload(picture("PNG", (2400, 1200), transparency=(255, 0, 0))))
    with Image.open(clean) as image:
        assert (image.mode, image.getpixel((9, 9))[3]) == ("RGBA", 0)


def test_transparency_stays():
    with Image.open(image_reencoding.reencode_photo(upload(picture("PNG", mode="RGBA")))) as image:
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
        image_reencoding.reencode_photo(upload(content))
    assert list(refusal.value.fields) == ["profile_photo"]


def test_only_jpeg_that_shrinks_while_it_is_read_may_be_very_large():
    with Image.open(image_reencoding.reencode_photo(upload(picture(size=(7000, 7000), mode="L")))) as image:
        assert image.size == (2048, 2048)
    for content in (picture("PNG", (7070, 7070), "LA"), picture(size=(7000, 7000), mode="L", progressive=True)):
        with pytest.raises(InvalidData) as refusal:
            image_reencoding.reencode_photo(upload(content))
        assert "pixels" in refusal.value.fields["profile_photo"][0]


GROWTH = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from django.conf import settings
settings.configure(PHOTO_MAX_BYTES=5 * 1024 * 1024)
from django.core.files.uploadedfile import SimpleUploadedFile
from accounts import image_reencoding

def peak():  # of this process alone: ru_maxrss starts from the parent's
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

small, large = (Path(name).read_bytes() for name in sys.argv[1:])
image_reencoding.reencode_photo(SimpleUploadedFile("a", small))
before = peak()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda _: image_reencoding.reencode_photo(SimpleUploadedFile("a", large)), range(4)))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "size", "mode", "options", "most"),
    [
        ("PNG", (4096, 4096), "LA", {}, 250),
        ("PNG", (4096, 4096), "P", {}, 200),
        ("WEBP", (4096, 4096), "RGBA", {}, 400),
        ("JPEG", (7000, 7000), "RGB", {}, 150),
        ("JPEG", (24000, 2000), "RGB", {}, 150),
        ("JPEG", (4096, 4096), "RGB", {"progressive": True}, 200),
    ],
)
def test_four_large_pictures_at_once_take_little_memory(tmp_path, kind, size, mode, options, most):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(picture(kind))
    large.write_bytes(picture(kind, size, mode, **options))
    command = [sys.executable, "-c", GROWTH, small, large]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(image_reencoding.__file__).parents[1])
    assert float(run.stdout) < most  # MB


def test_a_refused_picture_lets_the_next_one_in():
    with pytest.raises(InvalidData):
        image_reencoding.reencode_photo(upload(b"GIF89a"))
    thread = threading.Thread(target=image_reencoding.reencode_photo, args=(upload(picture()),), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_too_big_a_file(settings):
    settings.PHOTO_MAX_BYTES = 100
    with pytest.raises(InvalidData):
        image_reencoding.reencode_photo(upload(picture()))


def test_a_full_volume_is_said(settings, tmp_path):
    (tmp_path / "photos").write_text("in the way")
    settings.MEDIA_ROOT = str(tmp_path)
    with pytest.raises(Unavailable):
        image_reencoding.save_photo(image_reencoding.reencode_photo(upload(picture())))
