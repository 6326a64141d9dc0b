"""D01, the authorization matrix: every operation of the URL table × nine actors, each cell an expected status.

The rows are in authorization.py; a path without one fails, and a row that lost its operation fails too. Requests are in
order, so that a status shows who may, not a fault of the body.
"""

import pytest
import yaml

from adversarial.authorization import EXPECTED
from adversarial.matrix_users import MatrixUsers
from adversarial.url_table import ADMIN, FUNCTIONS, OPERATIONS
from testing.servers import ROOT

NOT_IN_THE_SCHEMA = {
    "GET /duty/", "POST /duty/", "GET /duty/sign-in/", "POST /duty/sign-in/", "POST /duty/sign-out/", "POST /duty/language/", "POST /duty/socket-token/",
    "POST /duty/place/", "GET /duty/sign-in/code/", "POST /duty/sign-in/code/", "GET /duty/code/", "POST /duty/code/", "POST /duty/push/", "GET /duty/manifest.webmanifest", "GET /duty/worker.js", "GET /duty/photos/{photo_id}/", "GET /h/{token}/photos/{photo_id}/",
    "GET /", "GET /api/", "GET /healthz/", "GET /readyz/", "GET /metrics/", "GET /api/schema/", "GET /api/docs/",
    "GET /api/docs/sockets/", "GET /admin/", "GET /media/{path}", "GET /t/{token}/", "POST /t/{token}/ticket/", "GET /t/worker.js", "GET /help/", "GET /help/places/",
    "GET /h/worker.js", "GET /h/{token}/", "GET /h/{token}/state/", "GET /h/{token}/push/", "POST /h/{token}/ticket/", "GET /h/{token}/receipt/", "GET /h/{token}/receipt.pdf", "GET /streets/{build}/{z}/{x}/{y}.mvt",
    "GET /i/{token}/", "GET /o/{token}/", "GET /o/{token}/state/", "POST /o/{token}/ticket/", "GET /o/worker.js", "GET /o/{token}/push/", "GET /o/{token}/proof/{kind}/",
}  # fmt: skip
WRITTEN = {name.partition(" (")[0] for name in EXPECTED}
UNWRITTEN = [operation for operation in OPERATIONS if operation not in WRITTEN]


@pytest.fixture(scope="module")
def matrix(users, environment):
    """The nine actors and what the first ones own."""
    return MatrixUsers(environment, users)


def test_d01_every_operation_has_a_row_and_every_row_an_operation():
    assert len(OPERATIONS) == len(set(OPERATIONS)) > 100
    assert UNWRITTEN == [], "operations for which nobody wrote who may"
    assert sorted(WRITTEN - set(OPERATIONS)) == [], "rows whose operation is gone"
    assert {len(case.row) for case in EXPECTED.values()} == {9}


def test_d01_the_schema_describes_what_is_served():
    paths = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    verbs = ("get", "post", "put", "patch", "delete")
    described = {f"{verb.upper()} {path}" for path in paths for verb in paths[path] if verb in verbs}
    assert set(OPERATIONS) - described == NOT_IN_THE_SCHEMA
    assert described - set(OPERATIONS) == set()


@pytest.mark.parametrize("operation", [*EXPECTED, *UNWRITTEN])
def test_d01_every_user_gets_the_status_of_the_matrix(matrix, operation):
    assert operation in EXPECTED, f"{operation}: nobody wrote who may"
    case = EXPECTED[operation]
    method, path = operation.partition(" (")[0].split(" ")
    wrong = {}
    for name, cell in case.row.items():
        with case.on(matrix, name) as own:
            values = {**matrix.values(name), **own}
            actor = values.pop("actor", matrix.actors[name])
            body = case.body(values) if callable(case.body) else case.body
            place = path.format_map(values)
            if "base" in values:
                answer = actor.http.request(
                    method, values["base"] + place, headers={"Authorization": actor.header} if actor.header else {}
                )
            else:
                answer = actor.call(method, place, body, **case.options(values))
            got = (answer.status_code, answer.json()["code"]) if isinstance(cell, tuple) else answer.status_code
        if got != cell:
            wrong[name] = f"{got}, not {cell}: {answer.text[:200]}"
    assert wrong == {}


# Function views list no methods for the table, so any other method must be refused.
# A driver's and a motorist's page act by POST: trips/tests/test_driver_link.py, assistance/tests/test_motorist_page.py.
OPEN_FUNCTIONS = [path.replace("{path}", "a.jpg") for path in FUNCTIONS if not path.startswith(("/admin/", "/t/", "/h/", "/o/", "/i/", "/help/", "/streets/"))]


@pytest.mark.parametrize("path", OPEN_FUNCTIONS)
def test_d01_function_views_allow_get_alone(matrix, path):
    for actor in (matrix.actors["anon"], matrix.actors["staff"]):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = actor.http.request(method, matrix.environment.urls[0] + path, headers={"Authorization": actor.header})
            assert (answer.status_code, answer.headers.get("Allow")) == (405, "GET, HEAD"), method
            assert answer.json()["code"] == "method_not_allowed"


# Before there is a session; the last two only lead elsewhere.
OPEN_IN_THE_ADMIN = {"/admin/login/", "/admin/language/", "/admin/logout/", "/admin/password_reset/"}


def test_d01_admin_pages_need_a_session(matrix):
    assert len(ADMIN) > 100 and set(ADMIN) > OPEN_IN_THE_ADMIN
    answers = {}
    for path in ADMIN:
        concrete = path.format_map(_Ones(app_label="fleet"))
        for name in ("anon", "dispatcher_a", "staff"):
            answer = matrix.actors[name].call("GET", concrete, server=0)
            if answer.status_code != 302 or "/admin/login/" not in answer.headers["Location"]:
                answers.setdefault(path, []).append((name, answer.status_code))
    assert set(answers) <= OPEN_IN_THE_ADMIN, answers


class _Ones(dict):
    def __missing__(self, key: str) -> str:
        return "1"
