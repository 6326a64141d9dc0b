"""Closing an account (G22, K03): nothing personal stays, work is ended, the addresses are free again."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Company, Membership, Notice, User, VerificationCode
from accounts.services import change_profile, close_account, request_verification
from accounts.tests.test_photos import picture

pytestmark = pytest.mark.django_db

PERSONAL = ("email", "phone_number", "name", "first_name", "last_name", "address", "google_sub")


def fill(user):
    """Fill every personal column, so that anything left behind is seen."""
    texts = {name: f"personal-{name}" for name in PERSONAL if name not in ("email", "phone_number")}
    User.objects.filter(pk=user.pk).update(**texts, current_lat=36.75, current_lng=3.05)
    user.refresh_from_db()
    return change_profile(actor=user, user=user, profile_photo=SimpleUploadedFile("me.png", picture("PNG")))


def test_nothing_personal_stays(client_user, run_tasks, django_capture_on_commit_callbacks):
    account = fill(client_user)
    photo = account.profile_photo.name
    request_verification(actor=None, channel="email", address=account.email)
    Notice.objects.create(user=account, kind="password_changed", channel="email", address=account.email)
    user_type = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=account, content_type=user_type, object_id=account.pk, object_repr=account.username, action_flag=CHANGE
    )
    secrets = [getattr(account, name) for name in PERSONAL] + [account.username, account.password, photo]
    assert default_storage.exists(photo)
    with django_capture_on_commit_callbacks(execute=True):
        close_account(actor=None, user=client_user)
    row = str(User.objects.filter(pk=client_user.pk).values().get())
    rows = row + str([*LogEntry.objects.values(), *Notice.objects.values(), *VerificationCode.objects.values()])
    assert [secret for secret in secrets if secret in rows] == []
    assert not default_storage.exists(photo)
    closed = User.objects.get(pk=client_user.pk)
    assert (closed.username, closed.is_active, closed.current_lat) == (f"@closed-{closed.pk}", False, None)
    assert closed.closed_at is not None
    run_tasks()


def test_every_text_of_an_account_is_erased_or_known_to_be_impersonal():
    """A new column must be thought about here."""
    impersonal = {
        "id",
        "is_active",
        "is_staff",
        "is_superuser",
        "email_verified",
        "phone_verified",
        "token_version",
        "user_type",
        "date_joined",
        "closed_at",
    }
    replaced = {"username", "password"}
    from accounts.services.account_closure import ERASED

    known = impersonal | replaced | set(ERASED)
    assert {field.name for field in User._meta.concrete_fields} == known


def test_the_addresses_are_free_again(api, client_user):
    close_account(actor=None, user=client_user)
    body = {"phone_number": "+213555000001", "email": "amina@example.com", "name": "A", "password": "tow-me-home-42"}
    assert api().post("/api/auth/register/", body).status_code == 201


def test_an_account_cannot_be_switched_on_again(api, client_user, password):
    from accounts.services import set_active

    close_account(actor=None, user=client_user)
    set_active(actor=None, user=client_user, is_active=True)
    assert not User.objects.get(pk=client_user.pk).is_active


def test_a_dispatcher_leaves_and_an_empty_company_goes(dispatcher, company_a):
    close_account(actor=None, user=dispatcher)
    assert not Membership.objects.exists()
    assert not Company.objects.filter(pk=company_a.pk).exists()


def test_colleagues_keep_the_company(dispatcher, viewer, company_a):
    close_account(actor=None, user=viewer)
    assert list(Membership.objects.values_list("user_id", flat=True)) == [dispatcher.pk]


def test_staff_lose_every_right(staff_user):
    close_account(actor=None, user=staff_user)
    closed = User.objects.get(pk=staff_user.pk)
    assert (closed.is_staff, closed.groups.count()) == (False, 0)
