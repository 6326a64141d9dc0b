"""Settings of the test suite: the real ones with cheap password hashes, no rate limits and no worker thread."""

import os
import re
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "the-test-suite-needs-a-key-that-is-long-and-public")
os.environ.setdefault("THROTTLING", "off")
os.environ.setdefault("ALLOW_FAKE_DATA", "on")
os.environ.setdefault("TASK_WORKER", "off")
os.environ.setdefault("PRUNE_AT", "off")
if os.environ.get("REDIS_URL") and (_worker := os.environ.get("PYTEST_XDIST_WORKER", "")):
    # Workers of one run must not receive each other's events: each has a numbered database of its own.
    os.environ["REDIS_URL"] = re.sub(r"(?<=/)\d+(?=$|\?)", lambda number: str(int(number[0]) + int(_worker.removeprefix("gw"))), os.environ["REDIS_URL"], count=1)

from depannini_dashmap.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = tempfile.mkdtemp(prefix="dashmap-media-")
ERASURES_FILE = os.path.join(tempfile.mkdtemp(prefix="dashmap-erasures-"), "accounts.jsonl")
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Threads and sockets of one test share the file; an in-memory database could not be seen by them.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(tempfile.mkdtemp(prefix="dashmap-test-"), "test.sqlite3")}
ROUTING_URL = ""
GEOCODER_URL = ""
# Tests use no roads data that was built on this machine.
ROADS_DIR = Path(tempfile.mkdtemp(prefix="dashmap-roads-"))
