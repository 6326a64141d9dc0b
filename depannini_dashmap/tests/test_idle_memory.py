"""What an idle process does not hold."""

import os
import subprocess
import sys

LOAD = """
import sys
import django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
print(sorted(name for name in ("PIL", "faker", "google.auth", "httpx", "numpy", "openpyxl", "pygments", "requests") if name in sys.modules))
"""


def test_what_only_sheets_pictures_invented_data_and_outside_services_need_is_loaded_by_them_alone():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test"}
    loaded = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_what_is_spared_is_there_for_who_imports_it():
    script = LOAD + "import requests, pygments\nprint(requests.Session.__name__)\n"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test"}
    loaded = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert loaded.stdout.split()[-1] == "Session"
