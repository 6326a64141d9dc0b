"""Companies, their members, and who sees what (D02, D08, tenancy)."""

import pytest
from model_bakery import baker

from accounts.models import Company, Membership, User
from accounts.services import add_member, close_account, delete_company, remove_member
from depannini_dashmap.lib.errors import Conflict

pytestmark = pytest.mark.django_db
URL = "/api/companies/"


def one(company):
    return f"{URL}{company.pk}/"


def members(company):
    return f"{URL}{company.pk}/members/"


def same(answer):
    return answer.status_code, {name: value for name, value in answer.json().items() if name != "request_id"}


def test_creating_makes_a_member_with_a_new_current_company(api, dispatcher, company_a):
    answer = api(dispatcher).post(URL, {"name": "Second"})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "name", "address", "phone", "email", "created_at", "updated_at"}
    assert (body["address"], body["phone"], body["email"]) == ("", "", "")
    assert Membership.objects.get(company_id=body["id"]).user == dispatcher
    assert api(dispatcher).get("/api/auth/profile/").json()["company_id"] == body["id"]


@pytest.mark.parametrize("query", ["", "&ordering=name", "&ordering=-name,created_at"])
def test_companies_of_one_name_are_lost_on_neither_way(api, dispatcher, query):
    for company in baker.make(Company, name="ACME", _quantity=4):
        Membership.objects.create(user=dispatcher, company=company)
    there, url = [], f"/api/companies/?page_size=2{query}"
    while url:
        page = api(dispatcher).get(url).json()
        there.append([row["id"] for row in page["results"]])
        url = page["next"]
    back, url = there[-1:], page["previous"]
    while url:
        page = api(dispatcher).get(url).json()
        back.insert(0, [row["id"] for row in page["results"]])
        url = page["previous"]
    assert len({pk for page in there for pk in page}) == 5
    assert back == there


def test_the_list_shows_ones_own_newest_first(api, dispatcher, staff_user, company_a, company_b):
    second = api(dispatcher).post(URL, {"name": "Second"}).json()
    answer = api(dispatcher).get(URL).json()
    assert [row["id"] for row in answer["results"]] == [second["id"], company_a.pk]
    assert (answer["next"], answer["previous"]) == (None, None)
    assert len(api(staff_user).get(URL).json()["results"]) == 3
    assert [row["name"] for row in api(dispatcher).get(URL, {"ordering": "name"}).json()["results"]] == [
        company_a.name,
        "Second",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_costs_two_queries(api, dispatcher, company_a, count, django_assert_num_queries):
    for company in baker.make(Company, count - 1) if count > 1 else []:
        Membership.objects.create(user=dispatcher, company=company)
    client = api(dispatcher)
    with django_assert_num_queries(2):  # who asks, the companies
        assert len(client.get(URL).json()["results"]) == count


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a_foreign_company_is_as_absent_as_an_unknown_one(api, dispatcher, company_a, company_b, method):
    client = api(dispatcher)
    foreign = getattr(client, method)(one(company_b), {"name": "X"})
    unknown = getattr(client, method)(f"{URL}999999/", {"name": "X"})
    assert same(foreign) == same(unknown) == (404, {"error": "Company not found", "code": "not_found"})
    assert foreign.content.replace(foreign["X-Request-ID"].encode(), b"") == unknown.content.replace(
        unknown["X-Request-ID"].encode(), b""
    )
    assert Company.objects.get(pk=company_b.pk).name == company_b.name


@pytest.mark.parametrize("path", ["abc", "-1", str(2**63), "1" * 120, "%00", "é", "0"])
def test_ids_that_are_none(api, dispatcher, path):
    for url in (f"{URL}{path}/", f"{URL}{path}/members/"):
        answer = api(dispatcher).get(url)
        assert answer.status_code == 404, url


def test_changing(api, dispatcher, company_a):
    answer = api(dispatcher).put(one(company_a), {"phone": "555-0123", "id": 9, "created_at": "2001-01-01T00:00:00Z"})
    assert answer.status_code == 200
    company_a.refresh_from_db()
    assert (company_a.phone, company_a.name) == ("555-0123", "Atlas Transport")
    assert company_a.created_at.year > 2001
    bad = api(dispatcher).put(one(company_a), {"name": "", "email": "x", "phone": "1" * 21})
    assert set(bad.json()["fields"]) == {"name", "email", "phone"}


@pytest.mark.parametrize("actor", ["client_user", "assistant_user"])
def test_clients_and_assistants_have_no_companies(api, request, actor, company_a):
    client = api(request.getfixturevalue(actor))
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"name": "X"}).status_code == 403
    assert client.get(one(company_a)).status_code == 403
    assert client.get(members(company_a)).status_code == 403


def test_a_viewer_only_reads(api, viewer, company_a, other_client):
    client = api(viewer)
    assert client.get(one(company_a)).status_code == 200
    assert client.get(members(company_a)).status_code == 200
    assert client.put(one(company_a), {"name": "X"}).status_code == 403
    assert client.delete(one(company_a)).status_code == 403
    assert client.post(members(company_a), {"username": "x"}).status_code == 403
    assert client.post(URL, {"name": "X"}).status_code == 403


def test_a_viewer_here_who_is_a_member_there(api, viewer, company_a, company_b):
    Membership.objects.create(user=viewer, company=company_b)
    assert api(viewer).put(one(company_a), {"name": "X"}).status_code == 403
    assert api(viewer).put(one(company_b), {"name": "X"}).status_code == 200


# --- Deleting ----------------------------------------------------------------------------------------------------------------
def test_an_empty_company_is_deleted(api, dispatcher, company_a, company_b):
    Membership.objects.create(user=dispatcher, company=company_b)
    answer = api(dispatcher).delete(one(company_a))
    assert (answer.status_code, answer.content) == (204, b"")
    dispatcher.refresh_from_db()
    assert dispatcher.current_company == company_b


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_company_with_vehicles_stays(api, dispatcher, company_a, vehicle, is_deleted):
    if is_deleted:
        assert api(dispatcher).delete(f"/api/vehicles/{vehicle.pk}/").status_code == 204
    answer = api(dispatcher).delete(one(company_a))
    assert (answer.status_code, answer.json()["code"]) == (409, "company_in_use")
    assert Company.objects.filter(pk=company_a.pk).exists()
    assert Membership.objects.filter(company=company_a).exists()


# --- Members -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("person", [{"username": "omar"}, {"email": "OMAR@example.com"}])
def test_a_member_brings_another_in(api, dispatcher, dispatcher_b, company_a, person):
    answer = api(dispatcher).post(members(company_a), person)
    assert answer.status_code == 201
    assert (answer.json()["user_id"], answer.json()["role"]) == (dispatcher_b.pk, "member")
    assert api(dispatcher_b).get("/api/auth/profile/").json()["company_id"] == company_a.pk
    assert api(dispatcher).post(members(company_a), person).status_code == 200
    listed = api(dispatcher).get(members(company_a)).json()["results"]
    assert {row["username"] for row in listed} == {"nadia", "omar"}


def test_a_role_may_be_given_and_changed(api, dispatcher, dispatcher_b, company_a):
    assert api(dispatcher).post(members(company_a), {"username": "omar", "role": "viewer"}).json()["role"] == "viewer"
    assert api(dispatcher).post(members(company_a), {"username": "omar", "role": "member"}).json()["role"] == "member"
    assert api(dispatcher).post(members(company_a), {"username": "omar", "role": "owner"}).status_code == 400


def test_who_is_no_dispatcher_is_as_absent_as_nobody(api, dispatcher, client_user, company_a):
    known = api(dispatcher).post(members(company_a), {"email": client_user.email})
    unknown = api(dispatcher).post(members(company_a), {"email": "nobody@example.com"})
    assert same(known) == same(unknown)
    assert known.status_code == 400
    assert api(dispatcher).post(members(company_a), {}).status_code == 400


def test_a_stranger_sees_no_members(api, dispatcher_b, company_a):
    assert api(dispatcher_b).get(members(company_a)).status_code == 404
    assert api(dispatcher_b).post(members(company_a), {"username": "omar"}).status_code == 404


def test_removing_a_member(api, dispatcher, dispatcher_b, company_a, company_b):
    add_member(dispatcher, company_a, person={"username": "omar"})
    answer = api(dispatcher).delete(f"{members(company_a)}{dispatcher_b.pk}/")
    assert (answer.status_code, answer.content) == (204, b"")
    dispatcher_b.refresh_from_db()
    assert dispatcher_b.current_company == company_b
    assert api(dispatcher_b).get(one(company_a)).status_code == 404
    again = api(dispatcher).delete(f"{members(company_a)}{dispatcher_b.pk}/")
    assert (again.status_code, again.json()["error"]) == (404, "Member not found")


def test_the_last_member_of_a_company_with_vehicles_stays(api, dispatcher, viewer, company_a, vehicle):
    with pytest.raises(Conflict):
        remove_member(dispatcher, company_a, dispatcher.pk)
    with pytest.raises(Conflict):
        close_account(dispatcher)
    answer = api(dispatcher).post(members(company_a), {"username": dispatcher.username, "role": "viewer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_member")
    dispatcher.refresh_from_db()
    assert dispatcher.is_active


def test_a_viewer_may_leave_by_themselves(viewer, company_a):
    remove_member(viewer, company_a, viewer.pk)
    assert not Membership.objects.of(viewer).exists()


def test_visible_to(dispatcher, viewer, staff_user, client_user, company_a, company_b):
    assert set(Company.objects.visible_to(dispatcher)) == set(Company.objects.visible_to(viewer)) == {company_a}
    assert set(Company.objects.editable_by(dispatcher)) == {company_a}
    assert set(Company.objects.editable_by(viewer)) == set(Company.objects.visible_to(client_user)) == set()
    assert set(Company.objects.visible_to(staff_user)) == {company_a, company_b}
    assert set(User.objects.visible_to(dispatcher)) == {dispatcher, viewer}
    assert set(User.objects.visible_to(client_user)) == {client_user}


def test_deleting_leaves_no_half(dispatcher, company_a, vehicle):
    with pytest.raises(Conflict):
        delete_company(dispatcher, company_a)
    dispatcher.refresh_from_db()
    assert dispatcher.current_company == company_a
