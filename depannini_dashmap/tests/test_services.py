"""Every public function of a `services` module is a flow of one signature: keyword-only, `actor` first."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

from depannini_dashmap.tests.test_house import LAYERS

# Functions that are services in all but their signature, each with its reason; at present none.
EXCEPTIONS: dict[str, str] = {}


def service_modules() -> Iterator[ModuleType]:
    for app in LAYERS:
        package = importlib.import_module(f"{app}.services")
        yield package
        for found in pkgutil.iter_modules(getattr(package, "__path__", [])):
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def services() -> dict[str, FunctionType]:
    return {
        f"{module.__name__}.{name}": function
        for module in service_modules()
        for name, function in vars(module).items()
        if isinstance(function, FunctionType) and function.__module__ == module.__name__ and not name.startswith("_")
    }


def test_the_walk_finds_the_services_of_every_app() -> None:
    found = services()
    assert len(found) > 80
    assert {name.split(".")[0] for name in found} == set(LAYERS)


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_is_keyword_only_and_names_the_actor_first(name: str) -> None:
    if name in EXCEPTIONS:
        return
    first, *others = inspect.signature(services()[name]).parameters.values()
    assert first.name == "actor" and first.default is inspect.Parameter.empty, f"{name} names no actor first"
    assert all(one.kind in (one.KEYWORD_ONLY, one.VAR_KEYWORD) for one in (first, *others)), f"{name} takes positions"


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_says_when_nobody_acts(name: str) -> None:
    function = inspect.unwrap(services()[name])
    annotation = str(function.__annotations__.get("actor"))
    if "None" in annotation:
        assert "actor" in (function.__doc__ or ""), f"{name} does not say when its actor is None"
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty
