"""The database backend of the settings: Django's own, whose connections `lib/db/watchdog.py` can cut when the server freezes."""

import select
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base, operations

from depannini_dashmap.lib.db import watchdog


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, with compilers of our own."""

    compiler_module = "depannini_dashmap.lib.db.postgresql.compiler"


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens connections that can be cut, and none while the server answers nobody."""

    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raises: OperationalError, at once while the server is frozen."""
        watchdog.refuse_while_frozen()
        connection = super().get_new_connection(conn_params)
        watchdog.watch_over(connection)
        self._say_settings(connection)
        watchdog.refuse_while_frozen()
        return connection

    @staticmethod
    def _say_settings(connection: Any) -> None:
        """Set the time-outs in one round trip, outside of any transaction."""
        if not settings.DATABASE_SESSION:
            return
        calls = ", ".join(["set_config(%s, %s, false)"] * len(settings.DATABASE_SESSION))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {calls}", [word for pair in settings.DATABASE_SESSION.items() for word in pair])
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise

    def is_usable(self) -> bool:
        """Return whether the connection still stands, without a question unless there is reason to ask.

        Django asks `SELECT 1` before each request's first query. But nobody has anything to say on a connection that
        is idle, and a closed one is readable: only then is the server queried.
        """
        if self.connection is None or self.connection.closed:
            return False
        said = select.poll()
        said.register(self.connection.fileno(), select.POLLIN)
        return not said.poll(0) or super().is_usable()
