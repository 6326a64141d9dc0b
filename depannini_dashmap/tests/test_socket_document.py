"""docs/asyncapi.yaml describes every frame, with an example that fits its schema, and knows every frame that the code sends."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.test import Client

from depannini_dashmap.lib.realtime.inbound_frames import BadFrame

TOP = Path(settings.BASE_DIR)
DOCUMENT = yaml.safe_load((TOP / "docs" / "asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]
SENDERS = (
    "accounts/link_sockets.py", "assistance/events.py", "assistance/consumers.py", "assistance/motorist_socket.py", "trips/customer_socket.py", "telematics/events.py",
    "telematics/consumers.py", "trips/events.py",
)  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_every_frame_has_a_summary_a_description_and_an_example(name: str) -> None:
    message = MESSAGES[name]
    assert len(message["summary"]) >= 10 and len(message["description"]) >= 10 and message["summary"] != message["description"]
    assert message["examples"]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    for example in message["examples"]:
        jsonschema.Draft202012Validator(schema).validate(example["payload"])
        # The key that distinguishes frames, and no key outside the schema.
        documented = DOCUMENT["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
        assert example["payload"]["type"] == documented["properties"]["type"]["const"]
        assert example["payload"].keys() <= documented["properties"].keys()


def test_an_example_with_a_key_left_out_does_not_fit() -> None:
    for message in MESSAGES.values():
        schema = {**message["payload"], "components": DOCUMENT["components"]}
        frame = message["examples"][0]["payload"]
        assert not jsonschema.Draft202012Validator(schema).is_valid({key: value for key, value in frame.items() if key != "type"})


def test_every_channel_and_operation_is_described() -> None:
    assert all(channel["description"] for channel in DOCUMENT["channels"].values())
    for operation in DOCUMENT["operations"].values():
        assert operation["summary"] and operation["description"]
    used = {reference["$ref"].rpartition("/")[2] for channel in DOCUMENT["channels"].values() for reference in channel["messages"].values()}
    assert used == MESSAGES.keys()


def _types_sent(path: str) -> set[str]:
    """Return the values that a module writes under the key `type`."""
    found = set()
    for node in ast.walk(ast.parse((TOP / path).read_text())):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant):
                    found.add(value.value)
    return found


@pytest.mark.parametrize("path", SENDERS)
def test_every_frame_that_is_sent_is_documented(path: str) -> None:
    documented = {example["payload"]["type"] for message in MESSAGES.values() for example in message["examples"]}
    sent = _types_sent(path)
    assert sent
    assert sent - documented == set()


def test_the_example_of_a_refusal_is_what_is_said() -> None:
    told: dict[str, Any] = MESSAGES["error"]["examples"][0]["payload"]
    refusal = BadFrame(told["code"], fields=told["fields"])
    assert told == {"type": "error", "code": refusal.code, "error": refusal.error, "fields": refusal.fields}


def test_the_page_shows_descriptions_and_examples(client: Client) -> None:
    text = client.get("/api/docs/sockets/").content.decode()
    for message in MESSAGES.values():
        assert message["description"].replace("`", "").replace("'", "&#x27;") in text
    assert text.count("<pre") >= len(MESSAGES)
