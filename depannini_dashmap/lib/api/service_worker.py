"""The service worker by which pages open without reception: `static/pages/worker.js`, told which files pages need.

It is served below the pages' own path, as a worker sees no page beside or above itself.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.views import View

FOLDER = "pages"
BESIDE = ("vendor/idb/idb.js", "console/icon.svg")
_KINDS = (".js", ".css")
WORKER = f"{FOLDER}/worker.js"


class ServiceWorkerView(View):
    """GET: the worker's script, which changes whenever a file of the pages does. 200. Who: anybody."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the script; browsers look for a new one at each visit."""
        script = _script.__wrapped__() if settings.DEBUG else _script()
        return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _script() -> str:
    worker = Path(str(finders.find(WORKER)))
    own = sorted(f"{FOLDER}/{file.name}" for file in worker.parent.iterdir() if file.suffix in _KINDS and file != worker)
    names = [*own, *BESIDE]
    version = hashlib.sha256(b"".join(Path(str(finders.find(name))).read_bytes() for name in names)).hexdigest()[:16]
    told = {"version": version, "files": [static(name) for name in names]}
    return f"self.offline = {json.dumps(told)};\n{worker.read_text(encoding='utf-8')}"
