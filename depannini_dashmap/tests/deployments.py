"""A deployment of its own beside the test run: a database and a folder, spoken to by management commands alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from testing.databases import execute

TOP = Path(settings.BASE_DIR)

FINGERPRINT = """
import hashlib, json
from django.apps import apps
from accounts.models import User
counts = {model._meta.db_table: model.objects.count() for model in apps.get_models() if model._meta.managed}
from telematics.models import Position
whole = hashlib.sha256()
for row in Position.objects.order_by("id").values_list("id", "latitude", "longitude", "speed", "timestamp").iterator(50_000):
    whole.update(repr(row).encode())
print(json.dumps([counts, whole.hexdigest(), User.objects.filter(username="nadia").exists()]))
"""


class Deployment:
    """One database and photo folder of its own, spoken to by management commands only."""

    def __init__(self, environment: dict[str, str], media: Path):
        self.environment, self.media = environment, media

    def manage(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=TOP, env=self.environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    @property
    def is_postgresql(self) -> bool:
        return self.environment["DATABASE_URL"].startswith("postgres")

    def ask(self, statement: str) -> list[tuple]:
        return execute(self.environment["DATABASE_URL"], statement)

    def fingerprint(self) -> list:
        return json.loads(self.manage("shell", "-v", "0", "-c", FINGERPRINT))


def deployment_in(folder: Path, url: str) -> Deployment:
    """Return the deployment of a database that keeps its files in a folder."""
    media = folder / "media"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ENV_FILE": str(folder / ".env"),
        "MEDIA_ROOT": str(media),
        "SECRET_KEY": "a-key-of-the-rehearsal-that-is-long-enough-0123456789",
        "DATABASE_URL": url,
    }
    return Deployment(environment, media)
