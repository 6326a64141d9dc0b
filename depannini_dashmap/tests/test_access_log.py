"""uvicorn's access log holds no token of a URL."""

import io
import logging

from uvicorn.logging import AccessFormatter

from depannini_dashmap.server import access_log


def test_tokens_in_urls_are_taken_out() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s', use_colors=False))
    access, errors = logging.getLogger("uvicorn.access"), logging.getLogger("uvicorn.error")
    before = access.level, errors.level
    access_log.redact_uvicorn()
    try:
        for logger in (access, errors):
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/api/?access_token=eyJa.eyJb.c", "1.1", 401)
        handler.setFormatter(None)
        errors.info('%s - "WebSocket %s" [accepted]', "127.0.0.1:1", "/ws/assistant/1/?token=0123456789abcdef")
    finally:
        for logger, level in ((access, before[0]), (errors, before[1])):
            logger.removeHandler(handler)
            logger.setLevel(level)
    lines = stream.getvalue()
    assert "0123456789abcdef" not in lines and "eyJ" not in lines
    assert "/ws/assistant/1/?token=[secret]" in lines
    assert '"GET /api/?access_token=[secret] HTTP/1.1" 401' in lines
