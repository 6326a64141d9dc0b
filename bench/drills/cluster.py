"""Three web hosts behind nginx, PostgreSQL with a synchronous standby, Redis with a replica and three Sentinels: each on a host of its own."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import redis

from bench.drills.networks import Host, Network
from bench.drills.outcomes import NotRun
from testing.databases import execute, postgres_programs
from testing.environments import Environment
from testing.servers import ROOT
from testing.waiting import wait_until

DATABASE, MASTER = "drill", "main"
WEBS = ("web1", "web2", "web3")
NUMBERS = {"proxy": 10, "web1": 11, "web2": 12, "web3": 13, "db1": 21, "db2": 22, "redis1": 31, "redis2": 32}
SENTINELS = ("redis1", "redis2", "proxy")


class Cluster(Environment):
    """The deployment of docs/scaling.md on a network; a context manager."""

    def __init__(self, network: Network) -> None:
        if (nginx := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")) is None:
            raise NotRun("it needs nginx (Debian: apt-get install nginx)")
        self.nginx, self.programs, self.password = nginx, postgres_programs(), secrets.token_urlsafe(12)
        at = {name: f"{network.PREFIX}.{number}" for name, number in NUMBERS.items()}
        super().__init__(
            f"postgres://postgres@{at['db1']}:5432,{at['db2']}:5432/{DATABASE}?target_session_attrs=read-write",
            f"redis+sentinel://{','.join(f'{at[name]}:26379' for name in SENTINELS)}/{MASTER}/0",
            REDIS_PASSWORD=self.password, PRUNE_AT="off", NUM_PROXIES="1", ALLOWED_HOSTS=",".join(at.values()), BASE_URL=f"http://{at['proxy']}",
        )  # fmt: skip
        self.hosts = {name: network.add(name, number) for name, number in NUMBERS.items()}
        self.urls = [f"http://{at['proxy']}"]

    def __enter__(self) -> Cluster:
        try:
            self._start_databases()
            for name in ("redis1", "redis2"):
                self._start_redis(name)
            wait_until(lambda: self._redis("redis2").info("replication").get("master_link_status") == "up", "the replica of Redis follows", 20)
            for name in SENTINELS:
                self._start_sentinel(name)
            for name in WEBS:
                self.start_web(name)
            self.start_nginx(WEBS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, then remove the folder that they write to."""
        for host in self.hosts.values():
            host.stop()
        super().close()

    def _log(self, label: str) -> Path:
        return self.folder / f"{label}.log"

    # --- PostgreSQL ---------------------------------------------------------------------------------------------------
    def _start_databases(self) -> None:
        first, second = self.hosts["db1"], self.hosts["db2"]
        for host in (first, second):
            folder = self.folder / host.name
            folder.mkdir(mode=0o700)
            shutil.chown(folder, "postgres", "postgres")
        command = [self.programs / "initdb", "-D", self._data(first), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._as_postgres(command)
        with (self._data(first) / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all,replication all {Network.PREFIX}.0/24 trust\nhost replication all {Network.PREFIX}.0/24 trust\n")
        self._start_postgres(first)
        execute(self._database("db1", "postgres"), f"CREATE DATABASE {DATABASE}")
        self.manage("migrate", "-v0")
        self._as_postgres([self.programs / "pg_basebackup", "-D", self._data(second), "-R", "-X", "stream", "--checkpoint=fast", "-d", f"host={first.address} user=postgres application_name=standby"])
        self._start_postgres(second)
        # After the copy, which would have it too.
        execute(self._database("db1"), "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        execute(self._database("db1"), "SELECT pg_reload_conf()")
        wait_until(lambda: execute(self._database("db1"), "SELECT sync_state FROM pg_stat_replication") == [("sync",)], "the standby is synchronous", 20)

    def _data(self, host: Host) -> Path:
        return self.folder / host.name / "data"

    def _database(self, name: str, database: str = DATABASE) -> str:
        return f"postgres://postgres@{self.hosts[name].address}:5432/{database}?connect_timeout=3"

    @staticmethod
    def _as_postgres(command: list[Any]) -> None:
        subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *map(str, command)], check=True, capture_output=True)

    def _start_postgres(self, host: Host) -> None:
        command = [str(self.programs / "postgres"), "-D", str(self._data(host)), "-c", "listen_addresses=*", "-c", f"unix_socket_directories={self._data(host).parent}"]
        host.start("postgres", command, self._log(host.name), user="postgres")
        wait_until(lambda: self._answers(host.name), f"PostgreSQL starts on {host.name}", 30)

    def _answers(self, name: str) -> bool:
        try:
            return bool(execute(self._database(name, "postgres"), "SELECT 1"))
        except psycopg2.OperationalError:
            return False

    def promote(self) -> None:
        """Make the standby the primary, as an operator does, and return once it says so."""
        self._as_postgres([self.programs / "pg_ctl", "promote", "-w", "-D", self._data(self.hosts["db2"])])
        self.database_url = self._database("db2")  # what this drill asks itself; the servers find it

    # --- Redis --------------------------------------------------------------------------------------------------------
    def _start_redis(self, name: str) -> None:
        host = self.hosts[name]
        command = [
            "redis-server", "--bind", "0.0.0.0", "--save", "", "--appendonly", "no", "--dir", str(self.folder),
            "--requirepass", self.password, "--masterauth", self.password, "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip
        if name != "redis1":
            command += ["--replicaof", self.hosts["redis1"].address, "6379"]
        host.start("redis", command, self._log(name))
        wait_until(lambda: self._pings(name), f"Redis starts on {name}", 15)

    def _redis(self, name: str) -> redis.Redis:
        return redis.Redis(self.hosts[name].address, 6379, password=self.password, socket_timeout=1, socket_connect_timeout=1, retry=None)

    def _pings(self, name: str) -> bool:
        try:
            return bool(self._redis(name).ping())
        except redis.RedisError:
            return False

    def _start_sentinel(self, name: str) -> None:
        file = self.folder / f"sentinel-{name}.conf"
        file.write_text(
            f"port 26379\nbind 0.0.0.0\nprotected-mode no\ndir {self.folder}\nsentinel monitor {MASTER} {self.hosts['redis1'].address} 6379 2\n"
            f"sentinel auth-pass {MASTER} {self.password}\nsentinel down-after-milliseconds {MASTER} 2000\nsentinel failover-timeout {MASTER} 10000\n"
        )
        self.hosts[name].start("sentinel", ["redis-server", str(file), "--sentinel"], self._log(f"sentinel-{name}"))

    def sentinels_agree(self) -> bool:
        """Return whether each Sentinel knows the two others and the replica."""
        known = [redis.Redis(self.hosts[name].address, 26379, retry=None).sentinel_masters().get(MASTER, {}) for name in SENTINELS]
        return all(state.get("num-other-sentinels") == 2 and state.get("num-slaves") == 1 for state in known)

    def is_promoted(self) -> bool:
        """Return whether the replica of Redis has become the primary."""
        try:
            return self._redis("redis2").info("replication")["role"] == "master"
        except redis.RedisError:  # a Sentinel ends all connections of one that it promotes
            return False

    # --- Web ----------------------------------------------------------------------------------------------------------
    def web_url(self, name: str) -> str:
        """Return the address of one web host, past nginx."""
        return f"http://{self.hosts[name].address}:8000"

    def is_ready(self, name: str) -> bool:
        """Return whether a web host would take requests."""
        try:
            return httpx.get(f"{self.web_url(name)}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def start_web(self, name: str) -> None:
        """Start the server of a web host, and wait until it takes requests."""
        host = self.hosts[name]
        command = [sys.executable, "manage.py", "serve", "--host", host.address, "--port", "8000"]
        self.processes[name] = host.start("web", command, self._log(f"server-{name}"), environment=self.variables, cwd=ROOT)
        wait_until(lambda: self.is_ready(name), f"{name} starts; its log is {self._log(f'server-{name}')}", 90)

    def start_nginx(self, webs: tuple[str, ...]) -> None:
        """Run nginx by the recipe of docs/operations.md, without TLS, in front of these hosts."""
        proxy, folder = self.hosts["proxy"], self.folder / "nginx"
        folder.mkdir(exist_ok=True)
        if (running := proxy.processes.pop("nginx", None)) is not None:
            running.terminate()
            running.wait()
        (block,) = re.findall(r"^```nginx\n(.*?)^```$", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL | re.MULTILINE)
        upstreams = " ".join(f"server {self.hosts[name].address}:8000;" for name in webs)
        for old, new in {
            r"server 127\.0\.0\.1:8000; server 127\.0\.0\.1:8001;": upstreams, r"server 127\.0\.0\.1:8100;": upstreams, r"listen 443 ssl http2": f"listen {proxy.address}:80",
            r"ssl_certificate.*": "", r"(?m)^server \{ listen 80;.*": "", r"server_name .*": "", "/var/log/nginx": str(folder),
        }.items():  # fmt: skip
            block, changed = re.subn(old, new, block)
            assert changed, f"the recipe of nginx has no {old}"
        kept = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{kept}{block}}}\n")
        proxy.start("nginx", [self.nginx, "-c", f"{folder}/nginx.conf", "-p", str(folder)], self._log("nginx"))
        wait_until(self._front_answers, "nginx starts", 15)

    def _front_answers(self) -> bool:
        try:
            return httpx.get(f"{self.urls[0]}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
