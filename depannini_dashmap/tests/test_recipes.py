"""The proxies' recipes of docs/operations.md, run as printed with the real programs, on a port other than 443."""

import io
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.tokens import issue_pair
from conftest import PASSWORD
from testing.fixtures import running_server
from testing.ports import free_port
from testing.servers import Server
from testing.waiting import wait_until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class Front:
    """A proxy that runs: its address and the certificate to trust."""

    def __init__(self, port: int, certificate: Path):
        self.port, self.certificate = port, str(certificate)
        self.url = f"https://localhost:{port}"
        self.session = requests.Session()
        self.session.verify = self.certificate
        self.session.trust_env = False

    def socket(self, path: str, token: str, origin: str) -> Any:
        """Open a socket as a browser's page of this origin does."""
        context = ssl.create_default_context(cafile=self.certificate)
        return connect(f"wss://localhost:{self.port}{path}", ssl=context, origin=origin, subprotocols=["bearer", token], proxy=None)


def recipe(language: str) -> str:
    """Return the one block of a language in the page."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return block


def placed(text: str, changes: dict[str, str]) -> str:
    """Replace the values that depend on the machine; each must be in the recipe."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, plain: int, backend: int) -> list[str]:
    block = placed(recipe("nginx"), {
        "/etc/letsencrypt/live/api.example.com/fullchain.pem": f"{folder}/cert.pem", "/etc/letsencrypt/live/api.example.com/privkey.pem": f"{folder}/key.pem",
        "/var/log/nginx": str(folder), "listen 443": f"listen 127.0.0.1:{port}", "listen 80": f"listen 127.0.0.1:{plain}",
        "api.example.com": "localhost", "127.0.0.1:8000": f"127.0.0.1:{backend}", "127.0.0.1:8001": f"127.0.0.1:{backend}", "127.0.0.1:8100": f"127.0.0.1:{backend}",
    })  # fmt: skip
    kept = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{kept}{block}}}\n"
    )
    return ["-c", f"{folder}/nginx.conf", "-p", str(folder)]


def caddy(folder: Path, port: int, plain: int, backend: int) -> list[str]:
    block = placed(recipe("caddy"), {
        "api.example.com {": f"https://localhost:{port} {{\n    tls {folder}/cert.pem {folder}/key.pem",
        "127.0.0.1:8000 127.0.0.1:8001": f"127.0.0.1:{backend}", "127.0.0.1:8100": f"127.0.0.1:{backend}",
    })  # fmt: skip
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{block}")
    return ["run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


def haproxy(folder: Path, port: int, plain: int, backend: int) -> list[str]:
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    block = placed(recipe("haproxy"), {
        "/etc/haproxy/api.example.com.pem": f"{folder}/both.pem", "bind :443": f"bind 127.0.0.1:{port}", "bind :80": f"bind 127.0.0.1:{plain}",
        "127.0.0.1:8000": f"127.0.0.1:{backend}", "127.0.0.1:8001": f"127.0.0.1:{backend}", "127.0.0.1:8100": f"127.0.0.1:{backend}",
    })  # fmt: skip
    (folder / "haproxy.cfg").write_text(block)
    return ["-db", "-f", f"{folder}/haproxy.cfg"]


@contextmanager
def fronted(program: str, folder: Path, backend: int) -> Iterator[Front]:
    """Run a proxy by its recipe, before a server on a port."""
    path = shutil.which(program, path=PATHS)
    if path is None:
        pytest.skip(f"needs {program} (Debian: apt-get install {program})")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*openssl, "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    port, plain = free_port(), free_port()
    arguments = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}[program](folder, port, plain, backend)
    front = Front(port, folder / "cert.pem")
    home = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "said").open("wb") as said, subprocess.Popen([path, *arguments], stdout=said, stderr=said, env=home) as process:
        try:
            wait_until(lambda: _is_up(front, process, folder), f"{program} starts")
            yield front
        finally:
            front.session.close()
            process.terminate()


def _is_up(front: Front, process: Any, folder: Path) -> bool:
    assert process.poll() is None, (folder / "said").read_text()
    try:
        return front.session.get(f"{front.url}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture
def behind(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    """A server with the settings of the page."""
    with running_server(tmp_path / "server.log", HTTPS="on", NUM_PROXIES="1", SERVE="all") as server:
        yield server


def _photo() -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (600, 600), os.urandom(600 * 600 * 3)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("program", ["nginx", "caddy", "haproxy"])
def test_a_recipe_works_as_printed(program: str, behind: Server, tmp_path: Path, assistant_user: Any, dispatcher: Any) -> None:
    folder = tmp_path / program
    folder.mkdir()
    with fronted(program, folder, behind.port) as front:
        bearer = {"Authorization": f"Bearer {issue_pair(assistant_user)['access']}"}
        web = front.session
        assert web.get(f"{front.url}/api/profile/user/", headers=bearer).status_code == 200
        big = web.put(f"{front.url}/api/profile/user/", headers=bearer, files={"photo": ("a.png", _photo(), "image/png")})
        assert big.status_code == 200, big.text
        hidden = web.get(f"{front.url}/metrics")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
        _sign_in_to_the_console(front, dispatcher)
        _open_sockets(front, assistant_user)
        if program != "haproxy":  # which passes it on, for the server to refuse
            large = web.post(f"{front.url}/api/auth/login/", data=b"x" * 12_000_000, headers={"Content-Type": "application/json"})
            assert large.status_code in (413, 503)
            assert large.json()["code"] in ("body_too_large", "unavailable")
        behind.stop()
        away = web.get(f"{front.url}/api/", headers={"Connection": "close"})
        assert (away.status_code, away.json()["code"], away.headers["Retry-After"]) == (503, "unavailable", "5")
        assert away.headers["Content-Type"].startswith("application/json")
        assert "request_id" in away.json()


def _sign_in_to_the_console(front: Front, dispatcher: Any) -> None:
    page = front.session.get(f"{front.url}/admin/login/")
    assert page.status_code == 200
    form = {"username": dispatcher.username, "password": PASSWORD, "csrfmiddlewaretoken": front.session.cookies["csrftoken"], "next": "/admin/"}
    headers = {"Origin": front.url, "Referer": page.url}
    answer = front.session.post(page.url, data=form, headers=headers, allow_redirects=False)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/admin/"), answer.text[:500]


def _open_sockets(front: Front, user: Any) -> None:
    token = issue_pair(user)["access"]
    with front.socket(f"/ws/assistant/{user.pk}/", token, front.url) as client:
        assert "connection_established" in client.recv(timeout=10)
    with pytest.raises(InvalidStatus) as refused, front.socket(f"/ws/assistant/{user.pk}/", token, "https://localhost"):
        pass
    assert refused.value.response.status_code == 403
