"""Backups: database and photos as one archive with a list of checksums, and the way back.

PostgreSQL is dumped by pg_dump in one snapshot, SQLite copied by its own backup interface, both while people work.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.sqlite3._functions import register
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

MANIFEST = "manifest.json"
FORMAT = 1


class ArchiveError(Exception):
    """The backup or the way back did not succeed; the text is for the operator."""


def back_up(folder: Path) -> Path:
    """Save database and photos under `folder`; return the archive. Raises: ArchiveError."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    target = folder / f"dashmap-{now:%Y%m%d-%H%M%S}.tar.gz"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as made:
        dump = _dump_postgresql(Path(made)) if connection.vendor == "postgresql" else _dump_sqlite(Path(made))
        manifest = {
            "format": FORMAT,
            "made_at": now.isoformat(timespec="seconds"),
            "engine": connection.vendor,
            "database": dump.name,
            "sha256": _digest(dump),
            "migrations": sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()),
        }
        (Path(made) / MANIFEST).write_text(json.dumps(manifest, indent=1))
        unfinished = Path(made) / target.name
        with tarfile.open(unfinished, "w:gz", compresslevel=1) as archive:
            archive.add(Path(made) / MANIFEST, MANIFEST)
            archive.add(dump, dump.name)
            _add_photos(archive, Path(settings.MEDIA_ROOT))
        unfinished.chmod(0o600)
        unfinished.rename(target)
    return target


def _add_photos(archive: tarfile.TarFile, root: Path) -> None:
    """Add the folder and its files; a photo that is removed meanwhile is left out."""
    if not root.is_dir():
        return
    archive.add(root, "media", recursive=False)
    for file in sorted(root.rglob("*")):
        with suppress(FileNotFoundError):
            archive.add(file, f"media/{file.relative_to(root)}", recursive=False)


def restore(source: Path) -> dict[str, Any]:
    """Replace database and photos by those of an archive; return its manifest. Raises: ArchiveError."""
    with tempfile.TemporaryDirectory(prefix="dashmap-restore-") as made:
        try:
            with tarfile.open(source, "r:*") as archive:
                archive.extractall(made, filter="data")
            manifest: dict[str, Any] = json.loads((Path(made) / MANIFEST).read_text())
            dump = Path(made) / Path(manifest["database"]).name
        except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{source} is no backup of this program, or damaged: {error}") from error
        _check(manifest, dump)
        connection.close()
        if manifest["engine"] == "postgresql":
            _load_postgresql(dump)
        else:
            _load_sqlite(dump)
        _replace_photos(Path(made) / "media")
    return manifest


def _check(manifest: dict[str, Any], dump: Path) -> None:
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"The backup has format {manifest.get('format')}, this program reads {FORMAT}.")
    if not dump.is_file() or _digest(dump) != manifest.get("sha256"):
        raise ArchiveError("The backup is damaged: its checksum differs.")
    if manifest.get("engine") != connection.vendor:
        raise ArchiveError(
            f"The backup holds a {manifest.get('engine')} database and DATABASE_URL names {connection.vendor}: "
            "restore into the same kind."
        )
    _require_known_migrations(manifest)


def _require_known_migrations(manifest: dict[str, Any]) -> None:
    """Refuse what a newer release has saved: its tables are not those that this one reads. Raises: ArchiveError."""
    loader = MigrationLoader(None)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations}
    known |= {f"{app}.{name}" for migration in loader.disk_migrations.values() for app, name in migration.replaces}
    strange = sorted(set(manifest.get("migrations", ())) - known)
    if strange:
        shown = ", ".join(strange[:5]) + (", …" if len(strange) > 5 else "")
        raise ArchiveError(f"The backup is of a newer release, or another one: it has {shown}. Restore it with the release that made it.")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _replace_photos(found: Path) -> None:
    """Swap the whole folder, so that a failure half-way leaves the old one."""
    target = Path(settings.MEDIA_ROOT)
    if not found.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".restored")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(found, fresh)
    if not target.exists():
        fresh.rename(target)
        return
    old = target.with_name(target.name + ".replaced")
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old)


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------------


# Tables, views, sequences and routines of ours; an extension's stay with it, and so do the schema's grants.
EMPTY_SCHEMA = """
DO $$
DECLARE
    each record;
BEGIN
    -- So that every name below is spelt with its schema.
    PERFORM set_config('search_path', 'pg_catalog', true);
    FOR each IN
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
               oid::regclass::text AS name
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('e', 'i', 'a'))
        ORDER BY relkind = 'S'
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', each.kind, each.name);
    END LOOP;
    FOR each IN
        SELECT oid::regprocedure::text AS name
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', each.name);
    END LOOP;
END $$;
"""


# Options of DATABASE_URL that say which server is the right one, and the names that client programs read them by.
_OF_LIBPQ = {
    "target_session_attrs": "PGTARGETSESSIONATTRS", "connect_timeout": "PGCONNECT_TIMEOUT", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
}  # fmt: skip


def _run(program: str, *arguments: str) -> None:
    """Run a client program against the configured database; the password travels in the environment."""
    database = settings.DATABASES["default"]
    given = {
        "PGHOST": database.get("HOST"),
        "PGPORT": database.get("PORT"),
        "PGUSER": database.get("USER"),
        "PGPASSWORD": database.get("PASSWORD"),
        "PGDATABASE": connection.settings_dict["NAME"],
        **{name: database.get("OPTIONS", {}).get(option) for option, name in _OF_LIBPQ.items()},
    }
    path = shutil.which(program)
    if path is None:
        raise ArchiveError(f"{program} is not installed (Debian: apt-get install postgresql-client)")
    environment = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    done = subprocess.run([path, *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ArchiveError(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _dump_postgresql(folder: Path) -> Path:
    dump = folder / "database.dump"
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
    return dump


def _load_postgresql(dump: Path) -> None:
    """Replace all or nothing; what a newer release has added goes, too, so that `migrate` finds what it expects."""
    emptying, script = dump.with_name("emptying.sql"), dump.with_name("database.sql")
    emptying.write_text(EMPTY_SCHEMA)
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--file={script}", str(dump))
    _run(
        "psql", "--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction", "--set=ON_ERROR_STOP=1",
        f"--file={emptying}", f"--file={script}",
    )  # fmt: skip


# --- SQLite ----------------------------------------------------------------------------------------------------------------------


def _dump_sqlite(folder: Path) -> Path:
    dump = folder / "database.sqlite3"
    _copy_sqlite(Path(connection.settings_dict["NAME"]), dump)
    return dump


def _load_sqlite(dump: Path) -> None:
    _copy_sqlite(dump, Path(connection.settings_dict["NAME"]))


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source, timeout=20)) as old, closing(sqlite3.connect(target, timeout=20)) as new:
            old.backup(new)
            register(new)  # checks of tables call functions that Django adds
            found = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise ArchiveError(f"SQLite: {error}") from error
    if found != "ok":
        raise ArchiveError(f"The copy is damaged: {found}")
