"""Every frame is as docs/asyncapi.yaml says."""

from typing import Any

import jsonschema
import yaml
from django.conf import settings

from assistance import services
from assistance.tests.sockets.conftest import PLACE, token
from testing.servers import Server


def test_every_frame_is_as_documented(
    server: Server, room: Any, on_duty: Any, other_assistant: Any, client_user: Any, accepted: int
) -> None:
    document = yaml.safe_load((settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text())
    services.set_duty(actor=other_assistant, is_active=True)
    one, other = room
    with server.socket(f"/ws/assistant/{other_assistant.pk}/", token(other_assistant)) as offers:
        offers.receive("connection_established")
        one.send(PLACE)
        one.send({"type": "chat", "message": "Hello"})
        one.send("nonsense")
        one.receive("chat")
        one.send({"type": "ping"})
        one.receive("pong")
        server.call("POST", f"/api/assistance/release/{accepted}/", token(on_duty))
        offers.receive("new_assistance_request")
        server.call("POST", f"/api/assistance/decline/{accepted}/", token(other_assistant))
        offers.receive("request_closed")
        server.call("PATCH", f"/api/assistance/accept/{accepted}/", token(other_assistant))
        one.receive("status", status="accepted")
        server.call("PATCH", f"/api/assistance/update/price/{accepted}/", token(other_assistant), price=10)
        for status in ("ongoing", "completed"):
            server.call("PATCH", f"/api/assistance/update/{accepted}/", token(other_assistant), status=status)
        one.receive("status", status="completed")
        server.call("PATCH", f"/api/assistance/rate/{accepted}/", token(client_user), rating=5)
        one.receive("rating")
        heard = {"assistance": one.received + other.received, "assistant": offers.received}
    kinds = set()
    for channel, frames in heard.items():
        for frame in frames:
            schema = frame["type"] if frame["type"] != "connection_established" else f"{channel}_established"
            assert frame["type"] in document["channels"][channel]["messages"]
            jsonschema.validate(frame, {"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
            kinds.add(schema)
    assert kinds >= {
        "assistance_established", "assistant_established", "status", "location", "chat", "error", "pong", "rating",
        "new_assistance_request", "request_closed",
    }  # fmt: skip
    numbers = [frame["seq"] for frame in one.received if "seq" in frame]
    assert numbers == sorted(numbers)
