"""Every command on a page of docs/how-to works, in the order of the page, in a fresh lab.

A page shows commands as `$ command` in blocks of `console`. `# exits with 3` behind a command says how it ends where
that is not 0, `# is refused` that another program ends with an error of its own. A comment `<!-- before: command -->`
is run in its place and not shown: what a reader has done already. `<!-- cluster -->` starts a cluster that was
installed with what is in `out`; `kubeconfig` leads to it. `requests` are those of a release, `new-requests` those of
the next one, and `release` is the latter's image.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ccoctl.federation.clock import WallClock
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.process import aws_process
from tests.openshift.apiserver import serving
from tests.release.images import build, payload_layer, write_layout
from tests.workflows.clusters import installed

pytestmark = pytest.mark.harness

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(page for page in (ROOT / "docs/how-to").glob("*.md") if page.name != "README.md")
_EXITS = re.compile(r"\s+# (?:exits with (\d+)|is refused)$")
_BEFORE = re.compile(r"<!-- before: (.+) -->")


@dataclass(frozen=True)
class Command:
    """A command line of a page, and the exit code that it must have. An empty one stands for the cluster."""

    line: str
    code: int | None = 0
    """None where it is another program's, and not 0."""


def commands(page: str) -> list[Command]:
    """The commands of a page, those that are not shown included."""
    found: list[Command] = []
    in_block = False
    for line in page.replace("\\\n", " ").splitlines():
        if line.strip().startswith("```"):
            in_block = line.strip() == "```console"
        elif line.strip() == "<!-- cluster -->":
            found.append(Command(""))
        elif before := _BEFORE.fullmatch(line.strip()):
            found.append(Command(before[1]))
        elif in_block and line.strip().startswith("$ "):
            text = line.strip().removeprefix("$ ")
            ends = _EXITS.search(text)
            code = 0 if ends is None else int(ends[1]) if ends[1] else None
            found.append(Command(_EXITS.sub("", text), code))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory as a reader has it: the requests of two releases, and the image of the second."""
    old, new = tmp_path / "requests", tmp_path / "new-requests"
    shutil.copytree(ROOT / "examples/credentials-requests/okd-4.13", old)
    next(old.glob("*cluster-api_00*")).unlink()  # of a feature set that no cluster here has
    shutil.copytree(old, new)
    next(new.glob("*network-operator*")).unlink()
    ingress = next(new.glob("*ingress-operator*"))
    ingress.write_text(
        ingress.read_text().replace("- tag:GetResources", "- tag:GetResources\n      - tag:TagResources")
    )
    assert ingress.read_text() != (old / ingress.name).read_text()
    files = {path.name: path.read_bytes() for path in new.iterdir()}
    write_layout(tmp_path / "release", {"4.14": build(payload_layer(files))})
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_works(page: Path, place: Path) -> None:
    lines = commands(page.read_text())
    assert lines, "a page without a command"
    with aws_process(Conditions(enforce_iam=True)) as aws, ExitStack() as running:
        environment = {
            **os.environ,
            **aws.environment(),
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        for command in lines:
            if not command.line:
                cluster = installed(place / "out", place / "requests", place / "out", WallClock().now)
                running.enter_context(serving(cluster, place / "kubeconfig"))
                continue
            done = subprocess.run(
                ["sh", "-c", command.line], cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            as_told = done.returncode == command.code if command.code is not None else done.returncode != 0
            assert as_told, f"$ {command.line}\n{done.returncode}\n{done.stdout}{done.stderr}"


def test_commands_are_read_as_they_stand() -> None:
    page = (
        "text\n<!-- before: one -->\n```console\n$ two \\\n    --more\nanswer\n$ three   # exits with 3\n```\n$ four\n"
    )

    assert commands(page) == [Command("one"), Command("two      --more"), Command("three", 3)]


def test_every_page_is_in_the_list(root: Path) -> None:
    listed = re.findall(r"\(([a-z-]+\.md)\)", (root / "docs/how-to/README.md").read_text())

    assert sorted(listed) == [page.name for page in PAGES]
