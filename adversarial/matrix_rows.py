"""Forms of a row of the authorization matrix: which of the nine users get which status."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from adversarial.matrix_users import MatrixUsers, Values

Cell = int | tuple[int, str]  # a status, with the code where two reasons share the status
Row = dict[str, Cell]


USERS = (
    "anon", "client", "other_client", "assistant", "other_assistant", "dispatcher_a", "dispatcher_b", "roadside", "staff",
)  # fmt: skip


def everyone(status: Cell) -> Row:
    """Public: credentials, where there are any, change nothing."""
    return dict.fromkeys(USERS, status)


def signed_in(status: Cell) -> Row:
    """Anyone with good credentials."""
    return {**everyone(status), "anon": 401}


def clients(status: Cell) -> Row:
    """ "Client only" in the documents: 403 for every other role, operators too."""
    return {**signed_in(403), "client": status, "other_client": status}


def assistants(status: Cell) -> Row:
    """ "Assistant only" in the documents."""
    return {**signed_in(403), "assistant": status, "other_assistant": status}


def roadside(status: Cell) -> Row:
    """Staff and the group Roadside."""
    return {**signed_in(403), "roadside": status, "staff": status}


def fleet(status: Cell, **others: Cell) -> Row:
    """Dispatchers, each on what is their own, and staff."""
    members = dict.fromkeys(("dispatcher_a", "dispatcher_b", "roadside", "staff"), status)
    return {**signed_in(403), **members, **others}


def of_company_a(status: Cell) -> Row:
    """A row of company A: for the dispatcher of another company it does not exist."""
    return fleet(status, dispatcher_b=404, roadside=404)


def of_request(*, client: Cell, assistant: Cell, staff: Cell) -> Row:
    """A request for help: for who is neither its client nor its assistant it does not exist; Roadside may what staff may."""
    return {**signed_in(404), "client": client, "assistant": assistant, "staff": staff, "roadside": staff}


class Case(NamedTuple):
    """A row, and the request that it is about."""

    row: Row
    body: Values | Callable[[Values], Values] | None = None
    on: Callable[[MatrixUsers, str], Any] = lambda matrix, name: nullcontext({})
    options: Callable[[Values], Values] = lambda values: {}
