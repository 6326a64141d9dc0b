"""Pictures that no address serves: answered by views that have asked who looks, and deleted with the rows that name them."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import image_reencoding
from depannini_dashmap.lib.errors import NotFound

_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_HEADERS = {"Cache-Control": "private, no-store", "Content-Disposition": "inline", "X-Robots-Tag": "noindex"}


def picture_response(name: str) -> HttpResponse:
    """Answer with a picture of the storage, of which nobody keeps a copy on the way; the caller has checked permission.

    Raises: NotFound for no name, or a file that is not there.
    """
    try:
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        with default_storage.open(name) as file:
            return HttpResponse(file.read(), content_type=media_type, headers=_HEADERS)
    except (OSError, KeyError) as error:
        raise NotFound(_("Picture")) from error


def forget_files(names: list[str]) -> None:
    """Delete pictures; if that fails, a file stays behind under a random name that no URL serves."""
    for name in names:
        image_reencoding.delete_photo(name)


def forget_old(rows: QuerySet, *columns: str) -> int:
    """Delete rows with the files that their `columns` name, in a transaction of the caller's, and return how many went.

    The files go first: what was cut off is done again. A row whose file the volume does not give up stays, for the next time.
    """
    gone = []
    for row in rows.select_for_update():
        try:
            for name in filter(None, (getattr(row, column) for column in columns)):
                default_storage.delete(name)
        except OSError:
            continue
        gone.append(row.pk)
    rows.model._base_manager.filter(pk__in=gone).delete()
    return len(gone)
