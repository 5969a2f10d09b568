"""Is every condition needed by a test? Mutation testing of what lets a token in, and of what says that nothing differs.

    python -m tests.mutants.run                 all modules
    python -m tests.mutants.run verify claims   those whose path has one of these words

Each module is changed in one small way after another (mutmut), in a copy of the tree, and the tests of its mirror run.
A change that no test notices is a survivor: it gets a test, or it is explained in `survivors.toml`. Ends with 1 when
one is neither, or when the list explains one that no longer survives. What stands outside of functions is not changed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("survivors.toml")
TOOL = Path(sys.executable).with_name("mutmut")
INSTALL = "mutmut is not installed here: `make mutants` does it, or python -m pip install 'mutmut>=3.8.1,<4'"

TESTS: Mapping[str, tuple[str, ...]] = {
    "signing/discovery.py": ("signing/test_discovery.py",),
    "signing/jwks.py": ("signing/test_jwks.py",),
    "signing/jwk.py": ("signing/test_jwk.py",),
    "federation/verify.py": ("federation/test_verify.py", "federation/test_vectors.py"),
    "federation/token.py": ("federation/test_token.py",),
    "federation/claims.py": ("federation/test_claims.py",),
    "aws/policy.py": ("aws/test_policy.py",),
    "aws/evaluate.py": ("aws/test_evaluate.py",),
    "aws/conditions.py": ("aws/test_conditions.py",),
    "aws/exchange.py": ("aws/test_exchange.py",),
    "aws/web_identity.py": ("aws/test_web_identity.py",),
    "aws/upgrade_policy.py": ("aws/test_upgrade_policy.py",),
    "engine/diff.py": ("engine/test_diff.py",),
    "credentialsrequest/diff.py": ("credentialsrequest/test_diff.py",),
}
"""The tests that have to notice, by module."""

_PYTEST = ("-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants")
_CONFTEST = """
import sys
import hypothesis

hypothesis.settings.register_profile(
    "mutants", derandomize=True, max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)

def pytest_configure():
    for name in [name for name in sys.modules if ".test_" in name]:
        del sys.modules[name]
"""
"""The same few examples for every mutant, so that the list holds. And test modules anew for each run in the tool's one
process: pytest escapes ids where they stand, so that a second run would escape them twice, and find none by its id."""
_KILLED = frozenset({1, 3})
_TIMEOUT = frozenset({36, 24, -24, 152, 255})
_SURVIVED = frozenset({0, 5, 33})
"""What mutmut's exit codes mean; 5 and 33 are those that no test reaches."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One small change, named so that the name holds when lines move."""

    module: str
    function: str
    line: str
    """The changed lines as they are, each without its margins, with spaces between them."""
    mutant: str
    """And as they were made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a module's mutants."""

    tried: int
    survivors: tuple[Mutant, ...]
    """Two of them may be alike: the same line stands twice in a function."""
    seconds: float


def explained() -> Mapping[Mutant, str]:
    """The reasons for the survivors of the list."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivor", [])
    return {
        Mutant(one["module"], one["function"], one["line"], mutant): one["reason"]
        for one in entries
        for mutant in one["mutants"]
    }


def without_decorators(source: str) -> str:
    """The same module for a tool that leaves decorated functions alone: no cache, and `name = property(name)` below."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):
        names = [ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list]
        if names == ["property"]:
            lines.insert(node.end_lineno or 0, f"{' ' * node.col_offset}{node.name} = property({node.name})")
        if names in (["property"], ["lru_cache"], ["cache"]):
            del lines[node.decorator_list[0].lineno - 1]
    return "\n".join(lines) + "\n"


def try_all(module: str, folder: Path) -> Outcome:
    """Try every mutant of a module in a copy of the tree.

    Raises:
        SystemExit: the tests fail without any change, or the tool does.
    """
    started = time.monotonic()
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    target = folder / "src/ccoctl" / module
    target.write_text(without_decorators(target.read_text(encoding="utf-8")), encoding="utf-8")
    with (folder / "tests/conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(_CONFTEST)
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/ccoctl/{module}"],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in TESTS[module]],
        "pytest_add_cli_args": list(_PYTEST),
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        f"{project}\n[tool.mutmut]\n{text}track_dependencies = false\nuse_git_change_detection = false\n", "utf-8"
    )
    # a pattern makes the tool run the tests by their ids once without any change: if that fails, all mutants would
    everything = f"ccoctl.{module.removesuffix('.py').replace('/', '.')}.*"
    command = [str(TOOL), "run", "--max-children", "1", everything]
    ended = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    codes = _codes(folder, module)
    if ended.returncode or not codes or None in codes.values():
        sys.stderr.buffer.write(b"\n".join(text.rpartition(b"\r")[2] for text in ended.stdout.split(b"\n")[-40:]))
        raise SystemExit(f"\n{module}: the tool failed, or its tests do without any change")
    if strange := set(codes.values()) - _KILLED - _TIMEOUT - _SURVIVED:
        raise SystemExit(f"{module}: a mutant ended with {strange}")
    survived = (name for name, code in codes.items() if code in _SURVIVED)
    return Outcome(
        tried=len(codes), survivors=tuple(_named(folder, module, survived)), seconds=time.monotonic() - started
    )


def _codes(folder: Path, module: str) -> dict[str, int | None]:
    found = folder / f"mutants/src/ccoctl/{module}.meta"
    return dict(json.loads(found.read_text(encoding="utf-8"))["exit_code_by_key"]) if found.exists() else {}


def _named(folder: Path, module: str, names: Iterable[str]) -> Iterable[Mutant]:
    made = folder / f"mutants/src/ccoctl/{module}"
    lines = made.read_text(encoding="utf-8").splitlines()
    spans = json.loads(made.with_name(f"{made.name}.spans").read_text(encoding="utf-8"))["spans"]
    for name in names:
        short = name.rpartition(".")[2]
        stem = short.rpartition("__mutmut_")[0]
        function = stem.removeprefix("x_").removeprefix("x\u01c1").replace("\u01c1", ".")
        plain = f"{function.rpartition('.')[2]}("
        old, new = (
            [line.strip().replace(f"{one}(", plain) for line in lines[spans[one][0] - 1 : spans[one][1]]]
            for one in (f"{stem}__mutmut_orig", short)
        )
        changed = [part for part in difflib.SequenceMatcher(None, old, new).get_opcodes() if part[0] != "equal"]
        (_, low, _, least, _), (_, _, high, _, most) = changed[0], changed[-1]
        yield Mutant(module, function, " ".join(old[low:high]), " ".join(new[least:most]))


def main() -> None:
    """Try the modules that are named, and compare with the list."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.run", description="Mutation testing")
    parser.add_argument("words", nargs="*", help="parts of the modules' paths; all modules without any")
    words = parser.parse_args().words
    chosen = [module for module in TESTS if not words or any(word in module for word in words)]
    if not chosen:
        parser.error(f"no module's path has one of these: {', '.join(words)}")
    if not TOOL.exists():
        raise SystemExit(INSTALL)
    os.nice(10)
    reasons, tables = explained(), list[str]()
    _say(f"{'module':<30} {'tried':>6} {'killed':>6} {'explained':>9} {'open':>6} {'seconds':>7}")
    for module in chosen:
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            found = try_all(module, Path(folder))
        listed = {mutant for mutant in reasons if mutant.module == module}
        new = [mutant for mutant in found.survivors if mutant not in listed]
        survived = len(found.survivors)
        _say(
            f"{module:<30} {found.tried:>6} {found.tried - survived:>6} {survived - len(new):>9} {len(new):>6}"
            f" {found.seconds:>7.0f}"
        )
        tables += [f"No test notices, and nothing explains it:\n{_entry(mutant)}" for mutant in sorted({*new})]
        gone = sorted(listed - {*found.survivors})
        tables += [f"Explained, but no longer a survivor:\n{_entry(mutant)}" for mutant in gone]
    for table in tables:
        _say(f"\n{table}")
    raise SystemExit(1 if tables else 0)


def _entry(mutant: Mutant) -> str:
    """As the list has it."""
    fields = "\n".join(f"{name} = {_toml(getattr(mutant, name))}" for name in ("module", "function", "line"))
    return f"[[survivor]]\n{fields}\nmutants = [{_toml(mutant.mutant)}]"


def _toml(text: str) -> str:
    return f"'{text}'" if "'" not in text else json.dumps(text, ensure_ascii=False)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
