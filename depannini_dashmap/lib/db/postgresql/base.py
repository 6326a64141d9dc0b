"""The database backend of the settings: Django's own, whose connections `lib/db/watchdog.py` can cut when the server freezes."""

import select
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql import base, operations
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg2.errors import ReadOnlySqlTransaction

from depannini_dashmap.lib.db import database_hosts, watchdog


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, with compilers of our own."""

    compiler_module = "depannini_dashmap.lib.db.postgresql.compiler"


class ErrorWrapper(DatabaseErrorWrapper):
    """Django's; a server that takes no writes is a primary no more, which is no bug but an outage of this connection."""

    wrapper: Any

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, ReadOnlySqlTransaction):
            self.wrapper.errors_occurred = self.wrapper.is_read_only = True
            raise OperationalError(*exc_value.args).with_traceback(traceback) from exc_value
        super().__exit__(exc_type, exc_value, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens connections that can be cut, and none while the server answers nobody."""

    ops_class = DatabaseOperations
    is_read_only = False  # the connection, as an error has shown: another one may find the primary

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        """Return Django's translation of the driver's errors, with ours."""
        return ErrorWrapper(self)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raises: OperationalError, at once while the server is frozen."""
        watchdog.refuse_while_frozen()
        connection = super().get_new_connection(database_hosts.in_order(conn_params))
        self.is_read_only = False
        if database_hosts.are_several(conn_params):
            database_hosts.remember(connection)
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
        if self.connection is None or self.connection.closed or self.is_read_only:
            return False
        said = select.poll()
        said.register(self.connection.fileno(), select.POLLIN)
        return not said.poll(0) or super().is_usable()
