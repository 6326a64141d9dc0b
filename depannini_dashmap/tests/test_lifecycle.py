"""The table of states."""

import pytest

from depannini_dashmap.lib.errors import Conflict, Forbidden
from depannini_dashmap.lib.lifecycle import Lifecycle

DOOR = Lifecycle(
    {state: state for state in ("open", "closed", "locked")}, {("open", "closed"): ["guest", "owner"], ("closed", "locked"): ["owner"]}
)


def test_every_pair():
    legal = {("open", "closed"), ("closed", "locked")}
    for source in DOOR.states:
        for target in DOOR.states:
            assert DOOR.allows(source, target) == ((source, target) in legal)


def test_who_may():
    DOOR.require("closed", "locked", "owner")
    with pytest.raises(Forbidden):
        DOOR.require("closed", "locked", "guest")
    with pytest.raises(Conflict) as caught:
        DOOR.require("locked", "open", "owner")
    assert caught.value.extra == {"current_status": "locked"}


def test_sources_and_ends():
    assert DOOR.sources("locked") == ["closed"]
    assert DOOR.sources("locked", "guest") == []
    assert DOOR.is_final("locked")
    assert not DOOR.is_final("open")


def test_unknown_states_are_a_mistake():
    with pytest.raises(ValueError, match="ajar"):
        Lifecycle({"open": "open"}, {("open", "ajar"): []})
