"""What several tests of accounts need."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps


@pytest.fixture(autouse=True)
def sms_directory(settings, tmp_path) -> Path:
    """The fake SMS gateway: one file per message."""
    settings.SMS_URL = f"file://{tmp_path / 'sms'}"
    return tmp_path / "sms"


@pytest.fixture
def messages(run_tasks, mailoutbox, sms_directory) -> Callable[[str], list[str]]:
    """Run the worker and return the texts sent to an address so far, oldest first."""

    def texts(address: str) -> list[str]:
        run_tasks()
        mails = [mail.body for mail in mailoutbox if mail.to == [address]]
        files = sorted(sms_directory.glob("*.txt"), key=lambda file: file.stat().st_mtime_ns)
        sms = [
            file.read_text().split("\n\n", 1)[1] for file in files if file.read_text().startswith(f"To: {address}\n")
        ]
        return mails + sms

    return texts


@pytest.fixture
def codes(messages) -> Callable[[str], list[str]]:
    """Return the codes sent to an address so far, oldest first."""
    return lambda address: [found for text in messages(address) for found in re.findall(r"code is (\d{6})", text)]


@pytest.fixture
def vehicle(company_a):
    """Something that belongs to the first company; accounts knows no vehicles, so it is found by name."""
    fields = {"license_plate": "16-123", "make": "Renault", "model": "Master", "year": 2020, "capacity": "2.50"}
    return apps.get_model("fleet", "Vehicle").objects.create(company=company_a, **fields)
