"""Whether an installation allows made-up data."""

from django.conf import settings

from depannini_dashmap.lib.errors import Forbidden


def require_fake_data() -> None:
    """Let pass where made-up data is allowed. Raises: Forbidden `fake_data_off` unless ALLOW_FAKE_DATA."""
    if not settings.ALLOW_FAKE_DATA:
        raise Forbidden("Fake data is switched off", code="fake_data_off")
