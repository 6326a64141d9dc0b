"""Does something again and again for as long as the process lives, in a thread of its own, through outages and bugs."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

logger = logging.getLogger(__name__)

KEEP_CONNECTION_UP_TO = 30.0  # seconds between two rounds; to sign in anew takes PostgreSQL and us longer than most rounds


class PeriodicThread(threading.Thread):
    """Calls `work` every so many seconds; an interrupted call must be safe to repeat."""

    def __init__(self, name: str, work: Callable[[], object], every: float) -> None:
        super().__init__(name=name, daemon=True)
        self.work, self.every = work, every

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            try:
                close_old_connections()
                self.work()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The round %s could not be done: %s", self.name, type(error).__name__)
            except Exception:
                logger.exception("The round %s failed", self.name)
            finally:
                if self.every > KEEP_CONNECTION_UP_TO:
                    connection.close()
            time.sleep(self.every)
