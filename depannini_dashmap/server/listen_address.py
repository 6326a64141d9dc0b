"""Where a server that is being started will listen, as its command line says; nothing is bound here."""

import argparse
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

_SERVERS = {"daphne", "uvicorn", "gunicorn", "hypercorn"}
_COMMANDS = {"runserver", "serve"}
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared, never bound


def public_address(argv: Sequence[str]) -> str | None:
    """Return the first address beyond loopback on which this command line serves, or None."""
    return next((host for host in _hosts(argv) if not _is_loopback(host)), None)


def _hosts(argv: Sequence[str]) -> list[str]:
    """Return the hosts that a command line names; other programs than servers name none."""
    program = Path(argv[0] if argv else "")
    name = program.parent.name if program.name == "__main__.py" else program.name
    arguments = list(argv[1:])
    command = arguments[0] if name not in _SERVERS and arguments else ""
    if name not in _SERVERS and command not in _COMMANDS:
        return []
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-b", "--bind", "--host", dest="bound", action="append", default=[])
    parser.add_argument("-e", "--endpoint", dest="endpoints", action="append", default=[])
    try:
        found, others = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return []  # the program itself says what is wrong
    bound = found.bound or ([os.environ.get("HOST", "")] if command == "serve" else [])
    hosts = [_host(address) for address in bound]
    hosts += [_interface(text) for text in found.endpoints if text.startswith(("tcp:", "ssl:", "tcp6:"))]
    if command == "runserver":
        hosts += [_host(text) for text in others if ":" in text]
    return [host for host in hosts if host]


def _host(address: str) -> str:
    """Return the host of `host`, `host:port` or `[host]:port`; none for a path."""
    if address.startswith(("unix:", "fd:", "/")):
        return ""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address if address.count(":") > 1 else address.partition(":")[0]


def _interface(endpoint: str) -> str:
    """Return the host of a Twisted endpoint, which listens everywhere unless it names one."""
    named = dict(part.partition("=")[::2] for part in endpoint.replace("\\:", "\0").split(":"))
    return named.get("interface", _EVERYWHERE).replace("\0", ":")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
