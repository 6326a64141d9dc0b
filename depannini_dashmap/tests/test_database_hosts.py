"""Several database hosts: which is tried first, one that is silent, and a server that takes no writes any more."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from depannini_dashmap.lib.db import database_hosts, watchdog
from depannini_dashmap.operations import backups
from depannini_dashmap.operations.doctor import examine
from depannini_dashmap.tests.test_watchdog import Line
from testing.fixtures import running_server
from testing.samples import order_body
from testing.waiting import wait_until


@pytest.fixture(autouse=True)
def nobody_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember no host of an earlier test."""
    monkeypatch.setattr(database_hosts, "_last", None)


class Reached:
    """A connection of the driver to a host."""

    def __init__(self, host: str, port: int) -> None:
        self.info = type("Info", (), {"host": host, "port": port})


def test_the_host_that_took_us_last_is_tried_first() -> None:
    three = {"host": "a,b,a", "port": "1,2,3", "user": "x"}
    assert database_hosts.in_order(three) == three
    database_hosts.remember(Reached("a", 3))
    assert database_hosts.in_order(three) == {"host": "a,a,b", "port": "3,1,2", "user": "x"}
    assert [(each["host"], each["port"]) for each in database_hosts.one_by_one(three)] == [("a", "3"), ("a", "1"), ("b", "2")]
    database_hosts.remember(Reached("c", 9))
    assert database_hosts.in_order(three) == three


@pytest.mark.parametrize("ports", [{"port": "6000"}, {"port": 6000}, {"port": ""}, {}])
def test_one_port_counts_for_all(ports: dict) -> None:
    port = str(ports.get("port") or 5432)
    assert database_hosts.in_order({"host": "a,b", **ports}) == {"host": "a,b", "port": f"{port},{port}"}


@pytest.mark.parametrize("alone", [{"host": "a", "port": "1"}, {"dsn": "postgres://a/b"}, {}, {"host": "a,b,c", "port": "1,2"}])
def test_one_host_and_what_the_driver_refuses_stay_as_they_are(alone: dict) -> None:
    database_hosts.remember(Reached("b", 1))
    assert database_hosts.in_order(alone) == alone
    assert database_hosts.one_by_one(alone) == [alone]


def test_backups_are_made_from_the_host_that_is_wanted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def run(command: list[str], env: dict[str, str], **_: Any) -> Any:
        given.update(env)
        return subprocess.CompletedProcess(command, 0)

    database = {"HOST": "db1,db2", "PORT": "5432,5433", "OPTIONS": {"target_session_attrs": "read-write", "connect_timeout": 3, "sslmode": "verify-full"}}
    for name, value in database.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    backups._run("pg_dump")
    assert {name: given[name] for name in ("PGHOST", "PGPORT", "PGTARGETSESSIONATTRS", "PGCONNECT_TIMEOUT", "PGSSLMODE")} == {
        "PGHOST": "db1,db2", "PGPORT": "5432,5433", "PGTARGETSESSIONATTRS": "read-write", "PGCONNECT_TIMEOUT": "3", "PGSSLMODE": "verify-full",
    }  # fmt: skip
    assert "PGSSLKEY" not in given or given["PGSSLKEY"] == os.environ.get("PGSSLKEY")


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Two ways to the database."""
    made = [Line(), Line()]
    yield made
    for line in made:
        line.close()


@pytest.fixture
def watch(transactional_db: None, lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[watchdog.Watch, list[int]]]:
    """A watch over both as if they were two hosts, patient for two looks, and how often it reported a return."""
    monkeypatch.setattr(watchdog, "SILENT_HOST", 2 * watchdog.LOOK_EVERY)
    returns: list[int] = []
    made = watchdog.Watch(parameters(lines), 2 * watchdog.LOOK_EVERY, lambda: returns.append(1))
    yield made, returns
    made._drop()
    watchdog.thaw()
    connection.close()  # this thread's is cut with all others


def parameters(lines: list[Line]) -> dict[str, Any]:
    base = connection.settings_dict
    return {
        "host": "127.0.0.1,127.0.0.1", "port": ",".join(str(line.port) for line in lines), "user": base["USER"], "password": base["PASSWORD"],
        "dbname": base["NAME"], "target_session_attrs": "read-write",
    }  # fmt: skip


@pytest.mark.postgres
def test_a_host_that_falls_silent_is_left_for_the_other(watch: Any, lines: list[Line]) -> None:
    watched, returns = watch
    watched.ask()
    assert database_hosts.in_order(parameters(lines))["port"] == f"{lines[0].port},{lines[1].port}"
    lines[0].flows.clear()
    watched.ask()
    assert watchdog.is_frozen()  # who waits for the silent one is freed
    with pytest.raises(OperationalError, match="answers nobody"):
        connection.copy().connect()
    watched.ask()
    assert not watchdog.is_frozen()
    watched.ask()
    assert returns == [1]
    assert database_hosts.in_order(parameters(lines))["port"] == f"{lines[1].port},{lines[0].port}"


@pytest.mark.postgres
def test_nobody_waits_while_one_is_silent_and_the_other_refuses(watch: Any, lines: list[Line]) -> None:
    watched, _ = watch
    lines[0].flows.clear()
    lines[1]._listening.close()
    for _ in range(2):
        watched.ask()
        assert watchdog.is_frozen()
    lines[0].flows.set()
    watched.ask()
    assert not watchdog.is_frozen()


@pytest.mark.postgres
def test_the_doctor_says_that_a_server_takes_no_writes(db: None) -> None:
    (finding,) = examine(["database"])
    assert finding.level == "ok"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    (finding,) = examine(["database"])
    assert finding.level == "broken"
    assert "takes no writes" in finding.sentence and "target_session_attrs=read-write" in finding.remedy


@pytest.mark.postgres
@pytest.mark.slow
def test_a_server_that_takes_no_writes_is_an_outage_and_its_connections_are_dropped(tmp_path: Path, transactional_db: None, dispatcher: Any) -> None:
    from accounts.tokens import issue_pair

    access = issue_pair(dispatcher)["access"]
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with running_server(tmp_path / "server.log", TASK_WORKER="off") as server, connection.cursor() as cursor:
        assert server.call("POST", "/api/orders/", access, **order_body()).status_code == 201
        try:
            cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            for _ in range(8):
                refused = server.call("POST", "/api/orders/", access, **order_body())
                assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable"), refused.text
                assert int(refused.headers["Retry-After"]) > 0
            assert server.call("GET", "/api/orders/", access).status_code == 200
        finally:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

        def is_taken() -> bool:
            answer = server.call("POST", "/api/orders/", access, **order_body())
            assert answer.status_code in (201, 503), answer.text
            return answer.status_code == 201

        wait_until(is_taken, "a new connection takes writes")
        assert "Internal Server Error" not in server.output()
