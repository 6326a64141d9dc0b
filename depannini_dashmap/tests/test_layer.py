"""Publishing: after the commit, together, to the right sockets, and through a Redis that dies."""

import shutil
from typing import Any

import pytest
from django.db import transaction

from accounts.tokens import issue_pair
from depannini_dashmap.lib.realtime import layer, redis_publisher
from depannini_dashmap.lib.realtime.subscriptions import Message
from testing.databases import redis_server
from testing.fixtures import running_server
from testing.ports import free_port
from testing.servers import Server


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[Message]]:
    """Collect what is sent, instead of sending it."""
    batches: list[list[Message]] = []
    monkeypatch.setattr(redis_publisher, "send", lambda messages, *, is_urgent: batches.append(list(messages)))
    return batches


@pytest.mark.django_db(transaction=True)
def test_events_of_one_transaction_leave_together_after_it(sent: list[list[Message]]) -> None:
    with transaction.atomic():
        layer.publish("a.1", {"type": "x", "n": 1})
        with pytest.raises(KeyError), transaction.atomic():
            layer.publish("a.1", {"type": "x", "n": 2})
            raise KeyError
        layer.publish(("a.2", "a.3"), {"type": "x", "n": 3})
        layer.publish_refresh("a.1", {"type": "y"})
        assert sent == []
    assert sent == [
        [
            Message(b"a.1", b'x\t{"type":"x","n":1}\n'),
            Message(b"a.2", b'x\t{"type":"x","n":3}\n'),
            Message(b"a.3", b'x\t{"type":"x","n":3}\n'),
            Message(b"a.1", b'y\t{"type":"y"}\n'),
        ]
    ]
    with pytest.raises(KeyError), transaction.atomic():
        layer.publish("a.1", {"type": "x"})
        raise KeyError
    assert len(sent) == 1


def test_many_events_of_a_group_are_one_message(sent: list[list[Message]], db: None) -> None:
    with layer.captured() as published, transaction.atomic():
        layer.publish_many((f"a.{n % 2}", {"type": "x", "n": n}) for n in range(4))
        transaction.get_connection().run_on_commit[-1][1]()
    assert [message.group for message in sent[0]] == [b"a.0", b"a.1"]
    assert [(group, event["n"]) for group, event in published] == [("a.0", 0), ("a.0", 2), ("a.1", 1), ("a.1", 3)]


@pytest.mark.django_db(transaction=True)
def test_hints_of_one_transaction_leave_once_and_survive_inner_rollbacks() -> None:
    with layer.captured() as heard:
        with transaction.atomic():
            with pytest.raises(KeyError), transaction.atomic():
                layer.publish_refresh("a.1", {"type": "x"})
                raise KeyError
            for _ in range(3):
                with transaction.atomic():
                    layer.publish_refresh("a.1", {"type": "x"})
            layer.publish_refresh("a.2", {"type": "x"})
            assert heard == []
        assert heard == [("a.1", {"type": "x"}), ("a.2", {"type": "x"})]
        with pytest.raises(KeyError), transaction.atomic():
            layer.publish_refresh("a.1", {"type": "x"})
            raise KeyError
        assert len(heard) == 2


@pytest.mark.django_db(transaction=True)
def test_coalesced_refreshes_of_many_transactions_leave_once() -> None:
    with layer.captured() as heard:
        with layer.coalesced_refreshes():
            for number in range(3):
                with transaction.atomic():
                    layer.publish_refresh("a.1", {"type": "x"})
                    layer.publish("a.1", {"type": "y", "n": number})
            assert [event["type"] for _, event in heard] == ["y", "y", "y"]
        assert [event["type"] for _, event in heard] == ["y", "y", "y", "x"]
        layer.publish_refresh("a.1", {"type": "x"})
        assert len(heard) == 5


@pytest.mark.parametrize("group", ["", "a b", "a\tb", "*", "a\n", "x" * 100])
def test_a_senseless_group_is_refused(group: str) -> None:
    with pytest.raises(ValueError, match="group"):
        layer.publish_now(group, {"type": "x"})


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a redis-server to kill")
def test_g8_a_redis_that_dies_and_comes_back(tmp_path: Any, server: Server, staff_user: Any, client_user: Any) -> None:
    port, raw = free_port(), issue_pair(staff_user)["access"]
    place = {"pickup": {"lat": 36.7, "lng": 3.0}}
    environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "TASK_WORKER": "off"}
    with running_server(tmp_path / "server.log", **environment) as own:
        with redis_server(port, tmp_path) as first:
            client = own.socket("/ws/fleet/", raw)
            client.receive("connection_established")
            first.kill()
            first.wait()
            made = own.call("POST", "/api/assistance/request/", issue_pair(client_user)["access"], **place)
            assert made.status_code == 201
            job = made.json()["assistance"]["id"]
            assert client.receive("assistance", seconds=15)["assistance_id"] == job  # this process goes on by itself
        with redis_server(port, tmp_path):
            client.receive("connection_established", seconds=30)  # the state is shown again
            path = f"/api/assistance/update/{job}/"
            assert own.call("PATCH", path, issue_pair(client_user)["access"], status="canceled").status_code == 200
            assert client.receive("assistance", seconds=15)["status"] == "canceled"
        client.__exit__()
