"""What those who watch the roadside are sent: frames of the fleet's sockets, in a group of their own."""

from typing import Any

import pytest

from assistance import services
from depannini_dashmap.lib.realtime import layer


@pytest.mark.django_db(transaction=True)
def test_a_status_and_a_location_are_published_to_watchers_and_the_rest_as_hints(
    job_in: Any, client_user: Any, assistant_user: Any
) -> None:
    with layer.captured("fleet.") as published:
        job = job_in("accepted", client_user, assistant_user)
    assert {group for group, _ in published} == {"fleet.roadside"}
    shown = [event for _, event in published if event["type"] == "assistance"]
    assert [(event["assistance_id"], event["status"]) for event in shown] == [(job.pk, "requested"), (job.pk, "accepted")]
    assert {"type": "board_changed", "what": "assistance"} in [event for _, event in published]
    with layer.captured("fleet.") as published:
        services.post_chat(actor=client_user, assistance_id=job.pk, message="Où êtes-vous ?")
        services.report_location(actor=assistant_user, lat=36.75, lng=3.04, assistance_id=job.pk)
    assert [event for _, event in published] == [
        {"type": "board_changed", "what": "chat"},
        {"type": "assistance_location", "assistance_id": job.pk, "user_id": assistant_user.pk, "lat": 36.75, "lng": 3.04},
    ]
