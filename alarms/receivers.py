"""What alarms hear from the task worker."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from alarms import services
from depannini_dashmap.lib.ops.worker import task_parked


@receiver(task_parked, dispatch_uid="alarms.task_parked")
def note_parked_task(sender: Any, task_id: str, task_path: str, arguments: list, **_: Any) -> None:
    """Raise an alarm about a message that nobody will send any more."""
    services.note_failed_message(actor=None, task_id=task_id, task_path=task_path, arguments=arguments)
