"""What log lines must never hold."""

import json
import logging

import pytest

from depannini_dashmap.lib.ops.logs import JsonFormatter, RedactingFilter, redact


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET /ws/assistant/4/?token=abcdef123456 HTTP/1.1", "abcdef123456"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoxfQ.sig-nature", "eyJ"),
        ("Authorization: Token 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("sent to +213555123456", "+213555123456"),
        ('{"password": "hunter2hunter2"}', "hunter2"),
        ("code=123456", "123456"),
        ("GET /api/devices/osmand/?lat=1&id=eWvPizrABm4MWRPQa2HldD8n HTTP/1.1", "eWvPizrABm4MWRPQa2HldD8n"),
        ("at 36.7538921, 3.0588123", "36.7538921"),
    ],
)
def test_secrets_are_taken_out(line, secret):
    assert secret not in redact(line)


def test_plain_lines_stay():
    assert redact("Trip 12 started, 3.5 km, 10 vehicles") == "Trip 12 started, 3.5 km, 10 vehicles"


def test_a_line_is_json_and_its_traceback_is_clean():
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        import sys

        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed for %s", ("+213555123456",), sys.exc_info())
    RedactingFilter().filter(record)
    line = JsonFormatter().format(record)
    assert "hunter2" not in line
    assert json.loads(line)["message"] == "failed for [phone]"
