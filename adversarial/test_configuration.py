"""K. Privacy, audit and configuration."""

import re
import subprocess
import sys

import psycopg2
import pytest

from testing.samples import ask_for_help
from testing.servers import ROOT
from testing.users import PASSWORD


def test_k01_logs_hold_no_secrets(environment, users, anyone):
    client = users.client()
    anyone.post("/api/auth/login/phone/", {"phone_number": client.known["phone"], "password": "wrong-password-42"})
    client.post("/api/profile/update-location/", {"latitude": 36.1234567, "longitude": 3.7654321})
    logs = environment.logs()
    for secret in ("eyJ", PASSWORD, "wrong-password-42", client.known["phone"], "36.1234567", environment.variables["SECRET_KEY"]):
        assert secret not in logs


def test_k02_the_audit_only_grows(environment, users):
    client = users.client()
    client.post("/api/auth/password-change/", {"old_password": PASSWORD, "new_password": "another-horse-9", "new_password_confirm": "another-horse-9"})
    rows = environment.rows("SELECT event, actor_id, address, request_id FROM depannini_dashmap_auditevent WHERE actor_id = %s OR target_id = %s", [client.id, str(client.id)])
    assert rows and all(address and request_id for _, _, address, request_id in rows)
    for statement in ("UPDATE depannini_dashmap_auditevent SET event = 'x'", "DELETE FROM depannini_dashmap_auditevent"):
        with pytest.raises(psycopg2.Error, match="append-only"):
            environment.rows(statement)


def test_k03_a_closed_account_leaves_nothing_personal(environment, users, anyone):
    client, assistant = users.client(name="Zebra Quagga"), users.assistant()
    number = ask_for_help(client)
    assistant.patch(f"/api/assistance/accept/{number}/")
    assistant.patch(f"/api/assistance/update/{number}/", {"status": "completed"})
    client.post("/api/profile/update-location/", {"latitude": 36.7, "longitude": 3.7})
    assert client.delete("/api/profile/user/").status_code == 204
    assert client.get("/api/profile/user/").status_code == 401
    for (table,) in environment.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"):
        text = "\n".join(str(row) for row in environment.rows(f'SELECT t::text FROM "{table}" t'))
        assert "Zebra" not in text and client.known["phone"] not in text, table
    assert assistant.get(f"/api/assistance/view/{number}/").json()["client"]["phone_number"] is None
    again = anyone.post("/api/auth/register/", {"phone_number": client.known["phone"], "name": "New", "password": PASSWORD})
    assert again.status_code == 201 and again.json()["user"]["id"] != client.id


def test_k04_every_answer_has_the_security_headers(environment, anyone):
    answer = anyone.http.get(environment.urls[0] + "/api/", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "content-security-policy" in answer.headers
    assert not re.search(r"\d", answer.headers.get("server", ""))


def test_k04_no_origin_gets_cors_with_credentials(environment, anyone):
    for method, asked in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})):
        headers = {"Origin": "https://evil.example", "Cookie": "sessionid=x", **asked}
        answer = anyone.http.request(method, environment.urls[0] + "/api/auth/login/", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")], method


def test_k04_plain_http_is_redirected_where_https_is_on(environment, anyone):
    url = environment.start_server(HTTPS="on", TASK_WORKER="off")
    for path in ("/api/", "/admin/login/", "/api/nothing/"):
        secure = anyone.http.get(url + path, headers={"X-Forwarded-Proto": "https"})
        age = re.fullmatch(r"max-age=(\d+)", secure.headers["Strict-Transport-Security"])
        assert age and int(age.group(1)) >= 31536000, path
        plain = anyone.http.get(url + path)
        assert plain.status_code == 301 and plain.headers["Location"].startswith("https://"), path
        assert "strict-transport-security" not in plain.headers, path
    page = anyone.http.get(f"{url}/admin/login/", headers={"X-Forwarded-Proto": "https"})
    assert all("secure" in cookie.lower() for cookie in page.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("variables", "named"),
    [({"SECRET_KEY": "short"}, "SECRET_KEY"), ({"SECRET_KEY": "django-insecure-" + "x" * 50}, "SECRET_KEY"), ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"), ({"DEBUG": "on", "ALLOWED_HOSTS": "api.example.com"}, "DEBUG")],
)
def test_k05_the_server_refuses_to_start_with_unsafe_settings(environment, variables, named):
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env={**environment.variables, **variables}, capture_output=True, text=True)
    assert done.returncode != 0 and named in done.stderr
