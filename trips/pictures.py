"""Answers with the pictures of proofs; the caller has checked permission."""

from __future__ import annotations

from django.http import HttpResponse

from trips.models import StopProof
from trips.steps.proofs import read_picture


def picture_response(proof: StopProof | None, kind: str) -> HttpResponse:
    """Return a picture that nobody keeps a copy of on the way. Raises: NotFound."""
    content, media_type = read_picture(proof, kind)
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": "inline", "X-Robots-Tag": "noindex"}
    return HttpResponse(content, content_type=media_type, headers=headers)
