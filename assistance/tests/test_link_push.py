"""Notifications by a motorist's link: what a browser is told while the page is closed, for how long, and what it never holds."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from accounts.models import PushDevice
from accounts.steps.notifications import PushFailed
from assistance import services
from assistance.models import Assistance, LinkSubscription, RequestLink
from assistance.steps.request_links import keep_link
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.operations.retention import RULES

pytestmark = pytest.mark.django_db
ENDPOINT = "https://fcm.googleapis.com/fcm/send/motorist"


@pytest.fixture(autouse=True)
def letters(monkeypatch):
    """Give what was sent, and decide by `outcome` what becomes of it."""

    class Letters(list):
        outcome = "sent"

        def new(self):
            found = [(message.tag, None if message.is_withdrawn else message.title) for _address, message in self]
            self.clear()
            return found

    kept = Letters()

    def send_all(sent):
        kept.extend(sent)
        return [kept.outcome for _ in sent]

    monkeypatch.setattr(push, "send_all", send_all)
    return kept


def subscription(**changed):
    public = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"endpoint": ENDPOINT, "p256dh": urlsafe_b64encode(public).decode(), "auth": "tBHItJI5svbpez7KI4CCXg", **changed}


def follow(token, **changed):
    return Client().post(f"/h/{token}/push/", subscription(**changed), headers={"accept": "application/json"})


@pytest.fixture
def followed(job_in, client_user, assistant_user):
    """A request under way, the token of its link, and a browser that follows it."""
    job, token = job_in("accepted", client_user, assistant_user), new_token()
    keep_link(job.pk, token)
    assert follow(token).status_code == 200
    return job, token


def test_a_browser_is_told_what_changes_and_not_what_its_page_showed(followed, assistant_user, run_tasks, letters):
    job, token = followed
    run_tasks()
    assert letters.new() == []
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    run_tasks()
    address, message = letters[0]
    assert (address.token, message.data) == (ENDPOINT, {"type": "assistance", "assistance_id": str(job.pk)})
    assert token not in repr(message) and letters.new() == [(f"assistance-{job.pk}", "Your assistant has begun")]
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="At the gate")
    run_tasks()
    assert letters.new() == [(f"chat-{job.pk}", "New message")]
    services.write_by_link(actor=None, token=token, message="I see you", client_id="")
    run_tasks()
    assert letters.new() == [(f"chat-{job.pk}", None)], "who writes has read the others"
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    run_tasks()
    assert letters.new() == [(f"assistance-{job.pk}", "Your request is completed")]
    assert not PushDevice.objects.exists()


def test_what_the_motorist_did_is_not_told_nor_taken_away_unseen(followed, run_tasks, letters):
    services.cancel_by_link(actor=None, token=followed[1], note="")
    run_tasks()
    assert letters.new() == []


@pytest.mark.parametrize("end", ["revoked", "a day after", "expired"])
def test_it_ends_with_the_link(followed, run_tasks, letters, staff_user, end):
    job, token = followed
    if end == "revoked":
        services.end_links(actor=staff_user, assistance_id=job.pk)
        assert not LinkSubscription.objects.exists()
    elif end == "expired":
        RequestLink.objects.update(expires_at=timezone.now())
    else:
        Assistance.objects.filter(pk=job.pk).update(status="completed", ended_at=timezone.now() - timedelta(hours=25))
    for pk in LinkSubscription.objects.values_list("pk", flat=True):
        services.push_link(actor=None, subscription_id=pk)
    assert letters.new() == [] and not LinkSubscription.objects.exists()
    assert follow(token).status_code == 404


def test_a_browser_that_is_gone_is_forgotten_and_one_that_is_away_tried_again(followed, assistant_user, letters):
    job, _token = followed
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    row = LinkSubscription.objects.get()
    letters.outcome = "later"
    with pytest.raises(PushFailed):
        services.push_link(actor=None, subscription_id=row.pk)
    letters.outcome = "sent"
    letters.clear()
    services.push_link(actor=None, subscription_id=row.pk)
    services.push_link(actor=None, subscription_id=row.pk)
    assert len(letters.new()) == 1
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    letters.outcome = "gone"
    services.push_link(actor=None, subscription_id=row.pk)
    assert not LinkSubscription.objects.exists()


@pytest.mark.parametrize("wrong", [{"endpoint": "https://127.0.0.1/"}, {"endpoint": "https://evil.example/fcm.googleapis.com"}, {"p256dh": "x"}, {"auth": ""}])
def test_only_browsers_of_known_services_are_taken(followed, wrong):
    LinkSubscription.objects.all().delete()
    assert follow(followed[1], **wrong).status_code == 400 and not LinkSubscription.objects.exists()


def test_a_link_has_five_browsers_and_each_once(followed):
    for number in (1, 2, 3, 4, 5, 5):
        assert follow(followed[1], endpoint=f"{ENDPOINT}-{number}").status_code == 200
    assert set(LinkSubscription.objects.values_list("endpoint", flat=True)) == {f"{ENDPOINT}-{number}" for number in (1, 2, 3, 4, 5)}


def test_nothing_else_opens_it(followed, settings):
    assert Client().get(f"/h/{followed[1]}/push/").status_code == 405
    assert follow(new_token()).status_code == 404
    settings.PUSH_URL, settings.VAPID_PRIVATE_KEY = "services:", ""
    assert follow(followed[1]).status_code == 503


def test_rows_of_ended_links_are_pruned(followed):
    (rule,) = [rule for rule in RULES if rule.name == "browsers that followed a request"]
    assert not rule.expired(timezone.now()).exists()
    Assistance.objects.update(status="completed", ended_at=timezone.now() - timedelta(hours=25))
    assert rule.expired(timezone.now()).count() == 1
