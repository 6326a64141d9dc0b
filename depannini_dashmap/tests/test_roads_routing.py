"""Driving times: by road and labelled, far from roads, without a way, with an engine that is dead, frozen or talks nonsense."""

import os
import signal
import socket
import threading
import time

import pytest

from depannini_dashmap.lib.roads import osrm, routing
from testing.roads import LIECHTENSTEIN, MONACO, freeze, start_engine

VADUZ, SCHAAN, RUGGELL = (47.1393, 9.5228), (47.1650, 9.5100), (47.2400, 9.5270)
SEA, MOUNTAIN = (0.0, 0.0), (47.1000, 9.6100)


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


def test_a_way_by_road_is_longer_than_the_straight_line(use_roads):
    use_roads(LIECHTENSTEIN)
    found = routing.route([VADUZ, SCHAAN, RUGGELL])
    assert (found.source, [leg.source for leg in found.legs], found.unroutable) == ("road", ["road", "road"], [])
    assert 3_000 < found.legs[0].distance_m < 6_000
    assert found.distance_m == pytest.approx(sum(leg.distance_m for leg in found.legs))
    assert 600 < found.duration_s < 1800
    assert len(found.line) > 50
    assert found.line[0] == pytest.approx(VADUZ, abs=0.005)


def test_one_table_gives_all_ways(use_roads):
    use_roads(LIECHTENSTEIN)
    rows = routing.matrix([VADUZ, SCHAAN], [RUGGELL, VADUZ])
    assert [[leg.source for leg in row] for row in rows] == [["road", "road"], ["road", "road"]]
    assert rows[0][1].duration_s == 0
    assert rows[0][0].duration_s == pytest.approx(routing.route([VADUZ, RUGGELL]).duration_s, rel=0.05)


def test_what_is_far_from_any_road_is_estimated_and_named(use_roads):
    use_roads(LIECHTENSTEIN)
    assert routing.route([VADUZ, SEA]) == routing.Route("straight_line", [routing.straight(VADUZ, SEA)], [VADUZ, SEA], [1])
    mixed = routing.route([VADUZ, SCHAAN, SEA])
    assert (mixed.source, [leg.source for leg in mixed.legs], mixed.unroutable) == ("road", ["road", "straight_line"], [2])
    assert len(mixed.line) > 30 and mixed.line[-1] == SEA  # by road as far as roads lead
    row = routing.matrix([VADUZ], [SCHAAN, SEA])[0]
    assert [leg.source for leg in row] == ["road", "straight_line"]


def test_a_way_that_turns_round_at_a_stop_follows_roads(use_roads):
    use_roads(MONACO)
    found = routing.route([(43.7460, 7.4343), (43.7437, 7.4316), (43.7313, 7.4136), (43.7419, 7.4279), (43.7437, 7.4316), (43.7295, 7.4155)])
    assert [leg.source for leg in found.legs] == ["road"] * 5
    assert len(found.line) > 100


def test_a_leg_without_a_way_breaks_only_its_own_line(use_roads, monkeypatch):
    use_roads(LIECHTENSTEIN)
    ask = osrm.ask

    def refuse_the_whole(service, points, **options):
        if service == "route" and (len(points) > 2 or RUGGELL in points):
            raise osrm.Refused("NoRoute")
        return ask(service, points, **options)

    monkeypatch.setattr(osrm, "ask", refuse_the_whole)
    found = routing.route([VADUZ, SCHAAN, RUGGELL])
    assert [leg.source for leg in found.legs] == ["road", "road"]
    assert len(found.line) > 30 and found.line[-1] == RUGGELL


def test_a_place_is_put_on_its_road(use_roads):
    use_roads(LIECHTENSTEIN)
    found = routing.snap(*VADUZ)
    assert found.source == "road"
    assert 0 < found.distance_m < 100
    assert routing.snap(*SEA) == routing.Snapped("straight_line", *SEA, 0.0, "")


def test_without_an_engine_everything_is_a_straight_line(settings):
    assert routing.route([VADUZ, SCHAAN]) == routing.Route("straight_line", [routing.straight(VADUZ, SCHAAN)], [VADUZ, SCHAAN])
    assert routing.matrix([VADUZ], [SCHAAN]) == [[routing.straight(VADUZ, SCHAAN)]]
    assert routing.snap(*VADUZ).source == "straight_line"
    settings.ROUTING_URL = "off"
    assert routing.route([VADUZ, SCHAAN]).source == "straight_line"
    assert not routing.is_known()


def test_few_places_have_no_way():
    assert routing.route([]) == routing.Route("straight_line", [])
    assert routing.route([VADUZ]).line == [VADUZ]
    assert routing.matrix([], [VADUZ]) == []
    assert routing.matrix([VADUZ], []) == [[]]


def test_an_estimate_is_what_the_settings_say(settings):
    settings.ETA_ROAD_FACTOR, settings.ETA_MEAN_SPEED_KMH = 2.0, 60.0
    leg = routing.straight((0.0, 0.0), (0.0, 1.0))
    assert leg.distance_m == pytest.approx(222_390, rel=1e-3)
    assert leg.duration_s == pytest.approx(222.39 * 60, rel=1e-3)


def test_a_dead_engine_costs_nothing(settings):
    settings.ROUTING_URL = "http://127.0.0.1:9"
    for _ in range(20):
        assert routing.route([VADUZ, SCHAAN]).source == "straight_line"
    assert osrm.is_resting()


def test_a_frozen_engine_costs_one_wait_and_is_asked_again_later(engine_programs, engine_files, settings):
    process, settings.ROUTING_URL = start_engine(engine_programs, engine_files(LIECHTENSTEIN))
    try:
        assert routing.route([VADUZ, SCHAAN]).source == "road"
        freeze(process.pid)
        waits = []
        for _ in range(20):
            began = time.monotonic()
            assert routing.route([VADUZ, SCHAAN]).source == "straight_line"
            waits.append(time.monotonic() - began)
        assert max(waits) < osrm.LIMIT + 0.15
        assert sum(waits) < 2 * osrm.LIMIT + 0.3
        os.kill(process.pid, signal.SIGCONT)
        osrm.forget()
        assert routing.route([VADUZ, SCHAAN]).source == "road"
    finally:
        process.kill()
        process.wait()


def test_a_connection_that_was_closed_meanwhile_is_made_anew(engine_programs, engine_files, settings):
    process, settings.ROUTING_URL = start_engine(engine_programs, engine_files(LIECHTENSTEIN))
    try:
        assert routing.snap(*VADUZ).source == "road"
        osrm._local.connection.sock.shutdown(socket.SHUT_RDWR)
        assert routing.snap(*VADUZ).source == "road"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 500 no\r\nContent-Length: 4\r\n\r\nnull",
     b"garbage\r\n\r\n", b'HTTP/1.1 200 OK\r\n\r\n{"code":"Ok"}', b'HTTP/1.1 200 OK\r\n\r\n{"code":"Ok","routes":[],"waypoints":[]}',
     b'HTTP/1.1 400 no\r\n\r\n{"code":"NoRoute"}', b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"],
)  # fmt: skip
def test_nonsense_is_no_answer(settings, said):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.ROUTING_URL = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def answer():
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    line.settimeout(1)
                    try:
                        line.recv(4096)
                        line.sendall(said)
                    except OSError:
                        pass

        threading.Thread(target=answer, daemon=True).start()
        for ask in (lambda: routing.route([VADUZ, SCHAAN]).source, lambda: routing.matrix([VADUZ], [SCHAAN])[0][0].source, lambda: routing.snap(*VADUZ).source):
            osrm.forget()
            began = time.monotonic()
            assert ask() == "straight_line"
            assert time.monotonic() - began < 2 * osrm.LIMIT + 0.2


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "nonsense", "http://", "ftp://x"])
def test_an_address_that_leads_nowhere(settings, url):
    settings.ROUTING_URL = url
    assert routing.route([VADUZ, SCHAAN]).source == "straight_line"


def test_a_hundred_questions_at_once(use_roads):
    use_roads(LIECHTENSTEIN)
    found = []
    threads = [threading.Thread(target=lambda: found.append(routing.route([VADUZ, RUGGELL], within=5).source)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["road"] * 100
