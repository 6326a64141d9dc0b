"""Does something again and again for as long as the process lives, in a thread of its own, through outages and bugs."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

logger = logging.getLogger(__name__)


class PeriodicThread(threading.Thread):
    """Calls `look` every so many seconds; an interrupted call must be safe to repeat."""

    def __init__(self, name: str, look: Callable[[], object], every: float) -> None:
        super().__init__(name=name, daemon=True)
        self.look, self.every = look, every

    def run(self) -> None:
        """Look until the process ends."""
        while True:
            try:
                close_old_connections()
                self.look()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The round %s could not be done: %s", self.name, type(error).__name__)
            except Exception:
                logger.exception("The round %s failed", self.name)
            finally:
                connection.close()
            time.sleep(self.every)
