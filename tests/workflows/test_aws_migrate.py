"""The two commands of a migration, against an AWS and an API server on real sockets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.federation.clock import WallClock, iso
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import AUTHENTICATIONS
from tests.workflows.commands import NOTHING, Cli, changing, client, inventory, write_requests
from tests.workflows.traffic import components_of

PUBLIC_ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
ROLE = "demo-openshift-machine-api-aws-cloud-credentials"
LONG_AGO = "2026-01-01T00:00:00Z"
THERE, BACK = "migrate-to-private-bucket", "migrate-to-public-bucket"


@pytest.fixture
def out(tmp_path: Path, key_pair: Path) -> Path:
    """An output directory with the cluster's key pair."""
    directory = tmp_path / "out"
    shutil.copytree(key_pair, directory)
    return directory


@pytest.fixture
def options(requests_dir: Path, out: Path) -> list[str]:
    """What every one of these commands takes."""
    return [
        *("--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)),
        *("--output-dir", str(out)),
    ]


@pytest.fixture
def cluster(requests_dir: Path, out: Path, tmp_path: Path) -> Iterator[tuple[ApiServer, list[str]]]:
    """A running cluster of a public set-up, and the option that names it."""
    accounts = frozenset(component.account for component in components_of(requests_dir))
    server = ApiServer(load_private_key_file(out / PRIVATE), PUBLIC_ISSUER, accounts, now=WallClock().now)
    with serving(server.as_openshift(), tmp_path / "kubeconfig") as kubeconfig:
        yield server, ["--kubeconfig", str(kubeconfig)]


def issuer_of(manifest: Path) -> Any:
    return yaml.safe_load(manifest.read_text())["spec"]["serviceAccountIssuer"]


def test_without_a_cluster_it_says_how_to_switch_and_what_comes_after(cli: Cli, options: list[str], out: Path) -> None:
    cli("create-all", *options)
    told = cli(THERE, *options)
    issuer = (
        f"https://{client(cli.aws, 'cloudfront').list_distributions()['DistributionList']['Items'][0]['DomainName']}"
    )

    patch = f'{{"spec":{{"serviceAccountIssuer":"{issuer}"}}}}'
    assert f"oc patch authentication.config.openshift.io cluster --type=merge -p '{patch}'" in told.out
    assert f"--service-account-issuer={issuer} before the flag of that name" in told.out
    assert f"`ccoctl aws {THERE} --finish --unused-since TIME-OF-THAT-RESTART`" in told.out
    assert issuer_of(out / "manifests/cluster-authentication-02-config.yaml") == issuer
    assert told.err.index("create the distribution in front of") < told.err.index("done: create the distribution")


def test_the_end_is_refused_until_somebody_can_tell_that_it_is_safe(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    cli(THERE, *options)
    before = len(changing(cli.aws))

    assert "--unused-since" in cli(THERE, *options, "--finish", code=1).err
    for time in (iso(WallClock().now()), "2999-01-01T00:00:00Z"):
        assert "may be in use until" in cli(THERE, *options, "--finish", "--unused-since", time, code=1).err
    assert len(changing(cli.aws)) == before


def test_a_plan_that_changes_nothing_says_so_and_nothing_else(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options, "--create-private-s3-bucket")

    assert cli(THERE, *options, "--plan-only").out == "Nothing to do: everything is as wanted.\n"


@pytest.mark.long
def test_there_and_back_told(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    before = inventory(cli.aws)
    for command in (THERE, BACK):
        assert not cli(command, *options, "--output", "json").json["over"]
        ended = cli(command, *options, "--finish", "--unused-since", LONG_AGO, "--output", "json").json
        assert ended["over"]
        assert "The federation of demo holds." in cli("verify", *options).out
        assert "Nothing to do" in cli("plan", *options).out
        assert "It is over" in cli(command, *options).out
    assert inventory(cli.aws) == before


def test_with_a_cluster_it_switches_it_and_remembers_in_the_cloud_when(
    cli: Cli, options: list[str], cluster: tuple[ApiServer, list[str]]
) -> None:
    server, kubeconfig = cluster
    cli("create-all", *options)
    done = cli(THERE, *options, *kubeconfig, "--output", "json").json

    assert server.issuer == done["issuer"] != PUBLIC_ISSUER
    assert [phase["state"] for phase in done["phases"]] == ["done", "done", "done", "done", "to do"]
    assert not done["safe_to_finish"]
    told = cli(THERE, *options, "--status", "--output", "json").json  # nobody asks the cluster
    assert told["safe_to_finish_at"] == done["safe_to_finish_at"]
    assert "may be in use until" in cli(THERE, *options, *kubeconfig, "--finish", code=1).err

    provider = f"arn:aws:iam::123456789012:oidc-provider/{PUBLIC_ISSUER.removeprefix('https://')}"
    client(cli.aws, "iam").tag_open_id_connect_provider(
        OpenIDConnectProviderArn=provider, Tags=[{"Key": "ccoctl/unused-since", "Value": LONG_AGO}]
    )
    assert cli(THERE, *options, "--status", "--output", "json").json["safe_to_finish"]
    assert cli(THERE, *options, *kubeconfig, "--finish", "--output", "json").json["over"]


def test_the_end_is_refused_while_the_cluster_signs_for_the_old_issuer(
    cli: Cli, options: list[str], cluster: tuple[ApiServer, list[str]]
) -> None:
    cli("create-all", *options)
    cli(THERE, *options)

    refused = cli(THERE, *options, *cluster[1], "--finish", "--unused-since", LONG_AGO, code=1)
    assert f"it names {PUBLIC_ISSUER}" in refused.err
    assert len(inventory(cli.aws)["providers"]) == 2


def test_an_end_before_the_beginning_is_refused(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    before = len(changing(cli.aws))

    refused = cli(THERE, *options, "--finish", "--unused-since", "never-used", code=1)
    assert "is not ready to be used" in refused.err
    assert f"role {ROLE}: it does not trust" in refused.err
    assert len(changing(cli.aws)) == before


@pytest.mark.parametrize("way", [[], ["--status"], ["--plan-only"]], ids=str)
def test_a_set_up_that_is_not_there_is_neither_migrated_nor_told_about(
    cli: Cli, options: list[str], way: list[str]
) -> None:
    assert "there is no set-up named demo" in cli(THERE, *options, *way, code=1).err


def test_status_and_plan_only_change_nothing(cli: Cli, options: list[str], out: Path) -> None:
    cli("create-all", *options)
    before, files = len(changing(cli.aws)), sorted(out.rglob("*"))

    assert "to do    documents" in cli(THERE, *options, "--status").out
    assert "+ distribution openshift.io" in cli(THERE, *options, "--plan-only", code=3).out
    steps = cli(THERE, *options, "--plan-only", "--output", "json", code=3).json
    assert steps["stage"] == "prepare"
    assert {"kubernetes:SetIssuer"}.isdisjoint(step.get("call") for step in steps["steps"])
    assert (len(changing(cli.aws)), sorted(out.rglob("*"))) == (before, files)
    assert "Nothing to do" in cli(BACK, *options, "--plan-only").out


def test_rolled_back_before_anybody_was_told_it_needs_no_waiting(cli: Cli, options: list[str]) -> None:
    """As where the run was stopped right before its last step."""
    cli("create-all", *options)
    before = inventory(cli.aws)
    iam = client(cli.aws, "iam")
    cli(THERE, *options)
    provider = next(arn for arn in inventory(cli.aws)["providers"] if "cloudfront" in arn)
    iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=provider, Tags=[{"Key": "ccoctl/unused-since", "Value": "never-used"}]
    )

    assert cli(THERE, *options, "--rollback", "--output", "json").json["over"]
    assert inventory(cli.aws) == before


@pytest.mark.long
def test_a_way_back_by_hand_is_told_as_the_way_there_is(cli: Cli, options: list[str], out: Path) -> None:
    cli("create-all", *options)
    before = inventory(cli.aws)
    cli(THERE, *options)
    told = cli(THERE, *options, "--rollback").out

    assert f'{{"serviceAccountIssuer":"{PUBLIC_ISSUER}"}}' in told
    assert f"at once: `ccoctl aws {THERE} --rollback --finish --unused-since never-used`" in told
    assert issuer_of(out / "manifests/cluster-authentication-02-config.yaml") == PUBLIC_ISSUER
    cli(THERE, *options, "--rollback", "--finish", "--unused-since", "never-used")
    assert inventory(cli.aws) == before


def test_create_all_leaves_a_migration_alone_and_names_its_command(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    cli(THERE, *options)

    assert f"`ccoctl aws {THERE} --status`" in cli("create-all", *options, code=1).err
    assert "a migration between them is under way" in cli("plan", *options, code=1).err


def test_create_iam_roles_does_not_end_a_migration_early(cli: Cli, options: list[str], requests_dir: Path) -> None:
    """Made to trust one issuer alone, the roles would turn the tokens of the other one away."""
    arn = cli("create-all", *options, "--output", "json").json["identity_provider_arn"]
    cli(THERE, *options)
    before = len(changing(cli.aws))

    alone = ["--name", "demo", "--credentials-requests-dir", str(requests_dir), "--identity-provider-arn", arn]
    assert "a migration is under way" in cli("create-iam-roles", *alone, code=1).err
    assert len(changing(cli.aws)) == before


def test_bug_ocpbugs_60078_a_private_issuer_stays_private_when_create_all_is_run_again_without_the_flag(
    cli: Cli, options: list[str], out: Path
) -> None:
    cli("create-all", *options)
    private = cli(THERE, *options, "--output", "json").json["issuer"]
    cli(THERE, *options, "--finish", "--unused-since", LONG_AGO)
    again = cli("create-all", *options, "--output", "json").json

    assert (again["issuer"], again["actions"]) == (private, [])
    assert issuer_of(out / "manifests/cluster-authentication-02-config.yaml") == private


def test_roles_of_workloads_keep_the_old_issuer_until_they_trust_the_new_one(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    iam = client(cli.aws, "iam")
    theirs = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName="shop-cart", AssumeRolePolicyDocument=json.dumps(theirs))
    assert "role shop-cart is not ours" in cli(THERE, *options).err
    ending = ["--finish", "--unused-since", LONG_AGO]
    assert "role shop-cart: it is not ours and trusts" in cli(THERE, *options, *ending, code=1).err

    both = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(RoleName="shop-cart", PolicyDocument=json.dumps(both))
    cli(THERE, *options, *ending)
    assert "shop-cart" in inventory(cli.aws)["roles"]


def test_the_documented_permissions_and_those_to_mend_are_enough(
    enforcing_aws: EmbeddedAws, as_user: Callable[[Mapping[str, str]], Cli], options: list[str]
) -> None:
    administrator = as_user(enforcing_aws.environment())
    wanted = ["--name", "demo", "--region", "us-east-1", "--create-private-s3-bucket"]
    document = administrator("required-permissions", *wanted).json
    cli = as_user(enforcing_aws.user("installer", document=document))
    cli("create-all", *options)
    for command in (THERE, BACK):
        cli(command, *options)
        assert cli(command, *options, "--finish", "--unused-since", LONG_AGO, "--output", "json").json["over"]


@pytest.mark.long
def test_a_cluster_without_an_authentication_is_waited_for_and_not_touched(
    cli: Cli, options: list[str], cluster: tuple[ApiServer, list[str]], out: Path
) -> None:
    """Any Kubernetes: its administrator sets a flag of the API server."""
    server, kubeconfig = cluster
    del server.store.objects[AUTHENTICATIONS, "", "cluster"]
    cli("create-all", *options)
    server.issuer = cli(THERE, *options, "--output", "json").json["issuer"]  # told, and done by hand
    done = cli(THERE, *options, *kubeconfig, "--output", "json").json

    assert done["phases"][3]["state"] == "done"
    assert not [call for call in server.asked if call.method == "PATCH"]
    assert done["safe_to_finish_at"]


def test_a_component_that_the_cluster_does_not_have_is_noted(
    cli: Cli, options: list[str], cluster: tuple[ApiServer, list[str]], requests_dir: Path
) -> None:
    write_requests(requests_dir / "..", "openshift-storage/cloud", service_accounts=["absent"])
    shutil.copy(requests_dir / ".." / "00-openshift-storage-cloud.yaml", requests_dir / "99.yaml")
    cli("create-all", *options)

    assert "the cluster has no service account openshift-storage/absent" in cli(THERE, *options, *cluster[1]).err


def test_a_signing_key_that_is_not_published_is_not_tried(
    cli: Cli, options: list[str], requests_dir: Path, key_pair: Path, tmp_path: Path
) -> None:
    cli("create-all", *options)
    other = tmp_path / "other"
    cli("create-key-pair", "--output-dir", str(other), "--key-bits", "2048")
    elsewhere = [*options[:-1], str(other)]

    assert "is not published" in cli(THERE, *elsewhere).err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["--finish", "--unused-since", "yesterday"], 1, "'yesterday' is neither a time like"),
        (["--unused-since", LONG_AGO], 1, "it is what --finish asks for"),
        (["--region", "us-gov-west-1"], 1, "partition aws-us-gov has no CloudFront"),
        (["--status", "--finish"], 2, "--status only looks"),
        (["--name", "other"], 1, "there is no set-up named other"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    cli: Cli, options: list[str], more: list[str], code: int, told: str
) -> None:
    assert told in cli(THERE, *options, *more, code=code).err
    assert changing(cli.aws) == []


@pytest.mark.parametrize("stage", ["prepare", pytest.param("finish", marks=pytest.mark.long)])
def test_delete_removes_everything_in_the_middle_too(cli: Cli, options: list[str], stage: str) -> None:
    cli("create-all", *options)
    cli(THERE, *options)
    if stage == "finish":
        iam = client(cli.aws, "iam")
        provider = next(arn for arn in inventory(cli.aws)["providers"] if "s3" in arn)
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)

    cli("delete", "--name", "demo", "--region", "us-east-1")
    assert inventory(cli.aws) == NOTHING
