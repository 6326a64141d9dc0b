"""The backends of SMS_URL."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx
import pytest

from depannini_dashmap.lib.outbound import sms


class Twilio(httpx.AsyncBaseTransport):
    """Records requests, and answers as configured."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.status, self.drips = 201, 0
        self.error: Exception | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self.error:
            raise self.error
        return httpx.Response(self.status, content=self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        for _ in range(self.drips):
            await asyncio.sleep(0.1)
            yield b"x"


@pytest.fixture
def twilio(monkeypatch) -> Twilio:
    transport = Twilio()
    client = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **options: client(transport=transport, **options))
    return transport


def test_a_file_for_each_message(settings, tmp_path):
    settings.SMS_URL = f"file://{tmp_path / 'deep' / 'er'}"
    sms.send_sms("+213555123456", "Your code is 123456.")
    sms.send_sms("+213555123456", "كلمة")
    texts = {file.read_text(encoding="utf-8") for file in (tmp_path / "deep" / "er").iterdir()}
    assert texts == {"To: +213555123456\n\nYour code is 123456.\n", "To: +213555123456\n\nكلمة\n"}


def test_the_console(settings, capsys):
    settings.SMS_URL = "console:"
    sms.send_sms("+213555123456", "Hello")
    assert "To: +213555123456\n\nHello\n" in capsys.readouterr().out


def test_twilio(settings, twilio):
    settings.SMS_URL = "twilio://AC1:s%2Fecret@+15550001111"
    sms.send_sms("+213555123456", "Hello")
    (request,) = twilio.requests
    assert str(request.url) == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(request.headers["Authorization"].split()[1]) == b"AC1:s/ecret"
    assert parse_qs(request.content.decode()) == {"To": ["+213555123456"], "From": ["+15550001111"], "Body": ["Hello"]}
    twilio.status = 401
    with pytest.raises(sms.SmsError):
        sms.send_sms("+213555123456", "Hello")


def test_twilio_away(settings, twilio):
    twilio.error = httpx.ConnectError("AC1:secret")
    settings.SMS_URL = "twilio://AC1:secret@+15550001111"
    with pytest.raises(sms.SmsError) as error:
        sms.send_sms("+213555123456", "Hello")
    assert "secret" not in str(error.value)


def test_a_gateway_that_drips_is_given_up(settings, twilio, monkeypatch):
    """A byte every tenth of a second: no single read is slow, only all of them."""
    monkeypatch.setattr(sms, "PATIENCE", 0.5)
    twilio.drips = 30
    settings.SMS_URL = "twilio://AC1:secret@+15550001111"
    begun = time.monotonic()
    with pytest.raises(sms.SmsError):
        sms.send_sms("+213555123456", "Hello")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("url", ["", "smtp://x", "file:///proc/nowhere"])
def test_a_bad_url_is_an_error_of_this_module(settings, url):
    settings.SMS_URL = url
    with pytest.raises(sms.SmsError):
        sms.send_sms("+213555123456", "Hello")


def test_the_directory_of_filemail_is_absolute(tmp_path):
    """Mail and SMS directories are read alike: `filemail:///dir` is `/dir`."""
    environment = {**os.environ, "EMAIL_URL": f"filemail://{tmp_path}/mail", "SECRET_KEY": "abcdefghij" * 5}
    told = subprocess.run(
        [sys.executable, "-c", "from depannini_dashmap import settings; print(settings.EMAIL_FILE_PATH)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == f"{tmp_path}/mail"
