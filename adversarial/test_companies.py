"""Who works for whom: nobody is put into a company, nobody learns who exists, and a removed member receives nothing more."""

import statistics
import time

import pytest

from testing.samples import fleet_of, invite, order_body, position_body


def members(company):
    return f"/api/companies/{company}/members/"


@pytest.fixture
def owner(users):
    """Somebody with a company of their own."""
    return users.dispatcher()


@pytest.fixture
def other(users):
    """Somebody of another company."""
    return users.dispatcher()


def test_a_dispatcher_who_has_not_agreed_gives_a_company_nothing(users, owner, other):
    """Asked under every name and role, the victim's next order, vehicle and company edit stay theirs."""
    company = owner.known["company"]
    for body in ({"username": other.known["username"]}, {"email": other.known["email"]}):
        for role in ("viewer", "member"):
            assert owner.post(members(company), {**body, "role": role}).status_code == 202
    assert owner.post(members(company), {"username": other.known["username"], "role": "owner"}).status_code == 400
    ids = fleet_of(other)
    assert other.get("/api/auth/profile/").json()["company_id"] == other.known["company"]
    assert other.put("/api/auth/company/", {"company_phone": "021"}).json()["id"] == other.known["company"]
    for kind in ("vehicle", "order", "trip"):
        assert owner.get(f"/api/{kind}s/{ids[kind]}/").status_code == 404
    assert [row["user_id"] for row in owner.get(members(company)).json()["results"]] == [owner.id]


def test_invitations_do_not_reveal_who_has_an_account(environment, users, owner, other):
    """By status, body, or time: of a dispatcher, a client, a colleague, who proved an address, and nobody."""
    company, client = owner.known["company"], users.client()
    environment.rows("UPDATE accounts_user SET email_verified = true WHERE id = %s", [other.id])
    names = {
        "dispatcher": {"username": other.known["username"]},
        "nobody": {"username": "no-such-person"},
        "client": {"username": client.known["phone"]},
        "oneself": {"username": owner.known["username"]},
        "proven": {"email": other.known["email"]},
        "unproven": {"email": owner.known["email"]},
        "no address": {"email": "no-such-person@example.com"},
    }
    shapes, times = set(), {}
    for round_ in range(12):
        for kind, body in names.items():
            started = time.perf_counter()
            answer = owner.post(members(company), body, server=0)
            times.setdefault(kind, []).append(time.perf_counter() - started)
            invitation = answer.json()["invitation"]
            shapes.add((answer.status_code, tuple(answer.json()), tuple(invitation), invitation["role"], len(answer.content) - len(str(invitation["id"]))))
            name = next(iter(body.values()))
            assert name not in answer.text and "email" not in answer.text
            if round_ % 2:
                assert owner.delete(f"/api/companies/{company}/invitations/{invitation['id']}/").status_code == 204
    assert len(shapes) == 1, shapes
    medians = {kind: statistics.median(taken) for kind, taken in times.items()}
    assert max(medians.values()) < 3 * min(medians.values()), medians


def test_an_unproven_address_receives_no_invitation(environment, users, owner):
    squatter, company = users.dispatcher(), owner.known["company"]
    number = owner.post(members(company), {"email": squatter.known["email"]}).json()["invitation"]["id"]
    assert squatter.get("/api/invitations/").json()["results"] == []
    for act in ("accept", "decline"):
        assert squatter.post(f"/api/invitations/{number}/{act}/").status_code == 404
    # By the address in the place of a username neither.
    assert owner.post(members(company), {"username": squatter.known["email"]}).json()["invitation"]["id"] == number
    assert squatter.post(f"/api/invitations/{number}/accept/").status_code == 404
    environment.rows("UPDATE accounts_user SET email_verified = true WHERE id = %s", [squatter.id])
    assert [row["id"] for row in squatter.get("/api/invitations/").json()["results"]] == [number]


def test_guessed_ids_open_no_company(users, owner, other):
    thief, company = users.dispatcher(), owner.known["company"]
    number = invite(company, owner, other)
    for guess in range(max(1, number - 20), number + 20):
        for act in ("accept", "decline"):
            assert thief.post(f"/api/invitations/{guess}/{act}/").status_code == 404
        assert thief.delete(f"/api/companies/{thief.known['company']}/invitations/{guess}/").status_code == 404
    assert thief.get(f"/api/companies/{company}/").status_code == 404
    assert other.post(f"/api/invitations/{number}/accept/").status_code == 200


def test_a_member_grants_no_role_above_their_own(users, owner, other):
    company, friend = owner.known["company"], users.dispatcher()
    assert other.post(f"/api/invitations/{invite(company, owner, other)}/accept/").status_code == 200
    mine, owners = f"{members(company)}{other.id}/", f"{members(company)}{owner.id}/"
    for body in ({"role": "owner"}, {"role": "owner", "is_owner": True}):
        assert other.patch(mine, body).status_code == 403
        assert other.patch(owners, {"role": "viewer"}).status_code == 403
    assert other.delete(owners).status_code == 403
    assert other.delete(f"/api/companies/{company}/").status_code == 403
    # A viewer, asked again by a member as a member, stays what they are.
    assert friend.post(f"/api/invitations/{invite(company, other, friend, role='viewer')}/accept/").status_code == 200
    assert friend.post(f"/api/invitations/{invite(company, other, friend, role='member')}/accept/").json()["role"] == "viewer"
    roles = {row["user_id"]: row["role"] for row in owner.get(members(company)).json()["results"]}
    assert roles == {owner.id: "owner", other.id: "member", friend.id: "viewer"}


def test_a_viewer_may_only_read_and_leave(users, owner, other):
    ids, company = fleet_of(owner), owner.known["company"]
    assert other.post(f"/api/invitations/{invite(company, owner, other, role='viewer')}/accept/").status_code == 200
    for method, path, body in (
        ("PUT", f"/api/companies/{company}/", {"phone": "1"}),
        ("PUT", f"/api/vehicles/{ids['vehicle']}/", {"make": "x"}),
        ("DELETE", f"/api/vehicles/{ids['vehicle']}/", None),
        ("PUT", f"/api/orders/{ids['order']}/", {"customer_name": "x"}),
        ("PUT", f"/api/trips/{ids['trip']}/", {"notes": "x"}),
        ("POST", "/api/orders/", order_body(company=company)),
        ("POST", "/api/positions/", position_body(ids["vehicle"])),
        ("POST", members(company), {"username": "friend"}),
        ("GET", f"/api/companies/{company}/invitations/", None),
    ):
        assert other.call(method, path, body).status_code == 403, path
    assert other.delete(f"{members(company)}{other.id}/").status_code == 204
    assert other.get(f"/api/companies/{company}/").status_code == 404
    assert other.get("/api/auth/profile/").json()["company_id"] == other.known["company"]


def test_a_removed_member_receives_and_reads_nothing_more(environment, users, owner, other):
    ids, company = fleet_of(owner), owner.known["company"]
    assert other.post(f"/api/invitations/{invite(company, owner, other)}/accept/").status_code == 200
    made = other.post("/api/orders/", order_body(company=company), headers={"Idempotency-Key": "mine"})
    assert made.status_code == 201
    with other.socket("/ws/fleet/", server=1) as theirs:
        assert company in theirs.receive("connection_established")["companies"]
        assert owner.delete(f"{members(company)}{other.id}/", server=0).status_code == 204
        assert theirs.receive_close(2) == 1012
    with other.socket("/ws/fleet/", server=1) as theirs:
        assert theirs.receive("connection_established")["companies"] == [other.known["company"]]
        assert owner.post("/api/positions/", position_body(ids["vehicle"])).status_code == 201
        own = fleet_of(other)
        assert other.post("/api/positions/", {**position_body(own["vehicle"]), "timestamp": "2025-06-01T00:00:00Z"}).status_code == 201
        assert theirs.receive("position")["vehicle_id"] == own["vehicle"]
        assert [frame.get("company_id") for frame in theirs.received if frame["type"] == "position"] == [other.known["company"]]
    again = other.post("/api/orders/", order_body(company=company), headers={"Idempotency-Key": "mine"})
    assert again.status_code == 409 and "ORD-" not in again.text
    for path in (f"companies/{company}/", f"vehicles/{ids['vehicle']}/", f"orders/{made.json()['id']}/", f"trips/{ids['trip']}/"):
        assert other.get(f"/api/{path}").status_code == 404


def test_a_trapped_member_leaves_and_closes_their_account(environment, users, owner, other):
    """As releases before put people into companies: the row alone."""
    company = owner.known["company"]
    fleet_of(owner)
    environment.rows(
        "INSERT INTO accounts_membership (user_id, company_id, role, created_at) VALUES (%s, %s, 'member', now())",
        [other.id, company],
    )
    assert other.delete(f"{members(company)}{other.id}/").status_code == 204
    environment.rows(
        "INSERT INTO accounts_membership (user_id, company_id, role, created_at) VALUES (%s, %s, 'viewer', now())",
        [other.id, company],
    )
    assert other.delete("/api/profile/user/").status_code == 204
    assert [row["user_id"] for row in owner.get(members(company)).json()["results"]] == [owner.id]


def test_an_invitation_expires(environment, users, owner, other):
    company = owner.known["company"]
    number = invite(company, owner, other)
    environment.rows("UPDATE accounts_invitation SET expires_at = now() - interval '1 second' WHERE id = %s", [number])
    assert other.post(f"/api/invitations/{number}/accept/").status_code == 409
    number = invite(company, owner, other)
    assert owner.delete(f"/api/companies/{company}/invitations/{number}/").status_code == 204
    assert other.post(f"/api/invitations/{number}/accept/").status_code == 409
    assert other.get(f"/api/companies/{company}/").status_code == 404
