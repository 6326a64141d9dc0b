"""Summaries, descriptions and examples of the OpenAPI schema, out of operations.yaml next to this module."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).with_name("operations.yaml")


@cache
def texts() -> dict[str, Any]:
    """Return the table: `operations` by method and path, `examples` by name."""
    return yaml.safe_load(SOURCE.read_text())


def describe_operations(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add to every operation its summary, its description and its examples; drf-spectacular's post-processing hook.

    An operation that the table does not know is left as it is, for a test to find.
    """
    used: set[str] = set()
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            entry = texts()["operations"].get(f"{method.upper()} {path}")
            if entry is None:
                continue
            entry = {"summary": entry} if isinstance(entry, str) else entry
            operation["summary"] = entry["summary"]
            operation["operationId"] = entry.get("id", operation["operationId"])
            if "description" in entry:
                operation["description"] = entry["description"]
            if entry.get("bodiless"):
                operation["requestBody"]["required"] = False
            _exemplify(operation.get("requestBody", {}), entry.get("request"), used)
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    _exemplify(response, entry.get("answer"), used)
    result["components"]["examples"] = {name: {"value": example(name)} for name in sorted(used)}
    return result


def let_puts_be_partial(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Require no field of a PUT, as a partial body is fine everywhere; a post-processing hook.

    Generated clients would have to send a required field.
    """
    schemas, whole = result["components"]["schemas"], set()
    for operations in result["paths"].values():
        for media in operations.get("put", {}).get("requestBody", {}).get("content", {}).values():
            name = _schema_name(media)
            if f"Patched{name}" in schemas:
                media["schema"] = {"$ref": f"#/components/schemas/Patched{name}"}
                whole.add(name)
    for name in whole - set(_references(result)):
        del schemas[name]
    return result


def _references(node: Any) -> Iterator[str]:
    """Return the name of each component that is referred to."""
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"].rpartition("/")[2]
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(part)


def example(name: str) -> Any:
    """Return an example by its name; that of a list is one page with one row. Raises: KeyError."""
    examples = texts()["examples"]
    if name in examples:
        return examples[name]
    if name.startswith("Paginated"):
        return {"results": [example(name.removeprefix("Paginated").removesuffix("List"))], "next": None, "previous": None}
    return examples[name.removeprefix("Patched")]


def _exemplify(body: dict[str, Any], chosen: Any, used: set[str]) -> None:
    """Add examples to a body: those chosen by name, one given as it is, or that of the schema's own name.

    A choice may differ between media types.
    """
    by_type = isinstance(chosen, dict) and chosen.keys() == body.get("content", {}).keys()
    for media_type, media in body.get("content", {}).items():
        choice = chosen[media_type] if by_type else chosen
        if isinstance(choice, dict):
            media["example"] = choice
            continue
        names = choice if isinstance(choice, list) else [choice or _schema_name(media)]
        names = [name for name in names if _is_known(name)]
        if names:
            media["examples"] = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
            used.update(names)


def _is_known(name: str) -> bool:
    try:
        example(name)
    except KeyError:
        return False
    return True


def _schema_name(media: dict[str, Any]) -> str:
    return media["schema"].get("$ref", "").rpartition("/")[2]
