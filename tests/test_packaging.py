"""What is shipped, and the promises that the repository makes of itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import ccoctl
from ccoctl.errors import CcoctlError

LONGEST = 330
"""Lines of a module; the house aims at 300."""


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def modules() -> list[str]:
    return [
        info.name for info in pkgutil.walk_packages(ccoctl.__path__, "ccoctl.") if not info.name.endswith("__main__")
    ]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def test_every_dependency_is_pinned_and_no_index_is_named(root: Path, project: dict[str, Any]) -> None:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    declared = [*project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        declared += extra

    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line) for line in lines)
    assert {_name(one) for one in declared} - {"ccoctl"} <= pinned


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_is_and_is_not_too_long(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(inspect.getsource(module).splitlines()) <= LONGEST


@pytest.mark.parametrize("name", modules())
def test_every_public_error_is_one_of_ours(name: str) -> None:
    module = importlib.import_module(name)
    strays = [
        item.__name__
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, BaseException)
        and item.__module__ == name
        and not issubclass(item, CcoctlError)
        and not item.__name__.startswith("_")
    ]

    assert strays == []


def test_every_package_has_a_layer(project: dict[str, Any]) -> None:
    contract = next(item for item in project["tool"]["importlinter"]["contracts"] if item["id"] == "layers")
    layered = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    below = {info.name.rpartition(".")[2] for info in pkgutil.iter_modules(ccoctl.__path__, "ccoctl.")}

    assert below - {"__main__"} == layered


def test_what_the_readme_tells_to_run_is_there(root: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
    told = set(re.findall(r"make ([a-z]+)", (root / "README.md").read_text()))

    assert {"demo", "test", "check"} <= set(targets)
    assert told <= set(targets)
