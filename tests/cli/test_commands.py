"""Every command: its help, its flags as the Go tool has them, its place in the documentation."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from ccoctl.cli.reference import help_text, reference
from ccoctl.cli.table import COMMANDS

GO_FLAGS = {
    "create-key-pair": {"--output-dir": False},
    "create-iam-roles": {
        "--name": True,
        "--credentials-requests-dir": True,
        "--identity-provider-arn": True,
        "--permissions-boundary-arn": False,
        "--region": False,
        "--dry-run": False,
        "--output-dir": False,
        "--enable-tech-preview": False,
    },
    "create-all": {
        "--name": True,
        "--region": True,
        "--permissions-boundary-arn": False,
        "--credentials-requests-dir": True,
        "--output-dir": False,
        "--enable-tech-preview": False,
        "--create-private-s3-bucket": False,
        "--dry-run": False,
        "--public-key-file": False,
    },
    "create-identity-provider": {
        "--name": True,
        "--region": True,
        "--public-key-file": False,
        "--dry-run": False,
        "--output-dir": False,
        "--create-private-s3-bucket": False,
    },
    "delete": {"--name": True, "--region": True},
}
"""Command → flag → whether it is required, as the Go tool defines them."""


def command(path: tuple[str, ...]) -> click.Command:
    module, _, name = COMMANDS[path].target.partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, click.Command)
    return found


@pytest.mark.parametrize("name", GO_FLAGS)
def test_every_flag_of_the_go_tool_is_there(name: str) -> None:
    ours = {
        option.opts[0]: option.required for option in command(("aws", name)).params if isinstance(option, click.Option)
    }

    assert {flag: ours.get(flag) for flag in GO_FLAGS[name]} == GO_FLAGS[name]
    assert not [flag for flag, required in ours.items() if required and flag not in GO_FLAGS[name]]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    found = command(path)

    assert found.help
    assert all(option.help for option in found.params if isinstance(option, click.Option))
    assert help_text(path).startswith(f"Usage: ccoctl {' '.join(path)}")


def test_the_reference_is_what_help_prints(root: Path) -> None:
    assert (root / "docs" / "commands.md").read_text() == reference()


FOREIGN = {"boto3", "botocore", "rich", "moto", "flask", "cryptography", "yaml", "msgspec", "importlib.metadata"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["aws", "--help"], ["aws", "create-all", "--help"], ["aws", "plan"], ["--version"]]
)
def test_help_imports_next_to_nothing(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from ccoctl.cli.main import run\n"
        f"run({arguments!r})\n"
        f"print(sorted(set({sorted(FOREIGN)!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.splitlines()[-1] == "[]"
