"""Backup, loss of everything, restore: rehearsed on whichever database the suite runs, on PostgreSQL with a million positions."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from depannini_dashmap.operations import backups
from testing.databases import execute, own_database
from testing.fixtures import database_url

TOP = Path(settings.BASE_DIR)
# SQLite is for a first look: nobody keeps a year of a fleet in it, and a million would be the longest minute of its suite.
POSITIONS = 1_000_000 if "postgresql" in settings.DATABASES["default"]["ENGINE"] else 100_000

FILL = f"""
from datetime import datetime, timezone
from django.db import connection
from accounts.models import Company, Membership, User
from fleet.models import Vehicle
company = Company.objects.create(name="Atlas Transport")
user = User.objects.create_user("nadia", "nadia@example.com", "correct-horse-battery", user_type="dispatcher")
Membership.objects.create(user=user, company=company)
vehicle = Vehicle.objects.create(company=company, license_plate="16-001", make="Ford", model="Transit", year=2023, capacity=2)
series = {{
    "postgresql": "SELECT n FROM generate_series(1, {POSITIONS}) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {POSITIONS}) SELECT n FROM s",
}}[connection.vendor]
moment = {{
    "postgresql": "timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second'",
    "sqlite": "datetime('2024-01-01', '+' || n || ' seconds')",
}}[connection.vendor]
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO telematics_position"
        " (vehicle_id, latitude, longitude, speed, heading, timestamp, engine_status, is_implausible, created_at)"
        f" SELECT %s, 36 + (n %% 1000) / 1000.0, 3 + (n %% 777) / 1000.0, n %% 120, n %% 360, {{moment}}, 'on',"
        f" n < 0, {{moment}} FROM ({{series}}) AS numbers",
        [vehicle.pk],
    )
"""

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


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    media = tmp_path / "media"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ENV_FILE": str(tmp_path / ".env"),
        "MEDIA_ROOT": str(media),
        "SECRET_KEY": "a-key-of-the-rehearsal-that-is-long-enough-0123456789",
    }
    with own_database(database_url(), "rehearsal") as url:
        yield Deployment(environment | {"DATABASE_URL": url}, media)


@pytest.mark.slow
def test_everything_comes_back(deployment: Deployment, tmp_path: Path) -> None:
    deployment.manage("migrate", "--noinput")
    deployment.manage("shell", "-v", "0", "-c", FILL)
    (deployment.media / "photos").mkdir(parents=True)
    (deployment.media / "photos" / "a.jpg").write_bytes(b"a photo")
    before = deployment.fingerprint()
    assert before[0]["telematics_position"] == POSITIONS
    deployment.manage("backup", str(tmp_path / "backups"))
    (made,) = (tmp_path / "backups").iterdir()
    assert made.stat().st_mode & 0o077 == 0

    # People in the database are not replaced by accident.
    assert "say --replace" in deployment.manage("restore", str(made), status=1)
    deployment.manage("flush", "--noinput")
    (deployment.media / "photos" / "a.jpg").unlink()
    (deployment.media / "photos" / "later.jpg").write_bytes(b"made after the backup")
    assert deployment.fingerprint() != before

    if deployment.is_postgresql:
        deployment.ask("CREATE TABLE later (id bigint GENERATED BY DEFAULT AS IDENTITY, user_id bigint REFERENCES accounts_user)")
        deployment.ask("CREATE VIEW seen AS SELECT id FROM accounts_user")
    deployment.manage("restore", str(made))
    if deployment.is_postgresql:
        assert deployment.ask("SELECT to_regclass('later'), to_regclass('seen')") == [(None, None)]
    assert deployment.fingerprint() == before
    assert (deployment.media / "photos" / "a.jpg").read_bytes() == b"a photo"
    assert not (deployment.media / "photos" / "later.jpg").exists()
    assert "No migrations to apply" in deployment.manage("migrate", "--noinput")


def test_a_photo_that_goes_meanwhile_does_not_stop_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "media" / name).mkdir(parents=True)
        (tmp_path / "media" / name / "photo.jpg").write_bytes(name.encode())
    add = tarfile.TarFile.add

    def add_and_lose(archive: tarfile.TarFile, name: Path, *words: str, **options: bool) -> None:
        if name.name == "b":
            (name / "photo.jpg").unlink()
        add(archive, name, *words, **options)

    monkeypatch.setattr(tarfile.TarFile, "add", add_and_lose)
    with tarfile.open(tmp_path / "made.tar", "w") as made:
        backups._add_photos(made, tmp_path / "media")
    with tarfile.open(tmp_path / "made.tar") as made:
        assert [name for name in made.getnames() if name.endswith(".jpg")] == ["media/a/photo.jpg", "media/c/photo.jpg"]


def test_a_damaged_backup_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    deployment.manage("migrate", "--noinput", "-v", "0")
    deployment.manage("backup", str(tmp_path / "backups"))
    (made,) = (tmp_path / "backups").iterdir()
    with tarfile.open(made) as whole:
        whole.extractall(tmp_path / "open", filter="data")
    dump = next(file for file in (tmp_path / "open").iterdir() if file.name.startswith("database"))
    dump.write_bytes(dump.read_bytes() + b"x")
    damaged = tmp_path / "damaged.tar.gz"
    with tarfile.open(damaged, "w:gz") as whole:
        for file in (tmp_path / "open").iterdir():
            whole.add(file, file.name)
    assert "checksum differs" in deployment.manage("restore", str(damaged), status=1)
    whole_one = made.read_bytes()
    damaged.write_bytes(whole_one[: len(whole_one) // 2])
    assert "or damaged" in deployment.manage("restore", str(damaged), status=1)
    damaged.write_bytes(whole_one[:2000] + bytes(200) + whole_one[2200:])
    said = deployment.manage("restore", str(damaged), status=1)
    assert "Traceback" not in said
    assert "damaged" in said
    damaged.write_bytes(b"no archive at all")
    assert "is no backup" in deployment.manage("restore", str(damaged), status=1)


def test_a_backup_of_a_newer_release_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    deployment.manage("migrate", "--noinput", "-v", "0")
    deployment.manage("backup", str(tmp_path / "backups"))
    (made,) = (tmp_path / "backups").iterdir()
    with tarfile.open(made) as whole:
        whole.extractall(tmp_path / "open", filter="data")
    manifest = tmp_path / "open" / "manifest.json"
    good = manifest.read_text()
    for text, reason in ((good.replace('"accounts.', '"accounts.9999_of_tomorrow", "accounts.', 1), "newer release"), ("[]", "no backup"), ("{}", "no backup")):
        manifest.write_text(text)
        with tarfile.open(tmp_path / "newer.tar.gz", "w:gz") as whole:
            for file in (tmp_path / "open").iterdir():
                whole.add(file, file.name)
        said = deployment.manage("restore", str(tmp_path / "newer.tar.gz"), status=1)
        assert reason in said
        assert "Traceback" not in said


def test_old_backups_are_thinned_out(deployment: Deployment, tmp_path: Path) -> None:
    deployment.manage("migrate", "--noinput", "-v", "0")
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in ("20240101", "20240102", "20240103"):
        (folder / f"dashmap-{day}-000000.tar.gz").write_bytes(b"")
    deployment.manage("backup", str(folder), "--keep", "2")
    kept = sorted(file.name for file in folder.iterdir())
    assert len(kept) == 2
    assert kept[0] == "dashmap-20240103-000000.tar.gz"
