"""The database backend of the settings: Django's own, whose connections `lib/outage.py` can cut when the server freezes."""

from typing import Any

from django.db.backends.postgresql import base

from depannini_dashmap.lib import outage


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens connections that can be cut, and none while the server answers nobody."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raises: OperationalError, at once while the server is frozen."""
        outage.refuse_while_frozen()
        connection = super().get_new_connection(conn_params)
        outage.watch_over(connection)
        outage.refuse_while_frozen()
        return connection
