"""`/api/docs/sockets/`: the socket document as a page, made from docs/asyncapi.yaml alone."""

import json
import re
from functools import cache
from typing import Any

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static

from depannini_dashmap.lib.api.plain_views import safe_methods_only

SOURCE = settings.BASE_DIR / "docs" / "asyncapi.yaml"


@safe_methods_only
def socket_docs(request: HttpRequest) -> HttpResponse:
    """Show the document; `?format=yaml` returns it as it is."""
    if request.GET.get("format") == "yaml":
        return HttpResponse(SOURCE.read_bytes(), content_type="application/yaml; charset=utf-8")
    return render(request, "docs/sockets.html", {**_page(), "stylesheet": static("docs/sockets.css")})


@cache
def document() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    return yaml.safe_load(SOURCE.read_text())


@cache
def _page() -> dict[str, Any]:
    source = document()
    blocks = source["info"]["description"].split("\n\n")
    table = next(block for block in blocks if block.startswith("|"))
    return {
        "info": source["info"],
        "paragraphs": [block.replace("`", "") for block in blocks if not block.startswith("|")],
        "close_codes": re.findall(r"^\| (\d+) \| (.+) \|$", table, re.MULTILINE),
        "channels": [_channel(name, channel) for name, channel in source["channels"].items()],
    }


def _channel(name: str, channel: dict[str, Any]) -> dict[str, Any]:
    messages = [_message(key, _resolve(message)) for key, message in channel["messages"].items()]
    return {"name": name, "address": channel["address"], "description": channel["description"], "messages": messages}


def _message(name: str, message: dict[str, Any]) -> dict[str, Any]:
    schema = _resolve(message["payload"])
    rows = [
        {"key": key, "value": _type_text(value), "always": key in schema.get("required", ())}
        for key, value in schema["properties"].items()
    ]
    texts = {part: message[part].replace("`", "") for part in ("summary", "description")}
    examples = [json.dumps(one["payload"], indent=2, ensure_ascii=False) for one in message["examples"]]
    return {"name": name, **texts, "rows": rows, "examples": examples}


def _type_text(value: dict[str, Any]) -> str:
    """Return a description of what a key holds."""
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2]
    if "const" in value:
        return repr(value["const"])
    if "anyOf" in value:
        return " or ".join(_type_text(one) for one in value["anyOf"])
    kind = value.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array":
        kind = f"list of {_type_text(value['items'])}"
    return f"{kind}: {value['description']}" if "description" in value else kind


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
