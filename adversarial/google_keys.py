"""The settings, with Google's keys fetched from GOOGLE_KEYS_URL: nothing here ever asks Google. Never served to anybody."""

import os
from collections.abc import Mapping

from depannini_dashmap.settings import *  # noqa: F403

GOOGLE_CERTIFICATE_SOURCE = f"{__name__}.fetch"


def fetch() -> Mapping[str, str]:
    """Fetch as the product does, from the address that the test serves."""
    from accounts import google

    google.CERTIFICATES_URL = os.environ["GOOGLE_KEYS_URL"]
    return google.fetch_certificates()
