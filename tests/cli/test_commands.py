"""Every command: its help, its flags as the Go tool has them, its place in the documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from ccoctl.cli.main import run
from ccoctl.cli.reference import help_text, reference
from ccoctl.cli.table import COMMANDS
from tests.workflows.commands import write_requests

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


LOADED = (
    "import sys\n"
    "before = set(sys.modules)\n"
    "from ccoctl.cli.main import run\n"
    "code = run(sys.argv[1:])\n"
    "print(*sorted(set(sys.modules) - before), file=sys.stderr)\n"
    "sys.exit(code)\n"
)
"""Runs a command line and tells what was imported for it, on the last line of stderr."""


def imported(*arguments: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stderr.splitlines()[-1].split())


QUICK = {"gc", "ccoctl", "ccoctl.cli", "ccoctl.cli.main", "ccoctl.cli.helping", "ccoctl.cli.completing", "__future__"}


@pytest.mark.parametrize(
    "line", ["--version", "--help", "aws --help", "aws create-all -h", "help aws delete", "aws"], ids=str
)
def test_help_and_version_import_nothing(line: str) -> None:
    assert imported(*line.split()) <= QUICK


def test_completion_imports_json_alone() -> None:
    asked = {"_CCOCTL_COMPLETE": "zsh_complete", "COMP_WORDS": "ccoctl aws create-all --create", "COMP_CWORD": "3"}
    json = imported("completion", "bash")

    assert imported(**asked) <= json
    assert {"json"} <= json
    assert not json & {"click", "typing", "inspect", "dataclasses", "pathlib"}


FOREIGN = {"boto3", "botocore", "rich", "moto", "flask", "cryptography", "yaml", "msgspec", "importlib.metadata"}


@pytest.mark.parametrize("line", ["aws plan", "aws create-all --name", "awz"])
def test_a_usage_error_imports_nothing_but_click(line: str) -> None:
    assert "click" in imported(*line.split())
    assert not imported(*line.split()) & FOREIGN


CLOUD = {
    *(
        "botocore",
        "rich",
        "moto",
        "flask",
        "httpx2",
        "lightkube",
        "logging",
        "concurrent.futures",
        "hashlib",
        "secrets",
    ),
    *("ccoctl.aws.client", "ccoctl.aws.observe", "ccoctl.engine.execute", "ccoctl.engine.attempt"),
    *("ccoctl.aws.migration", "ccoctl.aws.upgrade_policy", "ccoctl.workflows.aws_create"),
}
"""What asks and calls a cloud, and what only an account needs that holds something."""


def test_a_dry_run_imports_nothing_that_calls_a_cloud(tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "requests", "ns/a")
    assert run(["aws", "create-key-pair", "--output-dir", str(tmp_path), "--key-bits", "2048"]) == 0
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests)]
    found = imported("aws", "create-all", *options, "--output-dir", str(tmp_path), "--dry-run")

    assert (tmp_path / "apply.sh").exists()
    assert {"click", "yaml", "cryptography", "msgspec"} <= found
    assert not found & CLOUD
