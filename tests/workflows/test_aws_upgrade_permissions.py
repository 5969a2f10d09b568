"""What the user of an upgrade needs of IAM, in an account that holds its users to their policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws
from tests.workflows.commands import Cli, changing, inventory, write_requests
from tests.workflows.test_aws_permissions import DOCUMENTED

BASE = ["--name", "demo", "--region", "us-east-1"]
AsUser = Callable[[Mapping[str, str]], Cli]


@pytest.fixture
def new(enforcing_aws: EmbeddedAws, as_user: AsUser, key_pair: Path, tmp_path: Path) -> list[str]:
    """The options of both phases; the old release was set up with the documented permissions."""
    old = write_requests(tmp_path / "old", "ns/keep", "ns/drop", action=["ec2:Old"])
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    to = ["--output-dir", str(tmp_path / "out")]
    as_user(enforcing_aws.user("documented", actions=DOCUMENTED))(
        "create-all", *BASE, "--credentials-requests-dir", str(old), *to, *public
    )
    requests = write_requests(tmp_path / "new", "ns/keep", "ns/add", action=["ec2:New"], service_accounts=["more"])
    return [*BASE, "--credentials-requests-dir", str(requests), *to]


def test_the_documented_permissions_cannot_see_what_is_there_and_so_add_nothing(
    enforcing_aws: EmbeddedAws, as_user: AsUser, new: list[str]
) -> None:
    cli = as_user(enforcing_aws.user("installer", actions=DOCUMENTED))
    before = len(changing(enforcing_aws))

    assert (
        "role demo-ns-keep: what it may do cannot be seen, since iam:GetRolePolicy"
        in cli("upgrade", "prepare", *new, code=1).err
    )
    assert len(changing(enforcing_aws)) == before


def test_two_permissions_more_suffice(enforcing_aws: EmbeddedAws, as_user: AsUser, new: list[str]) -> None:
    more = ["iam:GetRolePolicy", "iam:UpdateAssumeRolePolicy"]
    cli = as_user(enforcing_aws.user("installer", actions=[*DOCUMENTED, *more]))
    cli("upgrade", "prepare", *new)
    cli("upgrade", "finish", *new)

    assert inventory(enforcing_aws)["roles"] == ["demo-ns-add", "demo-ns-keep"]


def test_what_required_permissions_prints_suffices(
    enforcing_aws: EmbeddedAws, as_user: AsUser, new: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["aws", "required-permissions"]) == 0
    statements = json.loads(capsys.readouterr().out)["Statement"]
    actions = [action for statement in statements for action in statement["Action"]]
    cli = as_user(enforcing_aws.user("installer", actions=actions))
    cli("upgrade", "prepare", *new)
    cli("upgrade", "finish", *new)

    assert "Nothing to do" in cli("upgrade", "finish", *new, "--plan-only").out
