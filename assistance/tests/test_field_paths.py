"""The paths that apps in the field use: the same rules as the documented ones, and 200 where a step was taken."""

from typing import Any

import pytest

from assistance import services

pytestmark = pytest.mark.django_db


def test_a_tow_by_the_paths_of_the_field(api: Any, client_user: Any, assistant_user: Any) -> None:
    client, assistant = api(client_user), api(assistant_user)
    assert assistant.put("/api/profile/update-status/", {"is_active": True}).status_code == 200
    assert assistant.put("/api/profile/update-location/", {"lat": 36.7538, "lng": 3.0588}).status_code == 200
    asked = client.post("/api/assistance/request/", {"pickup": {"lat": 36.75, "lng": 3.05}, "dropoff": {}})
    number = asked.json()["assistance"]["id"]
    assert asked.json()["nearby_assistants"][0]["assistant_id"] == assistant_user.pk
    steps = [
        (assistant, f"accept/{number}/", {}, "accepted"),
        (assistant, f"update/status/{number}/", {"status": "ongoing"}, "ongoing"),
        (assistant, f"update/price/{number}/", {"price": 1500}, "ongoing"),
        (assistant, f"update/end/{number}/", {"total_price": 5}, "completed"),
        (client, f"update/rating/{number}/", {"rating": 5}, "completed"),
    ]
    for actor, path, sent, status in steps:
        answer = actor.patch(f"/api/assistance/{path}", sent)
        body = answer.json()
        assert (answer.status_code, body["id"], body["status"]) == (200, number, status), (path, body)
        assert (body["total_price"], body["currency"]) == (1500.0, "DZD")
    assert client.get(f"/api/assistance/view/{number}").json()["rating"] == 5


def test_a_repair_by_the_paths_of_the_field(api: Any, client_user: Any, make_assistant: Any, ask: Any) -> None:
    repairer = api(make_assistant(1, service_type="repair"))
    job = ask(client_user)
    repairer.patch(f"/api/assistance/accept/{job.pk}/")
    end = f"/api/assistance/update/end/{job.pk}/"
    assert list(repairer.patch(end, {}).json()["fields"]) == ["total_price"]
    answer = repairer.patch(end, {"total_price": "2500"})
    assert (answer.status_code, answer.json()["status"], answer.json()["total_price"]) == (200, "completed", 2500.0)
    assert repairer.patch(end, {"total_price": "2500"}).json()["current_status"] == "completed"


@pytest.mark.parametrize("path", ["update/status", "update/end", "update/price", "update/rating"])
def test_strangers_meet_the_same_rules_there(
    path: str, api: Any, client_user: Any, other_client: Any, other_assistant: Any, dispatcher: Any, ask: Any
) -> None:
    job = ask(client_user)
    sent = {"status": "canceled", "price": 1, "total_price": 1, "rating": 5}
    for stranger in (other_client, other_assistant, dispatcher):
        for number in (job.pk, 10**18):
            assert api(stranger).patch(f"/api/assistance/{path}/{number}/", sent).status_code == 404
    assert services.update_status(actor=client_user, assistance_id=job.pk, status="canceled").version == job.version + 1
