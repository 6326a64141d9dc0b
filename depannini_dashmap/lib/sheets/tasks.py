"""The task that checks and imports large sheets, on the thread of long tasks."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db.models import F
from django_tasks import task

from depannini_dashmap.lib.ops import metrics, worker
from depannini_dashmap.lib.sheets import imports
from depannini_dashmap.lib.sheets.sheet_lines import SheetError

logger = logging.getLogger(__name__)

MOST_FAILURES = 5
LONGEST_WAIT = 0.03  # seconds after each batch: beside 80 requests a second 0.1 made 20,000 rows last half an hour


def queue(sheet: Any) -> None:
    """Have a sheet checked, or imported once it is confirmed; call it inside the transaction that says so."""
    work_on.enqueue(str(sheet.pk))


@task(queue_name=worker.LONG)
def work_on(sheet_id: str) -> None:
    """Check or import a sheet from where it is. Safe to run twice, also at once."""
    sheet = imports.rows().select_related("user").filter(pk=sheet_id, state__in=("checking", "importing")).first()
    if sheet is None:
        return
    try:
        _to_the_end(sheet)
    except SheetError as error:
        imports.give_up(sheet, str(error))
    except Exception:
        imports.rows().filter(pk=sheet.pk).update(failures=F("failures") + 1)
        if sheet.failures + 1 < MOST_FAILURES:
            raise
        logger.exception("The import %s broke off", sheet.pk)
        with imports.acting(sheet):
            imports.give_up(sheet)


def _to_the_end(sheet: Any) -> None:
    with imports.acting(sheet):
        run = imports.Run(sheet)
    while True:
        started = time.monotonic()
        with imports.acting(sheet):
            if not run.batch():
                return
        if worker.is_stopping():
            queue(sheet)
            return
        _give_way(time.monotonic() - started)


def _give_way(worked: float) -> None:
    """Rest as long as a batch took, in seconds, and on until this process answers no request, but not for ever."""
    time.sleep(worked * imports.REST)
    until = time.monotonic() + LONGEST_WAIT
    while metrics.requests_in_flight() and time.monotonic() < until:
        time.sleep(0.002)
