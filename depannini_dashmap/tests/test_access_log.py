"""Daphne's access log tells no secrets."""

import io

from daphne.access import AccessLogGenerator

from depannini_dashmap.server import access_log


def test_tokens_in_urls_are_taken_out():
    stream = io.StringIO()
    log = AccessLogGenerator(stream)
    access_log.keep_secrets_out()
    access_log.keep_secrets_out()
    log("websocket", "connecting", {"client": "127.0.0.1:1", "path": "/ws/assistant/1/?token=0123456789abcdef"})
    log("http", "complete", {"client": "127.0.0.1:1", "method": "GET", "path": "/api/?access_token=eyJa.eyJb.c", "status": 401, "size": 5})
    lines = stream.getvalue()
    assert "0123456789abcdef" not in lines and "eyJ" not in lines
    assert "/ws/assistant/1/?token=[secret]" in lines
    assert " 401 5\n" in lines
