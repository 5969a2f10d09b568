"""The list of explained mutants is of this code: each of its lines still stands in the function that it names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.run import TESTS, Mutant, explained, without_decorators


def bodies(source: str, name: str) -> str:
    """The functions of that name (`Class.method` for a method), as one line."""
    outer, _, inner = name.rpartition(".")
    tree: ast.Module | ast.ClassDef = ast.parse(source)
    if outer:
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == outer)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == inner)
    return " ".join(line.strip() for line in source.splitlines()[function.lineno - 1 : function.end_lineno])


@pytest.mark.parametrize("mutant", explained(), ids=lambda mutant: f"{mutant.module} {mutant.function}")
def test_an_explained_mutant_is_of_a_line_that_is_there(mutant: Mutant, root: Path) -> None:
    source = (root / "src/ccoctl" / mutant.module).read_text(encoding="utf-8")

    assert mutant.line in bodies(source, mutant.function)
    assert mutant.line != mutant.mutant
    assert explained()[mutant]


@pytest.mark.parametrize("module", TESTS)
def test_every_module_that_is_tried_and_its_tests_are_there(module: str, root: Path) -> None:
    assert (root / "src/ccoctl" / module).is_file()
    assert all((root / "tests" / name).is_file() for name in TESTS[module])


def test_a_property_and_a_cache_are_plain_functions_to_the_tool() -> None:
    source = """
class A:
    @property
    def b(self):
        return 1

    @other
    def c(self):
        return 2


@lru_cache(maxsize=8)
def d():
    return 3
"""
    expected = """
class A:
    def b(self):
        return 1
    b = property(b)

    @other
    def c(self):
        return 2


def d():
    return 3
"""
    assert without_decorators(source) == expected
