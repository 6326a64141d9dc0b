"""Tasks that tell people of alarms; each holds an id and is safe to run twice."""

from django_tasks import task

from alarms import services

PRIORITY = 40  # somebody should have looked long ago: before codes and notices, behind offers


@task(priority=PRIORITY)
def deliver_alarm(watch_id: int) -> None:
    """Send the message that is queued for a watch."""
    services.send_messages(actor=None, watch_id=watch_id)
