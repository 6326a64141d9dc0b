"""Every error code that the program can say is explained in docs/errors.md, and nothing else is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

TOP = Path(settings.BASE_DIR)
APPS = ["depannini_dashmap", "accounts", "fleet", "orders", "trips", "telematics", "assistance", "payments", "alarms"]
DOCUMENT = (TOP / "docs" / "errors.md").read_text()
# Said by a DRF class of which we take the code over.
BY_LIBRARIES = {"unsupported_media_type"}


def modules() -> Iterator[ast.Module]:
    for app in APPS:
        for file in (TOP / app).rglob("*.py"):
            if not {"tests", "migrations", "management", "simulation"} & set(file.parts):
                yield ast.parse(file.read_text())


def said() -> Iterator[str]:
    """Find `code="…"` in calls, `code = "…"` in classes, and the first word of frame errors."""
    for tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in {"BadFrame", "send_error"} and node.args and isinstance(node.args[0], ast.Constant):
                    yield node.args[0].value
                if name[:1].isupper() and name != "ValidationError":
                    yield from (
                        word.value.value
                        for word in node.keywords
                        if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
                    )
            elif isinstance(node, ast.ClassDef) and {"status", "code"} & names(node):
                yield from class_codes(node)


def names(node: ast.ClassDef) -> set[str]:
    return {name.id for item in node.body if isinstance(item, ast.Assign) for name in ast.walk(item.targets[0]) if isinstance(name, ast.Name)}


def class_codes(node: ast.ClassDef) -> Iterator[str]:
    """Read `code = "…"` and `status, code, message = …` in the body of an error class."""
    for item in node.body:
        if not isinstance(item, ast.Assign):
            continue
        target = item.targets[0]
        pairs = (
            zip(target.elts, item.value.elts, strict=True)
            if isinstance(target, ast.Tuple) and isinstance(item.value, ast.Tuple)
            else [(target, item.value)]
        )
        for name, value in pairs:
            if isinstance(name, ast.Name) and name.id == "code" and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def documented() -> set[str]:
    return set(re.findall(r"^\| \d{3} \| `([a-z_]+)` \|", DOCUMENT, re.M))


def test_every_code_is_documented() -> None:
    frames = {"invalid", "unknown_type", "not_a_party", "internal"}
    assert all(f"`{code}`" in DOCUMENT for code in frames)
    found = set(said())
    assert len(found) > 20
    assert sorted(found - documented() - frames) == []


def test_nothing_else_is_documented() -> None:
    assert sorted(documented() - set(said()) - BY_LIBRARIES) == []
