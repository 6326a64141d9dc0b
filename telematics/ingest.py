"""Put checked fixes into the history and move the latest: the only writer of both tables, in raw SQL for speed.

Rules about who may write and what is published afterwards belong to services.py.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from depannini_dashmap.lib.db.bulk_updates import RowUpdate
from depannini_dashmap.lib.db.prepared import Statement
from telematics.readings import Reading


class Row(NamedTuple):
    """One fix as it is stored, and what else is known of it.

    `reading_json` is set on the newest trusted row of each vehicle alone, as no other can become its latest. `is_doubt`
    marks the newest row of a vehicle that is out of its reach and after its newest trusted one.
    """

    vehicle_id: int
    timestamp: dt.datetime
    latitude: float
    longitude: float
    speed: float
    heading: float
    altitude: float | None
    odometer: float | None
    fuel_level: float | None
    engine_status: str
    is_implausible: bool
    created_at: dt.datetime
    reading_json: str | None = None
    accuracy_m: float | None = None
    is_doubt: bool = False

    @classmethod
    def of(cls, reading: Reading, *, created_at: dt.datetime) -> Row:
        """Make the row of a reading that is not judged yet; a reading without a fix is untrusted from the start."""
        return cls(*reading[:10], not reading.has_fix, created_at, None, reading.accuracy_m)


class Stored(NamedTuple):
    """What became of some rows: how many were new, the id of a single one, and the new latest of vehicles.

    Shape: `moved` maps the vehicles whose latest moved to the id of the position that it is now.
    """

    count: int  # type: ignore[assignment]
    position_id: int | None
    moved: dict[int, int]


TYPES = {
    "vehicle_id": "bigint",
    "timestamp": "timestamptz",
    "latitude": "float8",
    "longitude": "float8",
    "speed": "float8",
    "heading": "float8",
    "altitude": "float8",
    "odometer": "float8",
    "fuel_level": "float8",
    "engine_status": "varchar",
    "is_implausible": "boolean",
    "created_at": "timestamptz",
    "reading_json": "text",
}
HISTORY = ", ".join(list(TYPES)[:12])
LATEST = ", ".join(TYPES)
MOVE = ", ".join(f"{name} = excluded.{name}" for name in ("position_id", *list(TYPES)[1:]))
MOVE += ", doubted_at = NULL, doubted_latitude = NULL, doubted_longitude = NULL"

# Both tables in one statement, for one row and for many. Many come sorted by vehicle and time, so that two bulk calls
# never deadlock.
_MARKS = [f"${number}::{kind}" for number, kind in enumerate(TYPES.values(), 1)]
STORE_ONE = Statement(f"""
WITH stored AS (
    INSERT INTO telematics_position ({HISTORY}) VALUES ({", ".join(_MARKS[:12])})
    ON CONFLICT (vehicle_id, timestamp) DO NOTHING
    RETURNING id
), moved AS (
    INSERT INTO telematics_latestposition AS latest ({LATEST}, position_id)
    SELECT {", ".join(_MARKS)}, id FROM stored
    ON CONFLICT (vehicle_id) DO UPDATE SET {MOVE} WHERE latest.timestamp < excluded.timestamp
    RETURNING position_id
)
SELECT (SELECT id FROM stored), (SELECT position_id FROM moved)
""")  # noqa: S608 - all names are this module's
STORE_UNTRUSTED = Statement(f"""
INSERT INTO telematics_position ({HISTORY}) VALUES ({", ".join(_MARKS[:12])})
ON CONFLICT (vehicle_id, timestamp) DO NOTHING RETURNING id
""")  # noqa: S608
STORE_MANY = f"""
WITH stored AS (
    INSERT INTO telematics_position ({HISTORY})
    SELECT {HISTORY} FROM incoming_positions ORDER BY vehicle_id, timestamp
    ON CONFLICT (vehicle_id, timestamp) DO NOTHING
    RETURNING id, vehicle_id, timestamp
), moved AS (
    INSERT INTO telematics_latestposition AS latest ({LATEST}, position_id)
    SELECT {LATEST}, id FROM stored JOIN incoming_positions USING (vehicle_id, timestamp)
    WHERE reading_json IS NOT NULL ORDER BY vehicle_id
    ON CONFLICT (vehicle_id) DO UPDATE SET {MOVE} WHERE latest.timestamp < excluded.timestamp
    RETURNING vehicle_id, position_id
)
SELECT (SELECT count(*) FROM stored), (SELECT array_agg(ARRAY[vehicle_id, position_id]) FROM moved)
"""  # noqa: S608
INCOMING = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming_positions ("
    + ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    + ") ON COMMIT DELETE ROWS"
)
COPY_IN = f"COPY incoming_positions ({LATEST}) FROM STDIN (NULL 'None')"
_FULL_LINE = "\t".join(["%s"] * len(TYPES)) + "\n"
_LINE = "\t".join(["%s"] * 12 + ["None"]) + "\n"

SQLITE_INSERT = f"INSERT INTO telematics_position ({HISTORY}) VALUES ({', '.join(['%s'] * 12)}) ON CONFLICT DO NOTHING"  # noqa: S608
SQLITE_MOVE = f"""
INSERT INTO telematics_latestposition ({LATEST}, position_id)
SELECT {", ".join(["%s"] * 13)}, id FROM telematics_position WHERE vehicle_id = %s AND timestamp = %s
ON CONFLICT (vehicle_id) DO UPDATE SET {MOVE} WHERE telematics_latestposition.timestamp < excluded.timestamp
"""  # noqa: S608


DOUBTS = RowUpdate(
    "telematics_latestposition",
    {"vehicle_id": "bigint", "doubted_at": "timestamptz", "doubted_latitude": "float8", "doubted_longitude": "float8"},
    "doubted_at = given.doubted_at, doubted_latitude = given.doubted_latitude, doubted_longitude = given.doubted_longitude",
    where="timestamp < given.doubted_at AND (telematics_latestposition.doubted_at IS NULL"
    " OR telematics_latestposition.doubted_at < given.doubted_at)",
)



def store(rows: Sequence[Row]) -> Stored:
    """Add the rows that are new and let each vehicle's latest follow its newest trusted one; existing rows stay.

    Shape: sorted by (vehicle_id, timestamp), no two alike. Effects: one transaction of its own or the caller's.
    """
    if not rows:
        return Stored(0, None, {})
    if connection.vendor == "postgresql":
        return _store_one(rows[0]) if len(rows) == 1 else _store_many(rows)
    with transaction.atomic():
        return _store_on_sqlite(rows)


def _store_one(row: Row) -> Stored:
    """Store a single row; one statement is a transaction by itself, but for a row that is not to be trusted."""
    if row.is_implausible:
        with transaction.atomic():
            stored = STORE_UNTRUSTED.rows(*row[:12])
            _store_doubts([row])
        return Stored(len(stored), stored[0][0] if stored else None, {})
    [(position_id, moved_to)] = STORE_ONE.rows(*row[: len(TYPES)])
    return Stored(int(position_id is not None), position_id, {row.vehicle_id: moved_to} if moved_to else {})


def _store_many(rows: Sequence[Row]) -> Stored:
    is_nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INCOMING)
        if is_nested:
            # An earlier call of the same transaction may have left its rows.
            cursor.execute("DELETE FROM incoming_positions")
        cursor.copy_expert(COPY_IN, io.StringIO(_as_copy_text(rows)))
        cursor.execute(STORE_MANY)
        count, moved = cursor.fetchone()
        _store_doubts(rows)
    return Stored(count, None, dict(moved or ()))


def _store_doubts(rows: Sequence[Row]) -> None:
    """Remember the newest fix of each vehicle that is out of its reach: a second one there makes it the place."""
    DOUBTS.run([row[:4] for row in rows if row.is_doubt])


def _as_copy_text(rows: Sequence[Row]) -> str:
    """Write rows in COPY's text format; no value of a Row can hold a tab, newline or backslash, or be "None"."""
    return "".join([_FULL_LINE % row[:13] if row.reading_json else _LINE % row[:12] for row in rows])


def _store_on_sqlite(rows: Sequence[Row]) -> Stored:
    adapted = [_for_database(row) for row in rows]
    newest = {values[0]: values for values in adapted if values[12] is not None}
    with connection.cursor() as cursor:
        before = _latest_on_sqlite(cursor, list(newest))
        cursor.executemany(SQLITE_INSERT, [values[:12] for values in adapted])
        count, position_id = max(0, cursor.rowcount), None
        if count and len(rows) == 1:
            cursor.execute("SELECT max(id) FROM telematics_position")
            position_id = cursor.fetchone()[0]
        cursor.executemany(SQLITE_MOVE, [(*values[:13], *values[:2]) for values in newest.values()])
        after = _latest_on_sqlite(cursor, list(newest))
    _store_doubts(rows)
    return Stored(count, position_id, {key: value for key, value in after.items() if before.get(key) != value})


def _latest_on_sqlite(cursor: Any, vehicle_ids: list[int]) -> dict[int, int]:
    """Read which position is the latest of each vehicle."""
    found: dict[int, int] = {}
    for start in range(0, len(vehicle_ids), 500):
        part = vehicle_ids[start : start + 500]
        marks = ", ".join(["%s"] * len(part))
        cursor.execute(
            f"SELECT vehicle_id, position_id FROM telematics_latestposition WHERE vehicle_id IN ({marks})",  # noqa: S608
            part,
        )
        found.update(cursor.fetchall())
    return found


def _for_database(row: Row) -> tuple:
    adapt = connection.ops.adapt_datetimefield_value
    return tuple(adapt(value) if isinstance(value, dt.datetime) else value for value in row)
