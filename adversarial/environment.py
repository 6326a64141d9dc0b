"""The servers under attack: two without rate limits and one with them, on a database of their own."""

from __future__ import annotations

import os
import uuid

from testing.databases import execute, sibling
from testing.environments import Environment

POSTGRES = os.environ.get("ADVERSARIAL_POSTGRES", "postgres://postgres@127.0.0.1:5432")
REDIS = os.environ.get("ADVERSARIAL_REDIS", "redis://127.0.0.1:6379/13")


class AttackedEnvironment(Environment):
    """`urls` are the two servers without rate limits; `UNGUARDED` names guards that are taken away: see `unguarded.py`."""

    def __init__(self) -> None:
        self.name = os.environ.get("ADVERSARIAL_DATABASE") or f"adversarial_{uuid.uuid4().hex[:10]}"
        super().__init__(
            f"{POSTGRES}/{self.name}", REDIS,
            ALLOW_FAKE_DATA="off", GOOGLE_CLIENT_IDS="client-id.example", JWT_ROTATE_REFRESH="off",
        )  # fmt: skip
        self.unguarded = self.variables.get("UNGUARDED", "").split()
        if self.unguarded:
            self.serve_module = "adversarial.unguarded"
        self.throttled_url = ""

    def start(self) -> None:
        """Create the database and start the servers."""
        execute(sibling(self.database_url, "postgres"), f'CREATE DATABASE "{self.name}"')
        self.manage("migrate", "--noinput", "-v0")
        for guard in self.unguarded:
            if guard.startswith("constraint:"):
                self._drop_constraint(guard.removeprefix("constraint:"))
        self.urls += [self.start_server(), self.start_server(TASK_WORKER="off")]
        self.throttled_url = self.start_server(THROTTLING="on", TASK_WORKER="off")

    def close(self) -> None:
        """Stop the servers and drop the database."""
        super().close()
        execute(sibling(self.database_url, "postgres"), f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _drop_constraint(self, name: str) -> None:
        """Drop a constraint, or the index that a partial one is."""
        tables = self.rows("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [name])
        self.rows(f'ALTER TABLE {tables[0][0]} DROP CONSTRAINT "{name}"' if tables else f'DROP INDEX "{name}"')
