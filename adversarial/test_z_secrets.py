"""K. What the whole run left behind: no live credential of anybody in the database, the logs or the history.

The file's name puts it last: the more was done before, the more could have leaked.
"""

import random
import re
import subprocess

import pytest

from testing.samples import fleet_of
from testing.servers import ROOT
from testing.users import PASSWORD

HISTORY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}|ghp_\w{36}|sk_live_\w+"
    r"|AIza[\w-]{35}|xox[baprs]-\w+|SECRET_KEY *= *['\"][^'\"]{20,}"
)


@pytest.fixture(scope="module")
def secrets(environment, users):
    """Everything secret that the run knows, and a last few things more."""
    client, dispatcher = users.client(), users.dispatcher()
    code = environment.code_for(client.known["phone"])
    vehicle = fleet_of(dispatcher)["vehicle"]
    made = dispatcher.post("/api/devices/", {"vehicle_id": vehicle}, headers={"Idempotency-Key": "a tracker"})
    environment.secrets.add(made.json()["key"])
    client.http.get(f"{environment.urls[0]}/api/profile/user/?token={client.token}&access_token={dispatcher.token}&code={code}")
    assert len(environment.secrets) >= 3
    return {PASSWORD, environment.variables["SECRET_KEY"], *environment.secrets}


def test_a07_no_answer_contains_a_code(environment, users, anyone, six_digit_numbers):
    """The original answered with the code that it sent."""
    email = f"a07x{random.randrange(10**9)}@example.com"
    client = users.client(email=email)
    phone = client.known["phone"]
    codes = {environment.code_for(phone), environment.code_for(email)}
    for name, address in (("phone_number", phone), ("email", email)):
        for number, path in enumerate(("resend-verification", "password-reset"), 1):
            assert anyone.post(f"/api/auth/{path}/", {name: address}).status_code == 200
            codes.add(code := environment.code_for(address, after=number))
    new = {"new_password": "short", "new_password_confirm": "short"}
    assert anyone.post("/api/auth/password-reset/confirm/", {"email": email, "code": code, **new}).status_code == 400
    client.get("/api/profile/user/")
    paths = {"register", "resend-verification", "password-reset", "password-reset/confirm"}
    assert {f"/api/auth/{path}/" for path in paths} <= six_digit_numbers.keys()
    for folder in (environment.sms, environment.mail):
        codes |= {code for text in environment.messages(folder, "code is") for code in re.findall(r"(?<!\d)\d{6}(?!\d)", text)}
    assert len(codes) >= 5
    assert not {path: found & codes for path, found in six_digit_numbers.items() if found & codes}


def _readable(environment, table):
    """Return a table as text; bytes as the text that they are."""
    rows = environment.rows(f'SELECT * FROM "{table}"')
    return "\n".join(bytes(value).decode(errors="replace") if isinstance(value, memoryview) else str(value) for row in rows for value in row)


def test_k01_no_credential_can_be_read_in_a_dump(environment, secrets):
    for (table,) in environment.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"):
        text = _readable(environment, table)
        assert not [secret for secret in secrets if secret in text], table
        assert not re.search(r"eyJ[\w-]{20,}\.eyJ", text), table
    sent = {code for text in environment.messages(environment.sms, "code") for code in re.findall(r"(?<!\d)(\d{6})(?!\d)", text)}
    assert sent
    for table in ("accounts_verificationcode", "django_tasks_database_dbtaskresult"):
        text = _readable(environment, table)
        # Microseconds of instants have six digits, too.
        assert not sent & set(re.findall(r"(?<![.\d])\b(\d{6})\b", text)), table


def test_k01_no_credential_can_be_read_in_the_logs(environment, secrets):
    logs = environment.logs()
    assert not [secret for secret in secrets if secret in logs]
    assert not re.search(r"eyJ[\w-]{20,}\.eyJ", logs)


def test_k01_no_credential_was_ever_committed():
    if not (ROOT / ".git").exists():
        pytest.skip("a copy without its history")
    done = subprocess.run(["git", "log", "-p", "--all", "--no-color"], cwd=ROOT, capture_output=True, check=True)
    found = [line for line in done.stdout.decode(errors="replace").splitlines() if HISTORY.search(line)]
    assert found == []
