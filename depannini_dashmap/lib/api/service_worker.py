"""The service worker by which pages open without reception: `static/pages/worker.js`, told which files the pages need.

It is served below the pages' own path, as a worker sees no page beside or above itself.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.views import View

# What a page tells its worker: to keep a copy that opens without reception, or to forget the one it has.
OFFLINE, KEEP, FORGET = "X-Offline", "keep", "forget"
WORKER, PUSH, ICON = "pages/worker.js", "pages/push_worker.js", "pages/icon-192.png"
BESIDE = ("pages/pages.css", "console/icon.svg")
_IMPORT = re.compile(r'^import [^;]*?from "(\.[^"]+)";', re.MULTILINE)


class ServiceWorkerView(View):
    """GET: the worker's script for the pages that load `scripts`, with all that these import. 200. Who: anybody.

    The script changes whenever one of the files does, which is how browsers learn of it.
    """

    scripts: tuple[str, ...] = ()

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the script; browsers look for a new one at each visit."""
        script = _written.__wrapped__(self.scripts) if settings.DEBUG else _written(self.scripts)
        return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=8)
def _written(scripts: tuple[str, ...]) -> str:
    names = [*_with_imports(scripts), *BESIDE]
    version = hashlib.sha256(b"".join(_file(name).read_bytes() for name in names)).hexdigest()[:16]
    told = {"version": version, "files": [static(name) for name in names], "push": static(PUSH), "icon": static(ICON)}
    return f"self.offline = {json.dumps(told)};\n{_file(WORKER).read_text(encoding='utf-8')}"


def _with_imports(scripts: tuple[str, ...]) -> list[str]:
    """Return scripts and what they import, each once."""
    found = list(scripts)
    for name in found:  # grows meanwhile
        for imported in _IMPORT.findall(_file(name).read_text(encoding="utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
            if target not in found:
                found.append(target)
    return found


def _file(name: str) -> Path:
    return Path(str(finders.find(name)))
