"""The README and .env.example name every setting, the API's table every operation, and links between documents lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from depannini_dashmap.lib.api.operation_texts import texts
from depannini_dashmap.lib.ops import checks

TOP = Path(settings.BASE_DIR)
SOURCE = (TOP / "depannini_dashmap" / "settings.py").read_text()
READ = set(re.findall(r"""env\.\w+\(\s*"([A-Z_]+)\"""", SOURCE)) | {"DATABASE_URL", "EMAIL_URL"}


def test_env_example_names_every_setting() -> None:
    assert len(READ) > 30
    named = set(re.findall(r"^# ?([A-Z_]+)=", (TOP / ".env.example").read_text(), re.M))
    assert sorted(READ - named) == []


def test_the_readme_names_every_setting() -> None:
    text = (TOP / "README.md").read_text()
    missing = [name for name in sorted(READ) if f"`{name}`" not in text]
    kinds = [name for name in missing if name.startswith("RETENTION_") and f"…_{name.split('_')[1]}_…" in text]
    assert sorted(set(missing) - set(kinds)) == []


def test_operations_explains_every_check() -> None:
    text = (TOP / "docs" / "operations.md").read_text()
    numbers = [number.removeprefix("dashmap.") for number, *_ in checks._RULES]
    assert [number for number in numbers if number not in text] == []


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{file.name}" for file in sorted((TOP / "docs").glob("*.md")))])
def test_links_lead_somewhere(name: str) -> None:
    file = TOP / name
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", file.read_text())
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_the_table_of_operations_names_each_of_the_schema() -> None:
    """A missing operation needs a summary in depannini_dashmap/lib/api/operations.yaml, and examples of its schemas there."""
    paths = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text())["paths"]
    operations = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert operations ^ texts()["operations"].keys() == set()


def test_the_examples_have_every_field_that_answers_have() -> None:
    """A field that is new in an answer needs a value in the examples of depannini_dashmap/lib/api/operations.yaml."""
    components = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text())["components"]
    lacking: dict[str, list[str]] = {}

    def compare(value: object, schema: dict) -> None:
        for one in [schema, *schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]:
            name = one.get("$ref", "").rpartition("/")[2]
            one = components["schemas"][name] if name else one
            if isinstance(value, list):
                for row in value:
                    compare(row, one.get("items", {}))
            elif isinstance(value, dict) and "properties" in one:
                if missing := set(one.get("required", ())) - value.keys():
                    lacking[name] = sorted(missing)
                for key in value.keys() & one["properties"].keys():
                    compare(value[key], one["properties"][key])

    for name, example in components["examples"].items():
        if name in components["schemas"]:
            compare(example["value"], {"$ref": f"#/components/schemas/{name}"})
    assert lacking == {}
