"""Which of several database hosts took us last: it is tried first, as one that is silent costs each new connection its whole time-out."""

from __future__ import annotations

from typing import Any

Parameters = dict[str, Any]

_last: tuple[str, str] | None = None  # host and port


def are_several(parameters: Parameters) -> bool:
    """Return whether parameters of the driver name more than one host, in a way that it understands."""
    hosts, ports = str(parameters.get("host", "")).count(","), str(parameters.get("port", "")).count(",")
    return hosts > 0 and ports in (0, hosts)


def one_by_one(parameters: Parameters) -> list[Parameters]:
    """Return the parameters for each host alone, first for the one that took us last."""
    if not are_several(parameters):
        return [parameters]
    places = sorted(_places(parameters), key=lambda place: place != _last)
    return [{**parameters, "host": host, "port": port} for host, port in places]


def in_order(parameters: Parameters) -> Parameters:
    """Return the parameters with the host at the front that took us last."""
    if not are_several(parameters):
        return parameters
    hosts, ports = zip(*sorted(_places(parameters), key=lambda place: place != _last), strict=True)
    return {**parameters, "host": ",".join(hosts), "port": ",".join(ports)}


def remember(connection: Any) -> None:
    """Note which host a new connection of the driver has reached."""
    global _last
    _last = (connection.info.host, str(connection.info.port))


def _places(parameters: Parameters) -> list[tuple[str, str]]:
    hosts = str(parameters["host"]).split(",")
    ports = str(parameters.get("port") or 5432).split(",")
    return list(zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True))
