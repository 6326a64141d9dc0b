"""DRF without what it loads wherever it is installed, and what nobody here asks it for: 5 MB of each process."""

import sys
from importlib import import_module

# For a test client over `requests`, and for colours in the browsable API. Who needs them imports them, as Google's library does.
_UNUSED = ("requests", "pygments")


def spare_unused_packages() -> None:
    """Have DRF find none of them; call it before anything imports DRF's parts."""
    absent = [name for name in _UNUSED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # an import fails then (docs of sys.modules)
    try:
        import_module("rest_framework.compat")
    finally:
        for name in absent:
            del sys.modules[name]
