"""`ccoctl aws rotate-signing-key` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from ccoctl.lab.server import EmbeddedAws
from ccoctl.signing.jwk import Jwk, to_jwk
from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC, load_private_key_file, load_public_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.workflows.commands import Cli, changing
from tests.workflows.rotating import ACCOUNT, Operated, kid_of
from tests.workflows.test_aws_permissions import DOCUMENTED
from tests.workflows.test_aws_permissions import PRIVATE as CLOUDFRONT

NAME = ("--name", "demo", "--region", "us-east-1")


@pytest.fixture
def set_up(cli: Cli, common: list[str], tmp_path: Path) -> Path:
    """The output directory of a set-up."""
    cli("create-all", *common)
    return tmp_path / "out"


@pytest.fixture
def server(set_up: Path, key_pair: Path, wall: Callable[[], float]) -> ApiServer:
    """Its cluster; the operator rolls a key out before anybody has looked twice."""
    manifest = set_up / "manifests" / "cluster-authentication-02-config.yaml"
    issuer = yaml.safe_load(manifest.read_text())["spec"]["serviceAccountIssuer"]
    key = load_private_key_file(key_pair / PRIVATE)
    return Operated(key, issuer, frozenset({ACCOUNT}), now=wall, rolls_out_after=-4).as_openshift()


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Iterator[str]:
    with serving(server, tmp_path / "kubeconfig") as path:
        yield str(path)


def new_key(set_up: Path, number: int = 2) -> Jwk:
    return load_public_key_file(set_up / f"signing-key-{number}" / PUBLIC)


def test_a_rotation_with_a_kubeconfig_is_one_command_and_one_more_a_day_later(
    cli: Cli, set_up: Path, server: ApiServer, kubeconfig: str, key_pair: Path
) -> None:
    options = [*NAME, "--output-dir", str(set_up), "--kubeconfig", kubeconfig]
    old, before = server.key, (key_pair / PRIVATE).read_bytes()
    done = cli("rotate-signing-key", *options, "--new-key", "--key-bits", "2048", "--yes")

    assert new_key(set_up).kid == kid_of(server.key) != kid_of(old)
    assert f"signs with {new_key(set_up).kid} since" in done.out
    assert "Retire it with --retire-old from" in done.out
    assert "PRIVATE KEY" not in done.out + done.err
    assert (key_pair / PRIVATE).read_bytes() == before

    status = cli("rotate-signing-key", *options, "--status", "--output", "json").json["status"]
    assert status["stage"] == "switched"
    assert status["signing"] == new_key(set_up).kid
    assert [key["use"] for key in status["keys"]] == ["old", "signing"]
    assert status["safeToRetireAt"] > status["signingSince"]

    refused = cli("rotate-signing-key", *options, "--retire-old", "--yes", code=1)
    assert "tokens of it may be alive until" in refused.err
    forced = cli("rotate-signing-key", *options, "--retire-old", "--force", "--yes", "--output", "json")
    assert "--force: tokens of" in forced.err
    assert forced.json["status"]["stage"] == "steady"
    assert [action["id"] for action in forced.json["actions"]] == ["keys/put", "issuer/seen"]


def test_status_and_dry_run_change_nothing(cli: Cli, set_up: Path, server: ApiServer, kubeconfig: str) -> None:
    before, asked = changing(cli.aws), server.key
    options = [*NAME, "--output-dir", str(set_up), "--kubeconfig", kubeconfig]
    assert "One key is published, and the cluster signs with it." in cli("rotate-signing-key", *options, "--status").out
    shown = cli("rotate-signing-key", *options, "--new-key", "--key-bits", "2048", "--dry-run")
    listed = cli("rotate-signing-key", *options, "--cluster-key", "--dry-run", "--output", "json").json

    assert "publish keys.json again" in shown.out
    assert [step["id"] for step in listed["steps"]] == [
        "provider/note-present",
        "cluster/next/delete",
        "cluster/next/renewed",
    ]
    assert changing(cli.aws) == before
    assert server.key == asked
    assert not (set_up / "signing-key-2").exists()


def test_without_a_cluster_it_says_what_to_do_there(cli: Cli, set_up: Path) -> None:
    options = [*NAME, "--output-dir", str(set_up)]
    done = cli("rotate-signing-key", *options, "--new-key", "--key-bits", "2048")
    again = cli("rotate-signing-key", *options, "--new-key", "--key-bits", "2048")

    assert f"say --switched-to {new_key(set_up).kid}" in done.out
    assert "--service-account-signing-key-file=NEW.private" in done.out
    assert "openshift-kube-apiserver-operator/next-bound-service-account-signing-key" in done.out
    assert again.out == done.out
    switched = cli("rotate-signing-key", *options, "--switched-to", str(new_key(set_up).kid))
    assert f"The cluster signs with {new_key(set_up).kid} since" in switched.out


def test_a_plain_cluster_is_given_the_flags_of_its_api_server(
    cli: Cli, set_up: Path, server: ApiServer, tmp_path: Path
) -> None:
    plain = ApiServer(server.key, server.issuer, server.accounts, now=server.now)
    with serving(plain, tmp_path / "plain") as kubeconfig:
        done = cli(
            *("rotate-signing-key", *NAME, "--output-dir", str(set_up), "--kubeconfig", str(kubeconfig)),
            *("--new-key", "--key-bits", "2048"),
        )

    assert "--service-account-signing-key-file=NEW.private" in done.out
    assert "--service-account-key-file=OLD.public" in done.out
    assert "OpenShift" not in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say which key to rotate to"),
        (("--new-key", "--cluster-key"), "exclude each other"),
        (("--status", "--retire-old"), "exclude each other"),
        (("--cluster-key",), "needs --kubeconfig"),
        (("--new-key", "--force"), "--force is for --retire"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(cli: Cli, options: tuple[str, ...], said: str) -> None:
    assert said in cli("rotate-signing-key", *NAME, *options, code=2).err
    assert cli.aws.calls() == ()


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_the_documented_permissions_suffice(
    enforcing_aws: EmbeddedAws,
    as_user: Callable[[Mapping[str, str]], Cli],
    common: list[str],
    tmp_path: Path,
    private: bool,
) -> None:
    administrator = as_user(enforcing_aws.environment())
    administrator("create-all", *common, *(["--create-private-s3-bucket"] if private else []))
    cli = as_user(enforcing_aws.user("operator", actions=[*DOCUMENTED, *(CLOUDFRONT if private else [])]))
    options = [*NAME, "--output-dir", str(tmp_path / "out")]

    cli("rotate-signing-key", *options, "--new-key", "--key-bits", "2048")
    kid = str(new_key(tmp_path / "out").kid)
    cli("rotate-signing-key", *options, "--switched-to", kid)
    done = cli("rotate-signing-key", *options, "--retire-old", "--force", "--output", "json").json
    assert [key["kid"] for key in done["status"]["keys"]] == [kid]


def test_the_keys_of_the_status_are_those_of_the_issuer(cli: Cli, set_up: Path, key_pair: Path) -> None:
    status = cli("rotate-signing-key", *NAME, "--status", "--output", "json").json["status"]

    [key] = status["keys"]
    assert key == {
        "kid": to_jwk(load_private_key_file(key_pair / PRIVATE).public_key()).kid,
        "algorithm": "RS256",
        "use": "signing",
        "seen": True,
    }
    assert json.dumps(status["advice"]).count("--new-key") == 1
    assert set_up.exists()
