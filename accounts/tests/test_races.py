"""What many do at once, on real connections (A05, A10, B03, E14, E20, G3)."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.google import GoogleIdentity
from accounts.keyed_hashes import code_hash
from accounts.models import Company, Invitation, Membership, RefreshFamily, User, VerificationCode
from accounts.services import (
    change_profile,
    invite,
    request_reset,
    request_verification,
    set_password,
    sign_in_with_google,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CONTENDERS = 16
ROUNDS = 3


def at_once(act: Callable[[int], Any], contenders: int = CONTENDERS) -> list[Any]:
    """Run `act(number)` in threads that start together; return results, or the exceptions."""
    barrier, results = threading.Barrier(contenders), [None] * contenders

    def run(number: int) -> None:
        try:
            with connection.cursor():  # connected before the start
                barrier.wait()
            results[number] = act(number)
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def statuses(answers: list[Any]) -> Counter:
    return Counter(getattr(answer, "status_code", repr(answer)) for answer in answers)


def known_code(user: User, purpose: str) -> str:
    """Set the open code of a user to a known one."""
    row = VerificationCode.objects.open().get(user=user, purpose=purpose)
    VerificationCode.objects.filter(pk=row.pk).update(
        code_hash=code_hash(row.pk, "123456"), expires_at=timezone.now() + timezone.timedelta(minutes=9)
    )
    return "123456"


def test_one_phone_registered_at_once():
    for number in range(ROUNDS):
        body = {"phone_number": f"+21355512340{number}", "name": "A", "password": "tow-me-home-42"}
        answers = at_once(lambda _, body=body: APIClient().post("/api/auth/register/", body))
        assert statuses(answers) == {201: 1, 400: CONTENDERS - 1}
        assert User.objects.filter(phone_number=body["phone_number"]).count() == 1


def test_the_right_verification_code_counts_once(client_user):
    for _ in range(ROUNDS):
        # The tries of earlier rounds would count towards the day's limit.
        VerificationCode.objects.all().delete()
        User.objects.filter(pk=client_user.pk).update(email_verified=False)
        request_verification(actor=None, channel="email", address=client_user.email)
        body = {"email": client_user.email, "code": known_code(client_user, "verify")}
        answers = at_once(lambda _, body=body: APIClient().post("/api/auth/verify-email/", body))
        assert statuses(answers) == {200: 1, 400: CONTENDERS - 1}


def test_the_right_reset_code_counts_once(client_user):
    for _ in range(ROUNDS):
        VerificationCode.objects.all().delete()
        request_reset(actor=None, channel="email", address=client_user.email)
        code = known_code(client_user, "reset")

        def confirm(number: int, code: str = code) -> Any:
            password = f"tow-me-home-{number}"
            body = {"email": client_user.email, "code": code, "new_password": password}
            return APIClient().post("/api/auth/password-reset/confirm/", {**body, "new_password_confirm": password})

        answers = at_once(confirm)
        assert statuses(answers) == {200: 1, 400: CONTENDERS - 1}
        winner = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
        client_user.refresh_from_db()
        assert client_user.check_password(f"tow-me-home-{winner}")


def test_no_more_than_five_wrong_codes_are_compared(client_user):
    request_verification(actor=None, channel="email", address=client_user.email)
    known_code(client_user, "verify")
    body = {"email": client_user.email, "code": "000000"}
    answers = at_once(lambda _: APIClient().post("/api/auth/verify-email/", body))
    assert statuses(answers) == {400: CONTENDERS}
    assert VerificationCode.objects.get().tries == 5
    right = APIClient().post("/api/auth/verify-email/", {**body, "code": "123456"})
    assert right.status_code == 400


def test_asking_at_once_leaves_no_more_than_three_open_codes(client_user):
    body = {"email": client_user.email}
    answers = at_once(lambda _: APIClient().post("/api/auth/password-reset/", body))
    assert statuses(answers) == {200: CONTENDERS}
    assert 1 <= VerificationCode.objects.open().count() <= VerificationCode.MOST_OPEN


def test_refreshing_at_once_without_rotation(client_user):
    raw = tokens.issue_pair(client_user)["refresh"]
    answers = at_once(lambda _: APIClient().post("/api/auth/token/refresh/", {"refresh": raw}))
    assert statuses(answers) == {200: CONTENDERS}


def test_refreshing_at_once_with_rotation_forks_no_family(client_user, settings):
    settings.JWT_ROTATE_REFRESH = True
    for _ in range(ROUNDS):
        raw = tokens.issue_pair(client_user)["refresh"]
        answers = at_once(lambda _, raw=raw: APIClient().post("/api/auth/token/refresh/", {"refresh": raw}))
        assert statuses(answers) == {200: CONTENDERS}
        successors = {tokens.read(tokens.RefreshToken, answer.json()["refresh"])["jti"] for answer in answers}
        assert len(successors) == 1
    assert set(RefreshFamily.objects.values_list("generation", flat=True)) == {1}


def test_a_login_of_the_old_password_does_not_outlive_its_change(dispatcher, password):
    """In either order: afterwards no fleet token of the old password is valid."""
    for number in range(ROUNDS):
        dispatcher.set_password(password)
        dispatcher.save()
        body = {"username": dispatcher.username, "password": password}

        def act(contender: int, body: dict = body, new: str = f"tow-me-home-{number}") -> Any:
            if contender == 0:
                return set_password(actor=dispatcher, user=dispatcher, password=new)
            return APIClient().post("/api/auth/login/", body)

        answers = at_once(act)[1:]
        given = [answer.json()["token"] for answer in answers if answer.status_code == 200]
        alive = [
            token
            for token in given
            if APIClient().get("/api/auth/profile/", HTTP_AUTHORIZATION=f"Token {token}").status_code == 200
        ]
        assert alive == []


def test_different_columns_of_one_profile_at_once(client_user):
    columns = ["name", "first_name", "last_name", "address"]
    for number in range(ROUNDS):
        results = at_once(
            lambda n, number=number: change_profile(actor=client_user, user=client_user, **{columns[n % 4]: f"{columns[n % 4]}-{number}"})
        )
        assert not [result for result in results if isinstance(result, Exception)]
        client_user.refresh_from_db()
        assert [getattr(client_user, name) for name in columns] == [f"{name}-{number}" for name in columns]


def test_one_address_claimed_by_many(client_user):
    users = [
        User.objects.create_user(f"user{number}", None, None, user_type="dispatcher") for number in range(CONTENDERS)
    ]
    results = at_once(lambda number: change_profile(actor=users[number], user=users[number], email="wanted@example.com"))
    holders = User.objects.filter(email="wanted@example.com")
    assert holders.count() == 1
    assert not [r for r in results if isinstance(r, Exception) and type(r).__name__ != "InvalidData"]


def test_one_google_identity_at_once():
    for number in range(ROUNDS):
        identity = GoogleIdentity(f"sub-{number}", f"google{number}@gmail.com", "G")
        results = at_once(lambda _, identity=identity: sign_in_with_google(actor=None, identity=identity).pk)
        assert len(set(results)) == 1, results


def test_the_last_two_members_leave_at_once(company_a, dispatcher, vehicle):
    """One of the two owners stays, as the company has a vehicle; the other way they step down."""
    other = User.objects.create_user("second", None, None, user_type="dispatcher")
    both = [dispatcher, other]
    clients = [APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens.issue_pair(user)['access']}") for user in both]
    for _ in range(ROUNDS):
        for user in both:
            Membership.objects.update_or_create(
                user=user, company=company_a, defaults={"is_owner": True, "role": "member"}
            )
        path = f"/api/companies/{company_a.pk}/members/"
        answers = at_once(lambda n, path=path: clients[n].patch(f"{path}{both[n].pk}/", {"role": "viewer"}), contenders=2)
        assert statuses(answers) == {200: 1, 409: 1}
        company_a.memberships.update(is_owner=True, role="member")
        answers = at_once(lambda n, path=path: clients[n].delete(f"{path}{both[n].pk}/"), contenders=2)
        assert statuses(answers) == {204: 1, 409: 1}
        assert company_a.memberships.count() == 1


def test_deleting_a_company_against_a_new_vehicle(dispatcher):
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens.issue_pair(dispatcher)['access']}")
    for number in range(ROUNDS):
        company = Company.objects.create(name=f"C{number}")
        Membership.objects.create(user=dispatcher, company=company, is_owner=True)
        vehicle = {
            "license_plate": "1",
            "make": "R",
            "model": "M",
            "year": 2020,
            "capacity": "1",
            "company": company.pk,
        }

        def act(contender: int, company: Company = company, vehicle: dict = vehicle) -> Any:
            if contender == 0:
                return client.delete(f"/api/companies/{company.pk}/")
            return client.post("/api/vehicles/", {**vehicle, "license_plate": str(contender)})

        answers = at_once(act, contenders=4)
        assert all(answer.status_code < 500 for answer in answers), statuses(answers)
        is_there = Company.objects.filter(pk=company.pk).exists()
        assert (answers[0].status_code == 204) is not is_there
        if is_there:
            assert company.vehicles.exists()


@pytest.mark.parametrize("exists", [True, False])
def test_of_many_wrong_passwords_at_once_five_are_compared(settings, client_user, exists):
    settings.THROTTLING_ENABLED = settings.AXES_ENABLED = True
    name = client_user.username if exists else "nobody"

    def guess(number: int) -> Any:
        body = {"username": name, "password": f"wrong-{number}"}
        return APIClient().post("/api/auth/login/", body, HTTP_USER_AGENT=f"agent {number}")

    assert statuses(at_once(guess, 40)) == {401: 5, 429: 35}


def test_the_hours_codes_are_not_passed_by_asking_at_once(client_user, settings):
    settings.THROTTLING_ENABLED = True
    budgeted = apps.get_model("depannini_dashmap", "BudgetedMessage").objects
    for _ in range(ROUNDS):
        budgeted.all().delete()
        for _ in range(9):
            request_reset(actor=None, channel="email", address=client_user.email)
        asking = (request_reset, request_verification)
        at_once(lambda number, asking=asking: asking[number % 2](actor=None, channel="email", address=client_user.email))
        assert budgeted.count() == 10


# --- Companies: who joins, goes and decides ------------------------------------------------------------------------------
@pytest.fixture
def newcomer():
    return User.objects.create_user("yacine", None, None, user_type="dispatcher")


def signed_in(user: User) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens.issue_pair(user)['access']}")


def test_one_invitation_accepted_at_once_makes_one_member(dispatcher, newcomer, company_a):
    client = signed_in(newcomer)
    for _ in range(ROUNDS):
        Membership.objects.filter(user=newcomer).delete()
        number = invite(actor=dispatcher, company=company_a, person={"username": "yacine"}).pk
        answers = at_once(lambda _, number=number: client.post(f"/api/invitations/{number}/accept/"))
        assert statuses(answers) == {200: CONTENDERS}
        assert Membership.objects.filter(user=newcomer, company=company_a).count() == 1


def test_of_accepting_declining_and_revoking_one_wins(dispatcher, newcomer, company_a):
    them, owner = signed_in(newcomer), signed_in(dispatcher)
    for _ in range(ROUNDS * 3):
        Membership.objects.filter(user=newcomer).delete()
        number = invite(actor=dispatcher, company=company_a, person={"username": "yacine"}).pk
        acts = [
            lambda number=number: them.post(f"/api/invitations/{number}/accept/"),
            lambda number=number: them.post(f"/api/invitations/{number}/decline/"),
            lambda number=number: owner.delete(f"/api/companies/{company_a.pk}/invitations/{number}/"),
        ]
        codes = [answer.status_code for answer in at_once(lambda n, acts=acts: acts[n](), contenders=3)]
        assert sum(code < 300 for code in codes) == 1 and set(codes) <= {200, 204, 404, 409}, codes
        assert Membership.objects.filter(user=newcomer).exists() is (codes[0] == 200)


def test_inviting_one_person_at_once_leaves_one_open_invitation(dispatcher, newcomer, company_a):
    client = signed_in(dispatcher)
    for name in ("yacine", "nobody", "who@example.com"):
        answers = at_once(lambda _, name=name: client.post(f"/api/companies/{company_a.pk}/members/", {"username": name}))
        assert statuses(answers) == {202: CONTENDERS}
        assert len({answer.json()["invitation"]["id"] for answer in answers}) == 1


def test_the_last_owner_leaves_while_inviting_and_being_joined(dispatcher, newcomer):
    """The company is gone with its owner, or has them still: never a member without an owner."""
    owner, them = signed_in(dispatcher), signed_in(newcomer)
    for number in range(ROUNDS * 2):
        company = Company.objects.create(name=f"C{number}")
        Membership.objects.create(user=dispatcher, company=company, is_owner=True)
        waiting = invite(actor=dispatcher, company=company, person={"username": "yacine"}).pk
        acts = [
            lambda company=company: owner.delete(f"/api/companies/{company.pk}/members/{dispatcher.pk}/"),
            lambda waiting=waiting: them.post(f"/api/invitations/{waiting}/accept/"),
            lambda company=company: owner.post(f"/api/companies/{company.pk}/members/", {"username": "other"}),
        ]
        answers = at_once(lambda n, acts=acts: acts[n](), contenders=3)
        assert all(answer.status_code < 500 for answer in answers), statuses(answers)
        has_left = answers[0].status_code == 204
        assert Company.objects.filter(pk=company.pk).exists() is not has_left
        if not has_left:
            assert company.memberships.owners().get().user == dispatcher
            assert answers[1].status_code == 200


def test_closing_an_account_while_joining_leaves_no_member_behind(dispatcher, company_a):
    for number in range(ROUNDS):
        user = User.objects.create_user(f"u{number}", None, None, user_type="dispatcher")
        client = signed_in(user)
        waiting = invite(actor=dispatcher, company=company_a, person={"username": user.username}).pk
        acts = [
            lambda client=client: client.delete("/api/profile/user/"),
            lambda client=client, waiting=waiting: client.post(f"/api/invitations/{waiting}/accept/"),
        ]
        answers = at_once(lambda n, acts=acts: acts[n](), contenders=2)
        assert all(answer.status_code < 500 for answer in answers), statuses(answers)
        user.refresh_from_db()
        assert user.is_active or not user.memberships.exists()


def test_a_removed_member_invites_nobody_at_the_same_moment(dispatcher, newcomer, company_a):
    for _ in range(ROUNDS):
        Membership.objects.create(user=newcomer, company=company_a)
        them, owner = signed_in(newcomer), signed_in(dispatcher)
        acts = [
            lambda owner=owner: owner.delete(f"/api/companies/{company_a.pk}/members/{newcomer.pk}/"),
            lambda them=them: them.post(f"/api/companies/{company_a.pk}/members/", {"username": "friend"}),
        ]
        answers = at_once(lambda n, acts=acts: acts[n](), contenders=2)
        assert answers[0].status_code == 204 and answers[1].status_code in (202, 403, 404), statuses(answers)
        assert not Invitation.objects.open().filter(invited_by=newcomer).exists()
