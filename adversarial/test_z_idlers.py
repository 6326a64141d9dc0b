"""C and G. What became of the idle clients: the file's name puts it where their time has passed while others played."""

import select

from adversarial.stage import wait_until

PATIENCE = 30  # seconds that a request has to come


def test_c13_half_open_handshakes_are_cut_off(idlers):
    wait_until(lambda: not idlers.held_by_the_server(), PATIENCE + 20)
    assert len(idlers.lines) >= 500
    ended = select.select(idlers.lines, [], [], 0)[0]
    assert len(ended) == len(idlers.lines)
    assert {line.recv(4096).split()[1] for line in ended} == {b"408"}
