"""Post-processing of the OpenAPI schema: errors of every operation, and texts that may be empty."""

from typing import Any

SENTENCES = {
    "400": "The body, a filter or a field is wrong; `fields` names which.",
    "401": "No credentials, or bad, expired or ended ones.",
    "403": "Not the caller's to do.",
    "404": "Absent, or not the caller's to see.",
    "405": "No such method here; `Allow` names those there are.",
    "409": "The present state does not allow it.",
    "413": "The body is over the limit.",
    "415": "The body is not JSON.",
    "422": "The `Idempotency-Key` was used with another body.",
    "429": "Too many requests; `Retry-After` says when to come again.",
    "502": "An outside system failed.",
    "503": "The database or an outside system is away; `Retry-After` says when to come again.",
}
KEYED = {"post", "put", "patch"}
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same body within 72 hours repeats the first answer, with `Idempotent-Replayed: true`, and does nothing twice.",
}
EMPTY = {"type": "string", "maxLength": 0}
SOMETIMES = "x-sometimes"  # on a field that an answer holds only when there is something to say
WITH_BODY = {"413", "415"}
ENVELOPE = {
    "type": "object",
    "description": "Every refusal. Some add keys of their own, such as `assistance_id` or `current_status`.",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "a sentence for people"},
        "code": {"type": "string", "description": "a stable name for programs; see docs/errors.md"},
        "request_id": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}


def add_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add to every operation of the schema the errors that it can answer; drf-spectacular's post-processing hook."""
    result["components"]["schemas"]["Error"] = ENVELOPE
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            takes_key = _takes_key(path, method, operation)
            if takes_key:
                operation["parameters"] = [*operation.get("parameters", ()), KEY]
            for status, sentence in SENTENCES.items():
                if status in WITH_BODY and method not in ("post", "put", "patch"):
                    continue
                if status == "422" and not takes_key:
                    continue
                operation["responses"].setdefault(status, {"description": sentence, "content": content})
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def _takes_key(path: str, method: str, operation: dict[str, Any]) -> bool:
    """Return whether an `Idempotency-Key` counts: on writes of who is signed in, sign-in itself apart."""
    return method in KEYED and not path.startswith("/api/auth/") and any(operation.get("security", ()))


def let_texts_be_empty(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Say that an absent e-mail or phone number is an empty text; a post-processing hook.

    An answer may hold one without the format; a pattern that an empty text fits too cannot be one of exactly one.
    """
    for name, component in result["components"]["schemas"].items():
        for field in component.get("properties", {}).values():
            if EMPTY in field.get("oneOf", ()):
                field["anyOf"] = field.pop("oneOf")
        if name.endswith("Request"):
            continue
        for field in component.get("properties", {}).values():
            choices = [field, *field.get("oneOf", []), *field.get("anyOf", [])]
            if any(choice.get("format") == "email" for choice in choices):
                nullable = field.get("nullable", False)
                field.clear()
                field.update({"type": "string", "description": "an e-mail, or empty"})
                if nullable:
                    field["nullable"] = True
    return result


def let_bodies_fit_several(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Say of a body of several kinds that it is any of them; a post-processing hook.

    The fields of an assistant alone are additional ones, which the schema of a client does not exclude.
    """
    of_kinds = set()
    for name, component in result["components"]["schemas"].items():
        if all("$ref" in kind for kind in component.get("oneOf", ({},))):
            component["anyOf"] = component.pop("oneOf")
            of_kinds.add(f"#/components/schemas/{name}")
    for operations in result["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {"content": {}})
            if any(media["schema"].get("$ref") in of_kinds for media in body["content"].values()):
                body["required"] = True
    return result


def let_absent_mean_absent(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Say in words alone what stands for a field that a body leaves out; a post-processing hook.

    Generated clients send defaults, which in a partial body would change fields that nobody named, or require the field.
    """
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in component.get("properties", {}).values():
                default = field.pop("default", None)
                if default not in (None, ""):
                    field["description"] = "; ".join(filter(None, [field.get("description"), f"{default} if not given"]))
    return result


def merge_equal_choices(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Keep one name of those under which the same choices stand, the shortest; a post-processing hook.

    Generated clients take them for types that do not fit each other.
    """
    schemas = result["components"]["schemas"]
    kept: dict[frozenset[Any], str] = {}
    for name in sorted((name for name, one in schemas.items() if "enum" in one), key=lambda name: (len(name), name)):
        kept.setdefault(frozenset(schemas[name]["enum"]), name)
    others = {
        name: kept[frozenset(one["enum"])] for name, one in schemas.items() if "enum" in one and kept[frozenset(one["enum"])] != name
    }
    _rename(result, {f"#/components/schemas/{name}": f"#/components/schemas/{other}" for name, other in others.items()})
    for name in others:
        del schemas[name]
    return result


def _rename(node: Any, names: dict[str, str]) -> None:
    if isinstance(node, dict) and node.get("$ref") in names:
        node["$ref"] = names[node["$ref"]]
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _rename(part, names)


def let_fields_be_absent(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Require no field of an answer that is there only sometimes, and every other of what is taken too; a post-processing hook.

    What a body may leave out, the answer holds all the same.
    """
    schemas = result["components"]["schemas"]
    for name, component in schemas.items():
        if {f"{name}Request", f"Patched{name}Request"} & schemas.keys():
            component["required"] = sorted(component.get("properties", {}))
        absent = [name for name, field in component.get("properties", {}).items() if field.pop(SOMETIMES, False)]
        if absent:
            component["required"] = [name for name in component.get("required", ()) if name not in absent]
    return result
