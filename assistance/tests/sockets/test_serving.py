"""Sockets while a server stops, while nothing is sent, and across processes."""

import json
import re
import time
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from django.db import transaction

from assistance import services
from assistance.models import AssistantProfile
from assistance.tests.sockets.conftest import PICKUP, PLACE, token
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until


@pytest.mark.slow
# Daphne sends no 1012, and cuts sockets off where a kept HTTP connection trips its stop.
@pytest.mark.parametrize(("runner", "codes"), [("serve", {1012}), ("daphne", {4012, 1006})])
def test_g12_a_stop_closes_the_sockets(tmp_path: Any, server: Server, on_duty: Any, runner: str, codes: set[int]) -> None:
    with running_server(tmp_path / "server.log", runner=runner) as stopping:
        with stopping.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
            client.receive("connection_established")
            began = time.monotonic()
            stopping.process.terminate()
            assert client.receive_close() in codes, stopping.output()
        assert stopping.process.wait(20) == 0
        assert time.monotonic() - began < 15
        assert runner == "daphne" or not re.search("Traceback", stopping.output())


@pytest.mark.slow
def test_g12_a_stop_lets_a_running_request_finish(tmp_path: Any, server: Server, on_duty: Any) -> None:
    with running_server(tmp_path / "server.log") as stopping:
        line = HTTPConnection("127.0.0.1", stopping.port, timeout=10)
        with transaction.atomic():
            AssistantProfile.objects.select_for_update().get(pk=on_duty.pk)  # the request waits for this row
            headers = {"Authorization": f"Bearer {token(on_duty)}", "Content-Type": "application/json"}
            line.request("POST", "/api/profile/assistant-status/", json.dumps({"is_active": False}), headers)
            assert stopping.call("GET", "/healthz").status_code == 200
            stopping.process.terminate()
            wait_until(lambda: not _answers(stopping), "the port closes")
        answer = line.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        assert answer.getheader("Connection") == "close"
        answer.close()
        line.close()
        assert stopping.stop() == 0


def _answers(server: Server) -> bool:
    try:
        return server.call("GET", "/healthz").is_success
    except httpx.HTTPError:
        return False


@pytest.mark.postgres
@pytest.mark.slow
def test_an_idle_socket_still_receives(server: Server, on_duty: Any, client_user: Any) -> None:
    with server.socket(f"/ws/assistant/{on_duty.pk}/", token(on_duty)) as client:
        client.receive("connection_established")
        with pytest.raises(TimeoutError):
            client.receive(seconds=6)  # longer than redis-py's read time-out
        services.request_assistance(actor=client_user, pickup=PICKUP)
        assert client.receive("new_assistance_request", seconds=1)


@pytest.mark.postgres
@pytest.mark.slow
def test_two_processes_receive_each_others_events(tmp_path: Any, server: Server, room: Any, on_duty: Any, accepted: int) -> None:
    with running_server(tmp_path / "server.log", TASK_WORKER="off") as second:
        with second.socket(f"/ws/assistance/{accepted}/", token(on_duty)) as there:
            there.receive("connection_established")
            there.send(PLACE | {"lat": 12.5})
            assert room[0].receive("location", lat=12.5)
            second.call("PATCH", f"/api/assistance/update/{accepted}/", token(on_duty), status="ongoing")
            assert room[0].receive("status", seconds=1)["status"] == "ongoing"
