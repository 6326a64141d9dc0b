"""The backends of SMS_URL."""

import os
import subprocess
import sys

import pytest
import requests

from depannini_dashmap.lib import sms


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


def test_twilio(settings, monkeypatch):
    sent = []

    class Answer:
        status_code = 201

    monkeypatch.setattr(sms.requests, "post", lambda url, **options: sent.append((url, options)) or Answer())
    settings.SMS_URL = "twilio://AC1:s%2Fecret@+15550001111"
    sms.send_sms("+213555123456", "Hello")
    ((url, options),) = sent
    assert url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert options["auth"] == ("AC1", "s/ecret")
    assert options["data"] == {"To": "+213555123456", "From": "+15550001111", "Body": "Hello"}
    Answer.status_code = 401
    with pytest.raises(sms.SmsError):
        sms.send_sms("+213555123456", "Hello")


def test_twilio_away(settings, monkeypatch):
    def refuse(*args, **options):
        raise requests.ConnectionError("AC1:secret")

    monkeypatch.setattr(sms.requests, "post", refuse)
    settings.SMS_URL = "twilio://AC1:secret@+15550001111"
    with pytest.raises(sms.SmsError) as error:
        sms.send_sms("+213555123456", "Hello")
    assert "secret" not in str(error.value)


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
