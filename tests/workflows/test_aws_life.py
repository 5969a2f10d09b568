"""The life of a set-up against an AWS on a real socket: make, make again, repair, look, delete."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.lab.conditions import Weather
from tests.workflows.commands import NOBODY, NOTHING, Cli, changing, client, inventory, write_requests

ROLE = "demo-openshift-machine-api-aws-cloud-credentials"
MODES: list[list[str]] = [
    [],
    ["--create-private-s3-bucket"],
    ["--create-private-s3-bucket", "--origin-access", "oac"],
]


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(MODES[0], id="public"),
        pytest.param(MODES[1], id="oai"),
        pytest.param(MODES[2], id="oac", marks=pytest.mark.long),
    ],
)
def test_made_made_again_planned_and_deleted(cli: Cli, common: list[str], mode: list[str]) -> None:
    first = cli("create-all", *common, *mode, "--output", "json").json
    before = len(changing(cli.aws))
    again = cli("create-all", *common, *mode, "--output", "json").json
    planned = cli("plan", *common, *mode)
    assert len(changing(cli.aws)) == before

    assert first["issuer"] == again["issuer"]
    assert first["private_bucket"] == bool(mode)
    assert [role["arn"] for role in first["roles"]] == [role["arn"] for role in again["roles"]]
    assert again["actions"] == []
    assert "Nothing to do" in planned.out

    cli("delete", "--name", "demo", "--region", "us-east-1")
    assert inventory(cli.aws) == NOTHING
    cli("delete", "--name", "demo", "--region", "us-east-1")


def test_what_was_made_is_what_the_cluster_needs(cli: Cli, common: list[str], tmp_path: Path) -> None:
    made = cli("create-all", *common, "--output", "json").json
    issuer = "https://demo-oidc.s3.us-east-1.amazonaws.com"
    s3, iam = client(cli.aws, "s3"), client(cli.aws, "iam")

    document = s3.get_object(Bucket="demo-oidc", Key=".well-known/openid-configuration")
    keys = s3.get_object(Bucket="demo-oidc", Key="keys.json")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["identity_provider_arn"])
    role = iam.get_role(RoleName=ROLE)["Role"]
    secret = yaml.safe_load(
        (tmp_path / "out/manifests/openshift-machine-api-aws-cloud-credentials-credentials.yaml").read_text()
    )
    cluster = yaml.safe_load((tmp_path / "out/manifests/cluster-authentication-02-config.yaml").read_text())

    assert made["issuer"] == issuer == json.loads(document["Body"].read())["issuer"]
    assert [key["kid"] for key in json.loads(keys["Body"].read())["keys"]] == [made["kid"]]
    assert (keys["ContentType"], keys["CacheControl"]) == ("application/json", "public, max-age=300")
    assert provider["ClientIDList"] == ["openshift", "sts.amazonaws.com"]
    assert {"Key": "openshift.io/cloud-credential-operator/demo", "Value": "owned"} in provider["Tags"]
    assert role["Description"] == "OpenShift role for openshift-machine-api/aws-cloud-credentials"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] == {
        "StringEquals": {
            "demo-oidc.s3.us-east-1.amazonaws.com:sub": ["system:serviceaccount:openshift-machine-api:controllers"]
        }
    }
    assert f"role_arn = {role['Arn']}\n" in secret["stringData"]["credentials"]
    assert cluster["spec"]["serviceAccountIssuer"] == issuer
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


def test_a_key_pair_is_made_when_none_is_given(cli: Cli, requests_dir: Path, tmp_path: Path) -> None:
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    out = ["--output-dir", str(tmp_path / "out"), "--key-bits", "2048"]
    made = cli("create-all", *options, *out, "--output", "json").json
    again = cli("create-all", *options, *out, "--output", "json").json

    assert made["kid"] == again["kid"]
    assert stat.S_IMODE((tmp_path / "out/serviceaccount-signer.private").stat().st_mode) == 0o600


def test_defect_1_another_key_than_the_published_one_is_refused(
    cli: Cli, common: list[str], requests_dir: Path, tmp_path: Path
) -> None:
    cli("create-all", *common)
    before = len(changing(cli.aws))
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    refused = cli("create-all", *options, "--output-dir", str(tmp_path / "new"), "--key-bits", "2048", code=1)

    assert "rotate-signing-key" in refused.err
    assert len(changing(cli.aws)) == before
    assert not (tmp_path / "new" / "serviceaccount-signer.private").exists()


def test_defect_2_private_stays_private_without_the_flag(cli: Cli, common: list[str]) -> None:
    made = cli("create-all", *common, "--create-private-s3-bucket", "--output", "json").json
    again = cli("create-all", *common, "--output", "json").json

    assert again["issuer"] == made["issuer"]
    assert again["actions"] == []
    assert "the set-up is private and stays so" in again["notes"]


def test_a_public_set_up_does_not_become_private_by_a_flag(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    before = len(changing(cli.aws))

    assert "migration" in cli("create-all", *common, "--create-private-s3-bucket", code=1).err
    assert len(changing(cli.aws)) == before


def test_defect_3_a_public_key_file_that_is_none_is_refused(cli: Cli, common: list[str], tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("hello")

    cli("create-all", *common, "--public-key-file", str(tmp_path / "not.pem"), code=1)
    assert cli.aws.calls() == ()


def test_drift_is_shown_and_repaired(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    iam, s3 = client(cli.aws, "iam"), client(cli.aws, "s3")
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=NOBODY)
    iam.delete_role_policy(RoleName=ROLE, PolicyName=ROLE)
    s3.delete_bucket_policy(Bucket="demo-oidc")
    s3.delete_object(Bucket="demo-oidc", Key="keys.json")

    planned = cli("plan", *common, code=3)
    planned_json = cli("plan", *common, "--output", "json", code=3).json
    cli("create-all", *common)

    assert f"~ role {ROLE}\n    change who may assume role" in planned.out
    assert any(line.lstrip().startswith("+") and '"Federated"' in line for line in planned.out.splitlines())
    assert {step["id"] for step in planned_json["steps"]} >= {
        "bucket/policy",
        "object/keys.json/put",
        f"role/{ROLE}/trust",
        f"role/{ROLE}/policy",
    }
    assert "Nothing to do" in cli("plan", *common).out


def test_defect_17_what_is_not_ours_is_refused_by_name_before_anything_is_made(cli: Cli, common: list[str]) -> None:
    client(cli.aws, "iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    before = len(changing(cli.aws))

    refused = cli("create-all", *common, code=1)

    assert f"role {ROLE}: it exists and does not carry the tag" in refused.err
    assert len(changing(cli.aws)) == before


def test_defect_14_problems_of_the_input_come_before_any_call(cli: Cli, common: list[str], requests_dir: Path) -> None:
    write_requests(requests_dir / "more", "a/b", service_accounts=[])
    (requests_dir / "zz.yaml").write_text("kind: CredentialsRequest\napiVersion: cloudcredential.openshift.io/v1\n")

    refused = cli("create-all", *common, "--tags", "openshift.io/cloud-credential-operator/x=y", code=1)

    assert "--tags" in refused.err
    assert "zz.yaml:1" in refused.err
    assert cli.aws.calls() == ()


def test_defect_19_the_token_path_of_a_request_is_honoured(cli: Cli, common: list[str], tmp_path: Path) -> None:
    write_requests(tmp_path / "requests", "a/b", spec={"cloudTokenPath": "/var/run/secrets/other/token"})
    cli("create-all", *common)

    text = (tmp_path / "out/manifests/a-b-credentials.yaml").read_text()
    assert "web_identity_token_file = /var/run/secrets/other/token\n" in text


def test_options_of_roles(cli: Cli, common: list[str]) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    options = ["--role-path", "/okd/demo/", "--max-session-duration", "7200", "--tags", "team=a,cost=b"]
    cli("create-all", *common, *options, "--bind-audience", "--permissions-boundary-arn", boundary)
    role: dict[str, Any] = client(cli.aws, "iam").get_role(RoleName=ROLE)["Role"]

    assert role["Path"] == "/okd/demo/"
    assert role["MaxSessionDuration"] == 7200
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert {"Key": "team", "Value": "a"} in role["Tags"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"][
        "demo-oidc.s3.us-east-1.amazonaws.com:aud"
    ] == ["openshift"]
    assert "Nothing to do" in cli("plan", *common).out
    cli("delete", "--name", "demo", "--region", "us-east-1")
    assert inventory(cli.aws) == NOTHING


def test_provider_and_roles_one_after_the_other(cli: Cli, requests_dir: Path, key_pair: Path, tmp_path: Path) -> None:
    names = ["--name", "demo", "--region", "us-east-1"]
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    out = ["--output-dir", str(tmp_path / "out")]
    made = cli("create-identity-provider", *names, *public, *out, "--output", "json").json
    roles = ["--credentials-requests-dir", str(requests_dir), "--identity-provider-arn", made["identity_provider_arn"]]
    cli("create-iam-roles", *names, *roles, *out)
    cli("create-iam-roles", "--name", "demo", *roles, *out)
    everything = ["--credentials-requests-dir", str(requests_dir), *public, *out]

    assert "Nothing to do" in cli("plan", *names, *everything).out


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:iam::123456789012:oidc-provider/nobody.example.com", "no such OIDC provider"),
        ("arn:aws:iam::999999999999:oidc-provider/demo-oidc.s3.us-east-1.amazonaws.com", "is in account 999999999999"),
        ("arn:aws:iam::123456789012:role/x", "not the ARN of an OIDC provider"),
        ("arn:aws-cn:iam::123456789012:oidc-provider/x.example.com", "--region is in aws"),
    ],
)
def test_roles_trust_only_a_provider_that_is_there(
    cli: Cli, requests_dir: Path, tmp_path: Path, arn: str, said: str
) -> None:
    options = ["--credentials-requests-dir", str(requests_dir), "--output-dir", str(tmp_path)]
    refused = cli(
        "create-iam-roles", "--name", "demo", "--region", "us-east-1", "--identity-provider-arn", arn, *options, code=1
    )

    assert said in refused.err
    assert changing(cli.aws) == []


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eu-west-1"])
def test_other_partitions_and_regions(cli: Cli, common: list[str], region: str) -> None:
    made = cli("create-all", *common, "--region", region, "--output", "json").json
    partition = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}.get(region, "aws")
    readers = json.loads(client(cli.aws, "s3", region).get_bucket_policy(Bucket="demo-oidc")["Policy"])

    assert made["identity_provider_arn"].startswith(f"arn:{partition}:iam::")
    assert readers["Statement"][0]["Resource"] == [f"arn:{partition}:s3:::demo-oidc/*"]
    assert "Nothing to do" in cli("plan", *common, "--region", region).out
    cli("delete", "--name", "demo", "--region", region)
    assert inventory(cli.aws, region)["buckets"] == []


def test_plan_before_anything_is_there(cli: Cli, requests_dir: Path) -> None:
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    planned = cli("plan", *options, code=3)

    assert "+ bucket demo-oidc\n    create bucket demo-oidc" in planned.out
    assert changing(cli.aws) == []


def test_the_files_are_part_of_a_plan_when_their_directory_is_named(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    cli("create-all", *common)
    manifest = tmp_path / "out/manifests/cluster-authentication-02-config.yaml"
    manifest.write_text("edited: true\n")

    planned = cli("plan", *common, code=3)
    cli("create-all", *common)

    assert "~ file manifests/cluster-authentication-02-config.yaml" in planned.out
    assert "may be secret: 1 of its lines" in planned.out
    assert "serviceAccountIssuer" in manifest.read_text()


def test_a_plan_without_the_set_up_s_key_says_where_create_all_takes_it_from(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    without = [*common[: common.index("--output-dir")]]

    planned = cli("plan", *without)

    assert "create-all needs the set-up's own, in its --output-dir or with --public-key-file" in planned.out
    assert "there is no key pair yet" not in planned.err


# what is said of it, as data


def feature(secret: str, requests: Path) -> None:
    """A request of a feature set that is not enabled."""
    (made,) = write_requests(requests.parent / "feature", secret).iterdir()
    document = yaml.safe_load(made.read_text())
    document["metadata"]["annotations"] = {"release.openshift.io/feature-set": "TechPreviewNoUpgrade"}
    (requests / made.name.replace("00", "99")).write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("command", ["plan", "create-all"])
def test_every_note_is_in_the_data_too(cli: Cli, requests_dir: Path, tmp_path: Path, command: str) -> None:
    feature("new/thing", requests_dir)
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    bits = ["--key-bits", "2048"] if command == "create-all" else []
    done = cli(command, *options, "--output-dir", str(tmp_path / "out"), *bits, "--output", "json", code=None)

    said = [line.removeprefix("note: ") for line in done.err.splitlines() if line.startswith("note: ")]
    assert any("new/thing" in sentence for sentence in said), said
    assert set(said) <= set(done.json["notes"])
    assert any("there is no key pair yet" in note for note in done.json["notes"]) == (command == "plan")


def test_roles_alone_know_nothing_of_the_issuer(cli: Cli, common: list[str], requests_dir: Path) -> None:
    made = cli("create-all", *common, "--create-private-s3-bucket", "--output", "json").json
    options = ["--credentials-requests-dir", str(requests_dir), *common[common.index("--output-dir") :][:2]]
    given = ["--name", "demo", *options, "--identity-provider-arn", made["identity_provider_arn"], "--output", "json"]

    for more in ([], ["--dry-run"]):
        roles = cli("create-iam-roles", *given, *more).json
        assert (roles["issuer"], roles.get("private_bucket")) == (None, None)
        assert roles["identity_provider_arn"] == made["identity_provider_arn"]


def test_a_failed_run_lists_the_roles_that_exist_alone(cli: Cli, common: list[str], requests_dir: Path) -> None:
    there = cli("create-all", *common, "--output", "json").json["roles"]
    (more,) = write_requests(requests_dir.parent / "more", "new/thing").iterdir()
    more.rename(requests_dir / "99-new-thing.yaml")
    cli.aws.change_weather(Weather(deny=("iam:CreateRole",)))
    try:
        failed = cli("create-all", *common, "--output", "json", code=1)
    finally:
        cli.aws.change_weather(Weather())

    assert failed.json["roles"] == there
    assert len(cli("create-all", *common, "--output", "json").json["roles"]) == len(there) + 1


def test_a_dry_run_names_the_key_files_that_it_makes(cli: Cli, requests_dir: Path, tmp_path: Path) -> None:
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    given = [*options, "--key-bits", "2048", "--output-dir", str(tmp_path / "out"), "--dry-run"]

    text = cli("create-all", *given).out
    data = cli("create-all", *given, "--output", "json").json

    assert set(text.split()) >= {file["path"] for file in data["files"]}
    assert f"0600  {tmp_path / 'out/serviceaccount-signer.private'}  created" in text


def test_one_change_is_one(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    client(cli.aws, "iam").delete_role_policy(RoleName=ROLE, PolicyName=ROLE)

    assert cli("create-all", *common).out.splitlines()[-1] == "1 change made."


# sentences


def test_an_arn_that_is_none_is_not_blamed_on_the_region_too(cli: Cli, requests_dir: Path, tmp_path: Path) -> None:
    options = ["--name", "demo", "--credentials-requests-dir", str(requests_dir), "--output-dir", str(tmp_path / "out")]
    said = cli("create-iam-roles", *options, "--identity-provider-arn", "x", code=1).err

    assert "--identity-provider-arn: 'x' is not the ARN of an OIDC provider" in said
    assert "--region" not in said


@pytest.mark.parametrize(("region", "guess"), [("us-est-1", "us-east-1"), ("sa-nowhere-77", "")])
def test_a_region_that_is_nearly_a_known_one_is_asked_about(
    cli: Cli, requests_dir: Path, region: str, guess: str
) -> None:
    options = ["--name", "demo", "--region", region, "--credentials-requests-dir", str(requests_dir)]
    (said,) = [line for line in cli("plan", *options, code=3).err.splitlines() if f"region {region}" in line]

    assert said.endswith(f"; did you mean {guess}?" if guess else "taken as of aws")


def test_a_file_of_authorities_that_is_not_there_is_told_before_the_first_call(cli: Cli, common: list[str]) -> None:
    for command in (["plan", *common], ["delete", "--name", "demo", "--region", "us-east-1"]):
        said = cli(*command, "--ca-bundle", "nope", code=1).err
        assert said.startswith("ccoctl: nope: ")
        assert "there is no such file" in said
        assert "Errno" not in said
    assert cli.aws.calls() == ()
