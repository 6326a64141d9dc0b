"""`python -m depannini_dashmap.operations.healthcheck [url]`: exit 0 when a running server says that it is ready, for health checks.

Loads no Django, so that a check every few seconds costs next to nothing.
"""

import sys
import urllib.error
import urllib.request

DEFAULT_URL = "http://127.0.0.1:8000/readyz"


def is_ready(url: str) -> bool:
    """Ask `url` (http on this machine) and return whether it answered 200 within 3 seconds."""
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - the address is the operator's
            return answer.status == 200
    except (urllib.error.URLError, OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_URL) else 1)
