"""What is shipped, and the promises that the repository makes of itself."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
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


def _locked(root: Path, name: str) -> dict[str, str]:
    """The pinned version of each distribution of a lock, by its normalised name."""
    text = (root / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    pinned = {}
    for entry in entries:
        found = re.fullmatch(r"([a-z0-9.-]+)==(\S+)(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+", entry)
        assert found, entry
        pinned[found[1].replace(".", "-")] = found[2]
    return pinned


@pytest.mark.parametrize("name", ["run", "lab", "dev"])
def test_what_is_installed_is_pinned_by_its_hash_and_names_no_index(root: Path, name: str) -> None:
    assert _locked(root, name)


def test_the_locks_hold_every_dependency_and_agree(root: Path, project: dict[str, Any]) -> None:
    run, lab, dev = (_locked(root, name) for name in ("run", "lab", "dev"))
    extras = project["project"]["optional-dependencies"]
    declared = {_name(one).replace(".", "-") for one in project["project"]["dependencies"]}
    build = {_name(one) for one in (root / "requirements" / "build.in").read_text().splitlines() if one[0] != "#"}
    everything = {_name(one).replace(".", "-") for extra in extras.values() for one in extra} - {"ccoctl"}

    assert declared <= set(run)
    assert declared | {_name(one) for one in extras["lab"]} | build <= set(lab)
    assert declared | everything | build <= set(dev)
    assert run.items() <= lab.items() <= dev.items()


def _built(tree: Path, into: Path, umask: int) -> dict[str, str]:
    """The digests of the archives that a checkout gives, built in another place by somebody with another umask."""
    copy = into / "checkout"
    before = os.umask(umask)
    try:
        shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "requirements"))
        for path in copy.rglob("*"):
            path.chmod(0o777 & ~umask)
            os.utime(path, (1e9 + umask, 1e9 + umask))
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(into / "dist")]
        subprocess.run(command, cwd=copy, check=True, capture_output=True)
    finally:
        os.umask(before)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (into / "dist").iterdir()}


def test_the_archives_are_the_same_bytes_wherever_they_are_built(root: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = _built(root, tmp_path / "one", 0o022), _built(root, tmp_path / "two", 0o077)

    assert len(one) == 2, "a wheel and a source archive"
    assert one == two


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
