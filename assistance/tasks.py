"""Tasks of requests, which the worker runs: rows that hold ids only and are safe to run twice. `task_queueing.py` queues them."""

from django_tasks import task

from assistance import services

PUSH_PRIORITY = 30  # after what the flows themselves wait for
PRIORITY = 50  # somebody waits at the roadside: before every code and notice


@task(priority=PRIORITY)
def send_wave(assistance_id: int, wave: int) -> None:
    """Offer a request to more assistants, unless that wave was sent or the request is no longer waiting."""
    services.send_next_wave(actor=None, assistance_id=assistance_id, wave=wave)


@task(priority=PRIORITY)
def expire_request(assistance_id: int) -> None:
    """End a request that nobody has accepted in time."""
    services.expire(actor=None, assistance_id=assistance_id)


@task(priority=PRIORITY)
def look_for_silence(assistance_id: int, accepted_at: float) -> None:
    """Note that the assistant of an accepted job has been silent too long, or look again later."""
    services.check_stalled(actor=None, assistance_id=assistance_id, accepted_at=accepted_at)


@task(priority=PRIORITY)
def make_scheduled(scheduled_id: int) -> None:
    """Make the request whose time has come."""
    services.open_scheduled(actor=None, scheduled_id=scheduled_id)


@task(priority=PRIORITY)
def send_link(link_id: int, language: str) -> None:
    """Send a motorist the link to their request, once."""
    services.deliver_link(actor=None, link_id=link_id, language=language)


@task(priority=PUSH_PRIORITY)
def push_offers(assistance_ids: list[int]) -> None:
    """Show or take away the offers of requests on the phones of assistants."""
    services.push_offers(actor=None, assistance_ids=assistance_ids)


@task(priority=PUSH_PRIORITY)
def push_job(assistance_id: int) -> None:
    """Show the parties of a request how it stands, on their phones."""
    services.push_job(actor=None, assistance_id=assistance_id)


@task(priority=PUSH_PRIORITY)
def push_chat(message_id: int) -> None:
    """Tell of a message on the other party's phone."""
    services.push_chat(actor=None, message_id=message_id)


@task(priority=PUSH_PRIORITY)
def push_link(subscription_id: int) -> None:
    """Show a browser that follows a request by its link how it stands."""
    services.push_link(actor=None, subscription_id=subscription_id)


@task(priority=PUSH_PRIORITY)
def push_again(device_id: int, tag: str) -> None:
    """Send to one device what did not reach it."""
    services.push_again(actor=None, device_id=device_id, tag=tag)
