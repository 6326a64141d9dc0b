"""Alarms are raised and closed with their reason, once for each thing, and who wants it is told of those that ring for long."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import TestCase
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Membership, User
from alarms import services
from alarms.failed_messages import DELIVERIES
from alarms.models import Alarm, AlarmMessage
from assistance.models import Assistance
from depannini_dashmap.lib.errors import Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.ops.worker import Worker
from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.models import BudgetedMessage
from depannini_dashmap.operations import periodic_jobs
from depannini_dashmap.tests.console_rows import make_order, make_request, make_trip, make_vehicle, report_position
from telematics.models import LatestPosition
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db


def look(minutes=0):
    services.refresh_alarms(actor=None, now=timezone.now() + dt.timedelta(minutes=minutes))


def kinds():
    return sorted(Alarm.objects.open().values_list("kind", flat=True))


def late_trip(dispatcher, company, name="Tour"):
    """A running trip whose first stop is told to be 15 minutes late."""
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company, f"16-{Trip.objects.count()}"), name, orders=(make_order(dispatcher, company),))
    Trip.objects.filter(pk=trip.pk).update(status="in_progress", actual_start_datetime=timezone.now())
    TripStop.objects.filter(trip=trip, sequence=1).update(late_min=15)
    report_position(dispatcher, trip.vehicle)
    return trip


@pytest.fixture
def watcher(dispatcher):
    """A dispatcher whose addresses are proven."""
    type(dispatcher).objects.filter(pk=dispatcher.pk).update(email_verified=True, phone_verified=True, phone_number="+213555777001")
    dispatcher.refresh_from_db()
    return dispatcher


@pytest.fixture
def stranger(company_b):
    """A dispatcher of another company."""
    user = User.objects.create_user("lina", "lina@example.com", "correct-horse-battery", user_type="dispatcher")
    Membership.objects.create(user=user, company=company_b, role="member")
    return user


@pytest.fixture
def roadside_user(dispatcher_b):
    """Somebody who works the roadside, and for no company."""
    dispatcher_b.memberships.all().delete()
    dispatcher_b.groups.add(Group.objects.get_or_create(name="Roadside")[0])
    return type(dispatcher_b).objects.get(pk=dispatcher_b.pk)


def test_each_reason_raises_its_alarm_and_takes_it_with_it(dispatcher, company_a, client_user, other_client, assistant_user, settings):
    now = timezone.now()
    waits = make_request(client_user)
    job = make_request(other_client)
    Assistance.objects.filter(pk=job.pk).update(status="accepted", assistant=assistant_user, accepted_at=now, stalled_since=now)
    trip = late_trip(dispatcher, company_a)
    look()
    assert kinds() == ["late_trip", "stalled_job", "unanswered_request"]
    assert set(Alarm.objects.values_list("kind", "thing", "name", "company_id")) == {
        ("late_trip", str(trip.pk), "Tour", company_a.pk),
        ("stalled_job", str(job.pk), f"#{job.pk}", None),
        ("unanswered_request", str(waits.pk), f"#{waits.pk}", None),
    }
    started = now - settings.ASSISTANCE_LONGEST
    Assistance.objects.filter(pk=job.pk).update(status="ongoing", started_at=started, stalled_since=None)
    Assistance.objects.filter(pk=waits.pk).update(status="canceled", ended_at=now)
    TripStop.objects.filter(trip=trip).update(late_min=0)
    look(20)  # and the vehicle has reported nothing since
    assert kinds() == ["job_too_long", "silent_vehicle"]
    assert Alarm.objects.filter(closed_at__isnull=False).count() == 3


def test_a_trip_that_should_have_begun_is_an_alarm_from_the_first_threshold_on(dispatcher, company_a):
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    look(20)
    assert kinds() == []  # a draft promises nothing
    Trip.objects.filter(pk=trip.pk).update(status="planned")
    look(10)
    assert kinds() == []
    look(20)
    assert kinds() == ["late_trip"]
    look(60 * 24 * 9)
    assert kinds() == []


def test_a_vehicle_that_is_parked_silently_is_no_alarm(dispatcher, company_a):
    vehicle = make_vehicle(dispatcher, company_a)
    report_position(dispatcher, vehicle)
    look(60)
    assert kinds() == []


def test_one_thing_has_one_open_alarm_of_a_kind(client_user, company_a):
    make_request(client_user)
    look()
    look()
    [alarm] = Alarm.objects.all()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind=alarm.kind, thing=alarm.thing, name="x", opened_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind="unanswered_request", thing="7", name="x", company=company_a, opened_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind="late_trip", thing="7", name="x", opened_at=timezone.now())


def test_what_flickers_is_the_alarm_of_before_and_what_comes_back_later_is_another(dispatcher, company_a):
    trip = late_trip(dispatcher, company_a)
    look()
    services.acknowledge(actor=dispatcher, alarm_ids=[Alarm.objects.get().pk])
    TripStop.objects.filter(trip=trip).update(late_min=0)
    look(1)
    assert kinds() == []
    TripStop.objects.filter(trip=trip, sequence=1).update(late_min=15)
    look(2)
    assert Alarm.objects.get().acknowledged_by == dispatcher and kinds() == ["late_trip"]
    TripStop.objects.filter(trip=trip).update(late_min=0)
    look(3)
    TripStop.objects.filter(trip=trip, sequence=1).update(late_min=15)
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(minutes=30))
    look(30)
    assert Alarm.objects.count() == 2 and Alarm.objects.open().get().acknowledged_at is None


def test_a_request_that_waits_again_rings_again(client_user, roadside_user, assistant_user):
    job = make_request(client_user)
    look()
    services.acknowledge(actor=roadside_user, alarm_ids=[Alarm.objects.get().pk])
    Assistance.objects.filter(pk=job.pk).update(status="accepted", assistant=assistant_user, accepted_at=timezone.now())
    look(1)
    Assistance.objects.filter(pk=job.pk).update(status="requested", assistant=None, accepted_at=None)
    look(2)
    assert Alarm.objects.open().get().acknowledged_at is None


def test_watchers_hear_of_what_changed_and_only_theirs(dispatcher, company_a, client_user):
    def heard(prefix):
        with layer.captured(prefix) as sent, TestCase.captureOnCommitCallbacks(execute=True):
            look()
        return [(group, event["what"]) for group, event in sent if event.get("what") == "alarms"]

    make_request(client_user)
    assert heard("fleet.") == [("fleet.roadside", "alarms")]
    late_trip(dispatcher, company_a)
    assert (f"fleet.company.{company_a.pk}", "alarms") in heard("fleet.")
    assert heard("fleet.") == []


def test_a_look_costs_one_query_where_nothing_is_under_way(dispatcher, company_a, client_user, django_assert_num_queries):
    job = make_request(client_user)
    look()
    Assistance.objects.filter(pk=job.pk).update(status="canceled", ended_at=timezone.now())
    look()
    assert kinds() == []
    with django_assert_num_queries(1):
        look()


def test_a_look_costs_the_same_for_every_number_of_rows(dispatcher, company_a, client_user, django_assert_num_queries):
    make_request(client_user)
    look()
    for number in range(3):
        late_trip(dispatcher, company_a, f"Tour {number}")
        look()
        # what there is; reasons: requests that wait, are stalled, too long; late stops, overdue trips, silent vehicles;
        # begin, open alarms, end; watches
        with django_assert_num_queries(11):
            look()


@pytest.mark.parametrize("watchers", [1, 3])
def test_a_look_costs_the_same_for_every_number_of_watches(watchers, dispatcher, company_a, run_tasks, django_assert_num_queries):
    for number in range(watchers):
        user = User.objects.create_user(f"w{number}", f"w{number}@example.com", user_type="dispatcher", email_verified=True)
        Membership.objects.create(user=user, company=company_a, role="member")
        services.set_watch(actor=user, company=company_a, channel="email", after_minutes=5)
    look()
    late_trip(dispatcher, company_a)
    look()
    # what there is; late stops, overdue trips, silent vehicles; begin, open alarms, end; watches, what rings, members, what was told
    with django_assert_num_queries(11):
        look()
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(hours=1))
    look(6)
    run_tasks()
    assert len(mail.outbox) == watchers
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(hours=1))
    with django_assert_num_queries(11):
        look(20)


def test_rounds_look_once_among_processes(client_user):
    make_request(client_user)
    assert periodic_jobs.run_alarm_round() and not periodic_jobs.run_alarm_round()
    assert kinds() == ["unanswered_request"]


# --- Failed messages -------------------------------------------------------------------------------------------------
def test_a_message_that_is_given_up_is_an_alarm_until_somebody_has_seen_it(dispatcher, company_a, staff_user, monkeypatch):
    from accounts.services import invite

    monkeypatch.setattr("accounts.messages.send_invitation", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("depannini_dashmap.lib.ops.worker.MAX_TRIES", 1)
    invite(actor=dispatcher, company=company_a, person={"email": "new@example.com"})
    Worker().drain()
    [alarm] = Alarm.objects.all()
    assert (alarm.kind, alarm.name, alarm.company_id) == ("failed_message", "invitation", company_a.pk)
    look()
    assert kinds() == ["failed_message"]
    services.acknowledge(actor=dispatcher, alarm_ids=[alarm.pk])
    assert kinds() == []


def test_a_customers_link_that_is_given_up_is_an_alarm_of_the_orders_company(dispatcher, company_a):
    from orders.models import OrderLink

    expires_at = timezone.now() + dt.timedelta(days=1)
    link = OrderLink.objects.create(order=make_order(dispatcher, company_a), token_hash="a" * 64, expires_at=expires_at)
    services.note_failed_message(actor=None, task_id="x", task_path="orders.tasks.deliver_link", arguments=[link.pk])
    assert Alarm.objects.visible_to(dispatcher).get().name == "link"
    services.note_failed_message(actor=None, task_id="y", task_path="orders.tasks.deliver_link", arguments=[link.pk + 1])
    assert Alarm.objects.get(thing="y").company_id is None


def test_a_motorists_link_that_is_given_up_is_an_alarm():
    services.note_failed_message(actor=None, task_id="x", task_path="assistance.tasks.send_link", arguments=[1, "fr"])
    assert kinds() == ["failed_message"]


def test_every_task_that_delivers_has_its_words():
    """A task that is renamed would be no alarm any more."""
    for path, delivery in DELIVERIES.items():
        assert import_string(path) is not None and str(delivery.words) != delivery.name


@pytest.mark.parametrize(("language", "said"), [("fr", "Lien pour l"), ("ar", "رابط")])
def test_a_message_tells_of_failed_messages_in_the_language_of_its_reader(language, said, staff_user, run_tasks):
    User.objects.filter(pk=staff_user.pk).update(email_verified=True)
    staff_user.refresh_from_db()
    services.set_watch(actor=staff_user, company=None, channel="email", after_minutes=1, language=language)
    services.note_failed_message(actor=None, task_id="x", task_path="assistance.tasks.send_link", arguments=[1, "fr"])
    look(2)
    run_tasks()
    assert said in mail.outbox[0].body and "motorists_link" not in mail.outbox[0].body


def test_other_tasks_that_are_given_up_are_no_alarm():
    services.note_failed_message(actor=None, task_id="x", task_path="trips.tasks.solve_plan", arguments=[1])
    assert kinds() == []
    services.note_failed_message(actor=None, task_id="x", task_path="accounts.tasks.deliver_code", arguments=[1])
    services.note_failed_message(actor=None, task_id="x", task_path="accounts.tasks.deliver_code", arguments=[1])
    assert kinds() == ["failed_message"]
    look(60 * 24 * 8)
    assert kinds() == []


# --- Taking care -----------------------------------------------------------------------------------------------------
def test_a_snooze_is_shared_and_ends_and_an_acknowledgement_stays(dispatcher, company_a):
    late_trip(dispatcher, company_a)
    look()
    now, alarm = timezone.now(), Alarm.objects.get()
    assert services.snooze(actor=dispatcher, alarm_ids=[alarm.pk], minutes=15) == 1
    alarm.refresh_from_db()
    assert alarm.snoozed_by == dispatcher and not Alarm.objects.ringing(now).exists()
    [again] = Alarm.objects.ringing(now + dt.timedelta(minutes=16)).with_ringing_since()
    assert again.ringing_since == alarm.snoozed_until
    assert services.acknowledge(actor=dispatcher, alarm_ids=[alarm.pk]) == 1
    assert services.acknowledge(actor=dispatcher, alarm_ids=[alarm.pk]) == 0
    assert services.snooze(actor=dispatcher, alarm_ids=[alarm.pk], minutes=15) == 0
    assert not Alarm.objects.ringing(now + dt.timedelta(days=1)).exists()
    assert services.take_up_again(actor=dispatcher, alarm_ids=[alarm.pk]) == 1
    assert Alarm.objects.ringing(timezone.now()).exists()
    with pytest.raises(InvalidData):
        services.snooze(actor=dispatcher, alarm_ids=[alarm.pk], minutes=10**6)


def test_alarms_are_whose_things_are(dispatcher, stranger, viewer, roadside_user, staff_user, company_a, client_user):
    make_request(client_user)
    late_trip(dispatcher, company_a)
    Alarm.objects.create(kind="failed_message", thing="t", name="code", opened_at=timezone.now())
    look()
    seen = {user: sorted(Alarm.objects.visible_to(user).open().values_list("kind", flat=True)) for user in (dispatcher, stranger, viewer, roadside_user, staff_user)}
    assert seen[dispatcher] == seen[viewer] == ["late_trip"] and seen[stranger] == []
    assert seen[roadside_user] == ["unanswered_request"]
    assert seen[staff_user] == ["failed_message", "late_trip", "unanswered_request"]
    late, waits = Alarm.objects.get(kind="late_trip"), Alarm.objects.get(kind="unanswered_request")
    with pytest.raises(Forbidden):
        services.acknowledge(actor=viewer, alarm_ids=[late.pk])
    for actor, alarm in ((stranger, late), (dispatcher, waits), (roadside_user, late)):
        for call in (services.acknowledge, partial(services.snooze, minutes=5), services.take_up_again):
            with pytest.raises(NotFound):
                call(actor=actor, alarm_ids=[alarm.pk])
    assert services.acknowledge(actor=roadside_user, alarm_ids=[waits.pk]) == 1


# --- Being told elsewhere --------------------------------------------------------------------------------------------
def test_who_watches_gets_one_mail_about_all_that_rings_for_so_long(watcher, company_a, run_tasks, settings):
    settings.THROTTLING_ENABLED = True
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=10, language="fr")
    for name in ("Tour A", "Tour B"):
        late_trip(watcher, company_a, name)
    look()
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(hours=1))
    look(9)
    run_tasks()
    assert not mail.outbox
    look(11)
    look(11.2)
    run_tasks()
    [sent] = mail.outbox
    assert sent.to == [watcher.email] and "Tour A" in sent.body and "Tour B" in sent.body
    assert "/admin/alarms/" in sent.body and "nobody" not in sent.body + sent.subject
    assert BudgetedMessage.objects.filter(kind="alarm", company_id=company_a.pk).count() == 1
    look(40)
    run_tasks()
    assert len(mail.outbox) == 1 and AlarmMessage.objects.filter(sent_at__isnull=False).count() == 2


def test_what_somebody_takes_care_of_before_the_message_leaves_is_not_told(watcher, company_a, run_tasks):
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    late_trip(watcher, company_a)
    look()
    look(2)
    services.snooze(actor=watcher, alarm_ids=[Alarm.objects.get().pk], minutes=5)
    run_tasks()
    assert not mail.outbox and not AlarmMessage.objects.exists()


def test_what_could_not_be_told_is_told_by_a_later_message(watcher, company_a, run_tasks, monkeypatch):
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    late_trip(watcher, company_a)
    look()
    look(2)
    with monkeypatch.context() as broken:
        broken.setattr("alarms.messages.send", lambda *_: 1 / 0)
        broken.setattr("depannini_dashmap.lib.ops.worker.MAX_TRIES", 1)
        Worker().drain()
    assert not AlarmMessage.objects.exists()
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(hours=1))
    look(5)
    run_tasks()
    assert not mail.outbox  # one message in ten minutes, whatever became of it
    look(13)
    run_tasks()
    assert len(mail.outbox) == 1 and "Tour" in mail.outbox[0].body


def test_what_waits_for_who_has_no_address_is_told_once_there_is_one(watcher, company_a, run_tasks):
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    late_trip(watcher, company_a)
    look()
    look(2)
    User.objects.filter(pk=watcher.pk).update(email_verified=False)
    run_tasks()
    assert not mail.outbox and not AlarmMessage.objects.exists()
    User.objects.filter(pk=watcher.pk).update(email_verified=True)
    LatestPosition.objects.update(timestamp=timezone.now() + dt.timedelta(hours=1))
    look(13)
    run_tasks()
    assert len(mail.outbox) == 1


def test_messages_wait_for_the_budget_of_the_company(watcher, company_a, run_tasks, settings):
    settings.THROTTLING_ENABLED, settings.MESSAGES_PER_COMPANY = True, 0
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    late_trip(watcher, company_a)
    look()
    look(2)
    run_tasks()
    assert not mail.outbox and not AlarmMessage.objects.exists()
    settings.MESSAGES_PER_COMPANY = 5
    look(3)
    run_tasks()
    assert len(mail.outbox) == 1


def test_the_roadsides_alarms_go_by_sms_to_who_works_there(roadside_user, client_user, run_tasks, tmp_path, settings):
    settings.THROTTLING_ENABLED, settings.SMS_URL = True, f"file://{tmp_path}"
    type(roadside_user).objects.filter(pk=roadside_user.pk).update(phone_verified=True, phone_number="+213555777002")
    roadside_user.refresh_from_db()
    services.set_watch(actor=roadside_user, company=None, channel="phone", after_minutes=5)
    job = make_request(client_user)
    look()
    look(6)
    run_tasks()
    [said] = tmp_path.glob("*.txt")
    assert "To: +213555777002" in said.read_text() and f"#{job.pk}" in said.read_text()


def test_who_no_longer_works_there_is_not_told(watcher, company_a, run_tasks):
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    late_trip(watcher, company_a)
    look()
    Membership.objects.filter(user=watcher).delete()
    look(5)
    run_tasks()
    assert not mail.outbox


def test_hours_go_over_midnight(watcher, company_a):
    watch = services.set_watch(
        actor=watcher, company=company_a, channel="email", after_minutes=1, begins=dt.time(22), ends=dt.time(6)
    )
    assert [watch.is_on(dt.time(hour)) for hour in (21, 22, 23, 0, 5, 6, 12)] == [False, True, True, True, True, False, False]
    watch = services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1, begins=dt.time(8), ends=dt.time(17))
    assert [watch.is_on(dt.time(hour)) for hour in (7, 8, 16, 17)] == [False, True, True, False]
    services.stop_watch(actor=watcher, company=company_a)
    assert not watcher.alarm_watches.exists()


def test_a_watch_needs_a_proven_address_and_ones_own_company(watcher, dispatcher_b, company_a, company_b):
    with pytest.raises(NotFound):
        services.set_watch(actor=watcher, company=company_b, channel="email", after_minutes=5)
    with pytest.raises(Forbidden):
        services.set_watch(actor=watcher, company=None, channel="email", after_minutes=5)
    for wrong in ({"after_minutes": 0}, {"after_minutes": 999}, {"channel": "pigeon"}, {"begins": dt.time(8)}):
        with pytest.raises(InvalidData):
            services.set_watch(**{"actor": watcher, "company": company_a, "channel": "email", "after_minutes": 5} | wrong)
    type(dispatcher_b).objects.filter(pk=dispatcher_b.pk).update(email_verified=False)
    dispatcher_b.refresh_from_db()
    with pytest.raises(InvalidData):
        services.set_watch(actor=dispatcher_b, company=company_b, channel="email", after_minutes=5)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_processes_that_look_at_once_raise_and_tell_nothing_twice(watcher, company_a, client_user):
    services.set_watch(actor=watcher, company=company_a, channel="email", after_minutes=1)
    make_request(client_user)
    late_trip(watcher, company_a)
    for minutes, times in ((0, 4), (5, 4)):
        barrier = Barrier(times)

        def contend(_, minutes=minutes, barrier=barrier):
            connection.ensure_connection()
            barrier.wait(timeout=20)
            try:
                look(minutes)
            finally:
                connection.close()

        with ThreadPoolExecutor(times) as pool:
            list(pool.map(contend, range(times)))
    assert Alarm.objects.count() == 2 and AlarmMessage.objects.count() == 1
    from django_tasks_db.models import DBTaskResult

    assert DBTaskResult.objects.filter(task_path="alarms.tasks.deliver_alarm").count() == 1
