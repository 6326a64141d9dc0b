"""What the deployment does once a night by itself: remove what is past its retention.

Every process that runs tasks checks whether it is time; the database picks one of them. It has a thread of its
own, so that no mail and no offer waits behind it. Audit events stay: they leave by `manage.py prune` alone, run by a
role that may delete them.
"""

import logging
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib.ops.periodic import PeriodicThread
from depannini_dashmap.models import Chore
from depannini_dashmap.operations import retention

logger = logging.getLogger(__name__)

LOOK_EVERY = 300.0  # seconds
PRUNE = "prune"
LEFT_TO_COMMAND = {"audit"}


def run_if_due(now: datetime | None = None) -> bool:
    """Prune if it is time and no other process does; return whether this call did."""
    now = (now or timezone.now()).astimezone(ZoneInfo(settings.DISPLAY_TIME_ZONE))
    if settings.PRUNE_AT is None or now.time() < settings.PRUNE_AT or not Chore.objects.claim(PRUNE, now.date()):
        return False
    removed = {}
    for rule in retention.RULES:
        if rule.kind not in LEFT_TO_COMMAND and (number := retention.apply(rule, now)):
            removed[rule.name] = number
    logger.info("Removed what is past its retention: %s", removed or "nothing")
    return True


@cache
def start() -> PeriodicThread | None:
    """Start this process's thread, once; none where PRUNE_AT is off."""
    if settings.PRUNE_AT is None:
        return None
    thread = PeriodicThread("nightly", run_if_due, LOOK_EVERY)
    thread.start()
    return thread
