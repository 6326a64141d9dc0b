"""Every operation that the project serves, walked out of Django's resolver: a new path is here before anybody has described it."""

import inspect
import json
import os
import subprocess
import sys

from testing.servers import ROOT


def print_url_table():
    """Print the method and path of every operation; runs in a process of its own, for nothing here imports Django."""
    import json
    import re

    import django

    django.setup()
    from django.contrib.admindocs.views import simplify_regex
    from django.urls import get_resolver

    def walk(patterns, before=""):
        for entry in patterns:
            route = before + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                yield from walk(entry.url_patterns, route)
            else:
                yield route, entry.callback

    def methods(view):
        if hasattr(view, "actions"):
            return list(view.actions)
        kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
        if kind is None:
            return ["function"]  # names no methods
        return [method for method in kind.http_method_names if hasattr(kind, method)]

    table = []
    for route, view in walk(get_resolver().url_patterns):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", simplify_regex(route)).replace("\\", "").replace("{pk}", "{id}")
        path = path if path.endswith(("/", "}", ".csv", ".mvt", ".js", ".pdf", ".webmanifest", "admin")) else path + "/"
        table += [(method.upper(), path) for method in methods(view) if method not in ("options", "head")]
    print(json.dumps(table))


def url_table() -> list[tuple[str, str]]:
    """Return (method, path) of everything that the project serves; asks no database."""
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings", "ENV_FILE": os.devnull,
        "SECRET_KEY": "matrix-0123456789-abcdefghij-KLMNOPQRST", "DATABASE_URL": "sqlite:///:memory:", "REDIS_URL": "",
    }  # fmt: skip
    code = inspect.getsource(print_url_table) + "\nprint_url_table()\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [tuple(operation) for operation in json.loads(done.stdout.splitlines()[-1])]


TABLE = url_table()
# The admin's pages share one guard and are asked about together, below; only its first page has a row.
ADMIN = sorted({path for _, path in TABLE if path.startswith("/admin/")})
FUNCTIONS = [path for method, path in TABLE if method == "FUNCTION"]
OPERATIONS = [
    f"{'GET' if method == 'FUNCTION' else method} {path}"
    for method, path in TABLE
    if path == "/admin/" or (path != "/admin" and not path.startswith("/admin/"))
]
