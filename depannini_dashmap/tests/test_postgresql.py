"""An open connection is reused; a connection closed by the server is replaced before its use."""

import psycopg2
import pytest
from django.db import connection

pytestmark = pytest.mark.postgres


@pytest.fixture
def backend(transactional_db):
    """The server's process behind this thread's connection."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        yield cursor.fetchone()[0]
    connection.close()


def test_a_connection_that_stands_is_not_asked(backend, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert connection.is_usable()


def test_a_connection_that_the_server_ended_is_replaced(backend):
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    other = psycopg2.connect(**parameters)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    other.close()
    assert not connection.is_usable()
    connection.health_check_enabled, connection.health_check_done = True, False  # as a request begins
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] != backend


def test_a_closed_connection_is_not_usable(backend):
    connection.connection.close()
    assert not connection.is_usable()
