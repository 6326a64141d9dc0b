"""How often Python looks for garbage in cycles: a list of a thousand documents is all alive, and so is the program."""

import gc

# Python's own 700 makes a long list pay for dozens of searches, each through all that it has built so far.
OBJECTS_BEFORE_A_SEARCH = 10_000


def spare_what_stays() -> None:
    """Leave what is loaded now out of all later searches, and search less often; call it once, when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_A_SEARCH, 10, 10)
