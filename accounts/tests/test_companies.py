"""Companies, their members, and who sees what (D02, D08, tenancy)."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from model_bakery import baker

from accounts.models import Company, Membership, User
from accounts.services import close_account, delete_company
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
    assert set(body) == {"id", "name", "address", "phone", "email", "depot", "created_at", "updated_at"}
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


# --- Members: who is asked is in test_invitations --------------------------------------------------------------------------
def roles(company):
    return {row.user.username: str(row.full_role) for row in company.memberships.select_related("user")}


def test_who_opens_a_company_owns_it(api, dispatcher):
    second = api(dispatcher).post(URL, {"name": "Second"}).json()["id"]
    [member] = api(dispatcher).get(f"{URL}{second}/members/").json()["results"]
    assert (member["user_id"], member["role"]) == (dispatcher.pk, "owner")


def test_owners_give_roles(api, dispatcher, colleague, viewer, company_a):
    client = api(dispatcher)
    for role in ("viewer", "owner", "member", "member"):
        answer = client.patch(f"{members(company_a)}{colleague.pk}/", {"role": role})
        assert (answer.status_code, answer.json()["user_id"], answer.json()["role"]) == (200, colleague.pk, role)
        assert roles(company_a)["samir"] == role
    for body in ({}, {"role": "king"}, {"role": None}, {"role": ["owner"]}, {"role": True}):
        bad = client.patch(f"{members(company_a)}{colleague.pk}/", body)
        assert (bad.status_code, list(bad.json()["fields"])) == (400, ["role"])


@pytest.mark.parametrize("actor", ["colleague", "viewer"])
def test_nobody_else_gives_roles_or_removes(api, request, actor, dispatcher, colleague, viewer, company_a):
    client = api(request.getfixturevalue(actor))
    for person in (dispatcher, colleague, viewer):
        for role in ("owner", "member", "viewer"):
            assert client.patch(f"{members(company_a)}{person.pk}/", {"role": role}).status_code == 403
    for person in {dispatcher, colleague, viewer} - {request.getfixturevalue(actor)}:
        assert client.delete(f"{members(company_a)}{person.pk}/").status_code == 403
    assert client.delete(one(company_a)).status_code == 403
    assert roles(company_a) == {"nadia": "owner", "samir": "member", "rym": "viewer"}


@pytest.mark.parametrize("who", ["colleague", "viewer"])
def test_everybody_may_leave(api, request, who, dispatcher, company_a, vehicle):
    user = request.getfixturevalue(who)
    answer = api(user).delete(f"{members(company_a)}{user.pk}/")
    assert (answer.status_code, answer.content) == (204, b"")
    user.refresh_from_db()
    assert (user.current_company, roles(company_a)) == (None, {"nadia": "owner"})


def test_a_stranger_sees_no_members(api, dispatcher_b, dispatcher, company_a):
    client = api(dispatcher_b)
    unknown = f"{URL}999999/members/"
    assert same(client.get(members(company_a))) == same(client.get(unknown))
    for method, path, body in (
        ("post", "", {"username": "omar"}),
        ("post", "", {}),
        ("patch", f"{dispatcher.pk}/", {"role": "viewer"}),
        ("delete", f"{dispatcher.pk}/", None),
        ("delete", f"{dispatcher_b.pk}/", None),
    ):
        foreign = getattr(client, method)(f"{members(company_a)}{path}", body)
        absent = getattr(client, method)(f"{unknown}{path}", body)
        assert same(foreign) == same(absent), path
        assert foreign.status_code == 404


def test_removing_a_member(api, dispatcher, colleague, company_a, company_b):
    Membership.objects.create(user=colleague, company=company_b)
    answer = api(dispatcher).delete(f"{members(company_a)}{colleague.pk}/")
    assert (answer.status_code, answer.content) == (204, b"")
    colleague.refresh_from_db()
    assert colleague.current_company == company_b
    assert api(colleague).get(one(company_a)).status_code == 404
    again = api(dispatcher).delete(f"{members(company_a)}{colleague.pk}/")
    assert (again.status_code, again.json()["error"]) == (404, "Member not found")
    assert api(dispatcher).patch(f"{members(company_a)}{colleague.pk}/", {"role": "owner"}).status_code == 404


def test_removing_leaves_another_current_company_alone(api, dispatcher, colleague, company_a, company_b):
    Membership.objects.create(user=colleague, company=company_b)
    for current in (company_b, None):
        Membership.objects.get_or_create(user=colleague, company=company_a)
        User.objects.filter(pk=colleague.pk).update(current_company=current)
        assert api(dispatcher).delete(f"{members(company_a)}{colleague.pk}/").status_code == 204
        colleague.refresh_from_db()
        assert colleague.current_company == current


@pytest.mark.parametrize("has", ["vehicle", "colleague"])
def test_the_last_owner_of_what_is_not_empty_stays(api, request, dispatcher, company_a, has):
    request.getfixturevalue(has)
    client = api(dispatcher)
    mine = f"{members(company_a)}{dispatcher.pk}/"
    for answer in (
        client.delete(mine),
        client.patch(mine, {"role": "member"}),
        client.patch(mine, {"role": "viewer"}),
        client.delete("/api/profile/user/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    with pytest.raises(Conflict):
        close_account(actor=None, user=dispatcher)
    dispatcher.refresh_from_db()
    assert dispatcher.is_active and dispatcher.current_company == company_a
    assert roles(company_a)["nadia"] == "owner"


def test_an_owner_who_cannot_sign_in_is_no_other_owner(api, dispatcher, colleague, company_a):
    api(dispatcher).patch(f"{members(company_a)}{colleague.pk}/", {"role": "owner"})
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    assert api(dispatcher).delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 409


def test_an_owner_goes_once_there_is_another(api, dispatcher, colleague, company_a, vehicle):
    client = api(dispatcher)
    assert client.patch(f"{members(company_a)}{colleague.pk}/", {"role": "owner"}).status_code == 200
    assert client.delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 204
    assert roles(company_a) == {"samir": "owner"}
    assert client.patch(f"{members(company_a)}{colleague.pk}/", {"role": "viewer"}).status_code == 404


def test_an_empty_company_goes_with_its_last_member(api, dispatcher, company_a, company_b):
    Membership.objects.create(user=dispatcher, company=company_b)
    assert api(dispatcher).delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 204
    assert not Company.objects.filter(pk=company_a.pk).exists()
    dispatcher.refresh_from_db()
    assert dispatcher.current_company == company_b


def test_a_company_from_before_belongs_to_its_oldest_member(api, company_a, vehicle):
    """A release without owners, running in parallel or earlier, leaves companies without any."""
    people = [User.objects.create_user(name, None, None, user_type="dispatcher") for name in ("looks", "old", "young")]
    for user, role in zip(people, ("viewer", "member", "member"), strict=True):
        Membership.objects.create(user=user, company=company_a, role=role)
    _, old, young = people
    assert api(young).patch(f"{members(company_a)}{young.pk}/", {"role": "owner"}).status_code == 403
    assert api(old).delete(f"{members(company_a)}{old.pk}/").status_code == 409
    assert api(old).patch(f"{members(company_a)}{young.pk}/", {"role": "owner"}).status_code == 200
    assert roles(company_a) == {"looks": "viewer", "old": "owner", "young": "owner"}


def test_upgrading_names_the_oldest_member_who_can_sign_in(company_a, company_b):
    people = [User.objects.create_user(name, None, None, user_type="dispatcher") for name in "abcd"]
    User.objects.filter(username="b").update(is_active=False)
    for user, role in zip(people, ("viewer", "member", "member", "member"), strict=True):
        Membership.objects.create(user=user, company=company_a, role=role)
    Membership.objects.create(user=people[0], company=company_b, role="viewer")
    upgrade = import_module("accounts.migrations.0009_first_owners").name_owners
    for _ in range(2):
        upgrade(apps, None)
        assert roles(company_a) == {"a": "viewer", "b": "member", "c": "owner", "d": "member"}
        assert roles(company_b) == {"a": "viewer"}


def test_who_views_a_company_without_owners_is_not_held(api, viewer, company_a, vehicle):
    assert api(viewer).delete("/api/profile/user/").status_code == 204
    assert Company.objects.filter(pk=company_a.pk).exists()


def test_an_operator_does_what_an_owner_does(api, staff_user, dispatcher, colleague, company_a):
    client = api(staff_user)
    assert client.delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 409
    assert client.patch(f"{members(company_a)}{colleague.pk}/", {"role": "owner"}).status_code == 200
    assert client.delete(f"{members(company_a)}{dispatcher.pk}/").status_code == 204


def test_the_old_answers_of_who_was_removed_are_shown_no_more(api, dispatcher, colleague, company_a):
    client, key = api(colleague), {"HTTP_IDEMPOTENCY_KEY": "k1"}
    order = {"customer_name": "Secret", "goods_description": "Glass"}
    assert client.post("/api/orders/", order, **key).status_code == 201
    assert client.post("/api/orders/", order, **key).headers["Idempotent-Replayed"] == "true"
    api(dispatcher).delete(f"{members(company_a)}{colleague.pk}/")
    again = client.post("/api/orders/", order, **key)
    assert (again.status_code, again.json()["code"]) == (409, "answer_lost")
    assert "Secret" not in again.content.decode()


def test_the_old_answers_of_who_left_a_group_are_shown_no_more(api, dispatcher_b, company_a):
    """However an operator's rights end."""
    body = {"customer_name": "Secret", "goods_description": "Glass", "company": company_a.pk}
    ends = (
        lambda group: dispatcher_b.groups.remove(group),
        lambda group: dispatcher_b.groups.clear(),
        lambda group: group.user_set.remove(dispatcher_b),
        lambda group: group.user_set.clear(),
        lambda group: group.delete(),
    )
    for number, end in enumerate(ends):
        group = Group.objects.get_or_create(name="Operators")[0]
        dispatcher_b.groups.add(group)
        key = {"HTTP_IDEMPOTENCY_KEY": f"k{number}"}
        assert api(dispatcher_b).post("/api/orders/", body, **key).status_code == 201
        end(group)
        again = api(dispatcher_b).post("/api/orders/", body, **key)
        assert (again.status_code, again.json()["code"]) == (409, "answer_lost"), number


def test_listing_members_costs_the_same_for_many(api, dispatcher, company_a, django_assert_num_queries):
    client = api(dispatcher)
    for number in range(3):
        user = User.objects.create_user(f"m{number}", None, None, user_type="dispatcher")
        Membership.objects.create(user=user, company=company_a)
        with django_assert_num_queries(3):  # who asks, the company, the members
            client.get(members(company_a))


def test_visible_to(dispatcher, viewer, staff_user, client_user, company_a, company_b):
    assert set(Company.objects.visible_to(dispatcher)) == set(Company.objects.visible_to(viewer)) == {company_a}
    assert set(Company.objects.editable_by(dispatcher)) == {company_a}
    assert set(Company.objects.editable_by(viewer)) == set(Company.objects.visible_to(client_user)) == set()
    assert set(Company.objects.visible_to(staff_user)) == {company_a, company_b}
    assert set(User.objects.visible_to(dispatcher)) == {dispatcher, viewer}
    assert set(User.objects.visible_to(client_user)) == {client_user}


def test_deleting_leaves_no_half(dispatcher, company_a, vehicle):
    with pytest.raises(Conflict):
        delete_company(actor=dispatcher, company=company_a)
    dispatcher.refresh_from_db()
    assert dispatcher.current_company == company_a


DEPOT = {"name": "Depot", "address": "Zone 12, Rouiba", "latitude": "36.738600", "longitude": "3.284100"}


def test_a_depot_is_sent_whole_and_taken_away_by_null(api, dispatcher, company_a):
    url = f"{URL}{company_a.pk}/"
    assert api(dispatcher).get(url).json()["depot"] is None
    assert api(dispatcher).patch(url, {"depot": DEPOT}).json()["depot"] == DEPOT
    assert api(dispatcher).put(url, {"name": "Renamed"}).json()["depot"] == DEPOT
    bare = api(dispatcher).patch(url, {"depot": {"address": "2 rue"}}).json()["depot"]
    assert bare == {"name": "Renamed", "address": "2 rue", "latitude": None, "longitude": None}
    assert api(dispatcher).patch(url, {"depot": None}).json()["depot"] is None


@pytest.mark.parametrize(
    ("depot", "field"),
    [
        ({}, "depot.address"), ({"name": "D"}, "depot.address"), ({"address": " "}, "depot.address"),
        ({"address": "A", "latitude": "36"}, "depot.longitude"), ({"address": "A", "latitude": "91", "longitude": "3"}, "depot.latitude"),
        ({"address": "A", "latitude": "NaN", "longitude": "3"}, "depot.latitude"), ("A", "depot"), ([1], "depot"),
    ],
)  # fmt: skip
def test_half_a_depot_is_none(api, dispatcher, company_a, depot, field):
    for answer in (api(dispatcher).patch(f"{URL}{company_a.pk}/", {"depot": depot}), api(dispatcher).post(URL, {"name": "N", "depot": depot})):
        assert answer.status_code == 400
        assert [name for name in answer.json()["fields"] if name.startswith(field)]


def test_a_company_may_be_opened_with_its_depot(api, dispatcher):
    assert api(dispatcher).post(URL, {"name": "N", "depot": DEPOT}).json()["depot"] == DEPOT


def test_the_console_takes_a_depot_and_refuses_half_of_one(client, dispatcher, company_a):
    client.force_login(dispatcher)
    url = f"/admin/accounts/company/{company_a.pk}/change/"
    form = {"name": company_a.name, "address": "", "phone": "", "email": "", "depot_name": "D", "depot_latitude": "36", "depot_longitude": ""}
    assert set(client.post(url, form).context["adminform"].form.errors) == {"depot_address", "depot_longitude"}
    client.post(url, {**form, "depot_address": "A", "depot_longitude": "3"})
    company_a.refresh_from_db()
    assert company_a.depot["address"] == "A"
