"""What a server shows a consumer of its keepalive pings, by an ASGI extension of our own; stock servers hide them."""

from typing import Protocol

EXTENSION = "dashmap.keepalive"  # in a scope's `extensions`
FLOOD = "dashmap.flood"  # message to a consumer: its client sends too many frames that are no messages


class Transport(Protocol):
    """The keepalive of one connection. Units: seconds since 1970."""

    def ping(self) -> None:
        """Ping the client now, unless a ping is unanswered."""

    def is_answered(self) -> bool:
        """Return whether the client has answered every ping."""

    def answered_at(self) -> float | None:
        """Return when the last ping was sent that the client has answered, None if that cannot be known.

        Pings that `ping` asked for are left out: all connections of a person get them at once.
        """


class _Hidden:
    """The keepalive of a server that has not our extension."""

    def ping(self) -> None:
        pass

    def is_answered(self) -> bool:
        return True

    def answered_at(self) -> float | None:
        return None


_hidden = _Hidden()


def of(scope: dict) -> Transport:
    """Return the keepalive of the connection that a scope describes."""
    return (scope.get("extensions") or {}).get(EXTENSION, _hidden)
