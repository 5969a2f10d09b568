"""`ccoctl aws export`: what a pipeline makes of it is what create-all makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ccoctl.lab.server import EmbeddedAws
from tests.aws.warm import warm
from tests.workflows.commands import Cli, changing, client, inventory, write_requests

PRIVATE = ("--create-private-s3-bucket",)
CONTROL = (*PRIVATE, "--origin-access", "oac")
DENIED = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
MODES = pytest.mark.parametrize("mode", [(), PRIVATE, CONTROL], ids=["public", "identity", "control"])


@pytest.fixture(scope="module")
def warm_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an `aws` that is the AWS CLI, without its start-up."""
    with warm(tmp_path_factory.mktemp("aws")) as folder:
        yield folder


def run(script: Path, aws: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """bash runs a script with the AWS CLI in the account; what it says is the answer."""
    done = subprocess.run(
        [script, *arguments],
        cwd=script.parent,
        env={"PATH": f"{aws}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def to_do(cli: Cli, common: list[str], *mode: str) -> list[str]:
    """What our own plan would still change in the account, files aside."""
    planned = cli("plan", *common, *mode, "--output", "json", code=None).json
    return [step["summary"] for step in planned["steps"] if step["action"] not in {"read", "wait", "write file"}]


def export(cli: Cli, common: list[str], form: str, to: Path, *mode: str) -> None:
    cli("export", "--format", form, *common, *mode, "--to", str(to))


# The script of the AWS CLI


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param((), id="public"),
        pytest.param(PRIVATE, id="identity", marks=pytest.mark.long),
        pytest.param(CONTROL, id="control", marks=pytest.mark.long),
    ],
)
def test_the_script_leaves_the_account_that_create_all_leaves(
    cli: Cli, common: list[str], mode: tuple[str, ...], warm_aws: Path, tmp_path: Path
) -> None:
    cli("create-all", *common, *mode)
    created = counts(cli.aws)
    cli.aws.reset()
    script = tmp_path / "pipeline" / "apply.sh"
    export(cli, common, "cli", script, *mode)
    assert changing(cli.aws) == []

    run(script, warm_aws, cli.environment)

    assert counts(cli.aws) == created
    assert to_do(cli, common, *mode) == []


def counts(aws: EmbeddedAws) -> dict[str, Any]:
    """The inventory, with the numbers of what has a random id."""
    random = {"distributions", "identities", "controls"}
    found = inventory(aws)
    if not found["distributions"]:
        return found
    return {kind: len(items) if kind in {*random, "providers"} else items for kind, items in found.items()}


def test_the_script_can_be_run_again_and_changes_nothing_then(
    cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path
) -> None:
    script = tmp_path / "apply.sh"
    export(cli, common, "cli", script)
    first = run(script, warm_aws, cli.environment)

    again = run(script, warm_aws, cli.environment)

    assert again == first
    assert to_do(cli, common) == []


def test_the_script_writes_the_manifests_that_create_all_writes(
    cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path
) -> None:
    script = tmp_path / "pipeline" / "apply.sh"
    export(cli, common, "cli", script, *CONTROL)
    run(script, warm_aws, cli.environment)

    cli("create-all", *common, *CONTROL)

    made, wanted = script.parent / "manifests", tmp_path / "out" / "manifests"
    assert {path.name: path.read_text() for path in made.iterdir()} == {
        path.name: path.read_text() for path in wanted.iterdir()
    }


@pytest.mark.long
def test_the_script_mends_what_has_drifted_since(cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path) -> None:
    cli("create-all", *common, *CONTROL)
    iam, front, s3 = (client(cli.aws, service) for service in ("iam", "cloudfront", "s3"))
    role = "demo-openshift-ingress-cloud"
    iam.update_role(RoleName=role, Description="another")
    iam.untag_role(RoleName=role, TagKeys=["Name"])
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=DENIED)
    (arn,) = inventory(cli.aws)["providers"]
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["Name"])
    s3.put_object_tagging(Bucket="demo-oidc", Key="keys.json", Tagging={"TagSet": [{"Key": "Name", "Value": "other"}]})
    (distribution,) = inventory(cli.aws)["distributions"]
    answer = front.get_distribution_config(Id=distribution)
    disabled = {**answer["DistributionConfig"], "Enabled": False}
    front.update_distribution(Id=distribution, IfMatch=answer["ETag"], DistributionConfig=disabled)
    assert len(to_do(cli, common, *CONTROL)) >= 5
    script = tmp_path / "apply.sh"
    export(cli, common, "cli", script, *CONTROL)

    run(script, warm_aws, cli.environment)
    assert to_do(cli, common, *CONTROL) == []
    run(script, warm_aws, cli.environment)
    assert to_do(cli, common, *CONTROL) == []


def test_a_trust_policy_that_is_stricter_than_asked_for_stays(
    cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path
) -> None:
    cli("create-all", *common, "--bind-audience")
    script = tmp_path / "apply.sh"
    export(cli, common, "cli", script)

    run(script, warm_aws, cli.environment)

    trust = client(cli.aws, "iam").get_role(RoleName="demo-openshift-ingress-cloud")["Role"]["AssumeRolePolicyDocument"]
    assert any(key.endswith(":aud") for key in trust["Statement"][0]["Condition"]["StringEquals"])


def test_the_script_stops_in_another_account(cli: Cli, common: list[str], tmp_path: Path) -> None:
    script, tools = tmp_path / "apply.sh", tmp_path / "tools"
    export(cli, common, "cli", script)
    tools.mkdir()
    (tools / "aws").write_text("#!/bin/sh\necho 999999999999\n")
    (tools / "aws").chmod(0o755)

    done = subprocess.run(
        [script], env={"PATH": f"{tools}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "this is account 999999999999; the script was written for 123456789012" in done.stderr


@pytest.mark.long
def test_the_script_makes_a_shared_issuer_and_joins_one(
    cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path
) -> None:
    shared = ("--shared-issuer", "site")
    other = ["--name", "other", *common[2:]]
    cli("create-all", *common, *shared)
    cli("create-all", *other, *shared)
    created = counts(cli.aws)
    cli.aws.reset()

    for options in (common, other):
        script = tmp_path / options[1] / "apply.sh"
        export(cli, options, "cli", script, *shared)
        said = run(script, warm_aws, cli.environment)
        assert re.search(rf"^issuer: https://\S+\.cloudfront\.net/{options[1]}$", said, re.MULTILINE)
        assert run(script, warm_aws, cli.environment) == said

    assert counts(cli.aws) == created
    assert to_do(cli, common, *shared) == to_do(cli, other, *shared) == []


def test_the_script_registers_an_issuer_that_others_serve(
    cli: Cli, common: list[str], warm_aws: Path, tmp_path: Path
) -> None:
    script, served = tmp_path / "pipeline" / "apply.sh", ("--issuer-url", "https://oidc.example.com/prod")
    export(cli, common, "cli", script, *served)

    said = run(script, warm_aws, cli.environment)

    assert "issuer: https://oidc.example.com/prod\n" in said
    assert to_do(cli, common, *served) == []
    assert run(script, warm_aws, cli.environment) == said
    cli("create-all", *common, *served)
    for name in (".well-known/openid-configuration", "keys.json"):
        assert (script.parent / "issuer" / name).read_bytes() == (tmp_path / "out" / "issuer" / name).read_bytes()


# CloudFormation


@pytest.mark.parametrize("mode", [(), CONTROL], ids=["public", "control"])
def test_a_stack_and_its_documents_are_what_our_plan_wants(
    cli: Cli, common: list[str], mode: tuple[str, ...], warm_aws: Path, tmp_path: Path
) -> None:
    make_stacks()
    folder = tmp_path / "stack"
    export(cli, common, "cloudformation", folder, *mode)

    create_stack(cli.aws, (folder / "template.json").read_text())

    assert to_do(cli, common, *mode) == ["publish .well-known/openid-configuration", "publish keys.json"]
    for _ in range(2):
        said = run(folder / "publish.sh", warm_aws, cli.environment, "demo")
        assert said.startswith("issuer: https://")
        assert to_do(cli, common, *mode) == []


def test_what_a_stack_made_is_deleted_by_our_delete(cli: Cli, common: list[str], tmp_path: Path) -> None:
    make_stacks()
    export(cli, common, "cloudformation", tmp_path / "stack")
    create_stack(cli.aws, (tmp_path / "stack" / "template.json").read_text())

    cli("delete", "--name", "demo", "--region", "us-east-1", "--yes")

    assert [kind for kind, items in inventory(cli.aws).items() if items] == []


def test_a_template_stays_the_same_once_its_stack_is_there(cli: Cli, common: list[str], tmp_path: Path) -> None:
    make_stacks()
    export(cli, common, "cloudformation", tmp_path / "before")
    create_stack(cli.aws, (tmp_path / "before" / "template.json").read_text())

    export(cli, common, "cloudformation", tmp_path / "after")

    before, after = (json.loads((tmp_path / name / "template.json").read_text()) for name in ("before", "after"))
    assert after["Resources"] == before["Resources"]
    assert set(after["Metadata"]["ccoctl"]["AlreadyThere"]) == set(after["Resources"])


def make_stacks() -> None:
    """moto makes stacks of our resources, or the test is skipped."""
    pytest.importorskip("openapi_spec_validator", reason="moto[cloudformation] is not installed: no stack is made")
    import_module("tests.aws.cloudformation_types")


def create_stack(aws: EmbeddedAws, template: str) -> None:
    cloudformation = client(aws, "cloudformation")
    cloudformation.create_stack(StackName="demo", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    (stack,) = cloudformation.describe_stacks(StackName="demo")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


# Whatever the format


@pytest.mark.parametrize("form", ["cli", "cloudformation", "terraform"])
def test_without_a_place_it_goes_to_stdout_and_nothing_is_changed(cli: Cli, common: list[str], form: str) -> None:
    done = cli("export", "--format", form, *common)

    assert done.out.startswith("#!/usr/bin/env bash\n" if form == "cli" else "{\n")
    assert changing(cli.aws) == []


def test_the_same_account_gives_the_same_export(cli: Cli, common: list[str]) -> None:
    assert cli("export", "--format", "cli", *common).out == cli("export", "--format", "cli", *common).out


def test_as_json_every_file_is_in_it(cli: Cli, common: list[str]) -> None:
    done = cli("export", "--format", "cloudformation", *common, "--output", "json")

    paths = [file["path"] for file in done.json["files"]]
    assert paths == [
        "template.json",
        "documents/.well-known/openid-configuration",
        "documents/keys.json",
        "publish.sh",
    ]
    assert any("CAPABILITY_NAMED_IAM" in note for note in done.json["notes"])


def test_an_earlier_export_is_replaced_and_nothing_else_is(cli: Cli, common: list[str], tmp_path: Path) -> None:
    for form, name in (("cli", "apply.sh"), ("terraform", "main.tf.json"), ("cloudformation", "stack")):
        place = tmp_path / name
        export(cli, common, form, place)
        export(cli, common, form, place)
    mine = tmp_path / "mine.tf.json"
    mine.write_text('{"resource": {}}')

    done = cli("export", "--format", "terraform", *common, "--to", str(mine), code=1)

    assert "the file is there and is no export of ours" in done.err
    assert mine.read_text() == '{"resource": {}}'


def test_terraform_finds_its_file_whatever_the_place_is_called(cli: Cli, common: list[str], tmp_path: Path) -> None:
    for place in (tmp_path / "terraform", tmp_path / "own.tf.json"):
        export(cli, common, "terraform", place)
        export(cli, common, "terraform", place)

    assert (tmp_path / "terraform" / "main.tf.json").read_text() == (tmp_path / "own.tf.json").read_text()


def test_a_directory_that_holds_something_else_is_left_as_it_is(cli: Cli, common: list[str], tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "publish.sh").write_text("mine")

    done = cli("export", "--format", "cloudformation", *common, "--to", str(tmp_path / "stack"), code=1)

    assert "without the template.json of an earlier export" in done.err
    assert [path.name for path in (tmp_path / "stack").iterdir()] == ["publish.sh"]


def test_without_a_key_there_is_nothing_to_describe(cli: Cli, requests_dir: Path, tmp_path: Path) -> None:
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]

    done = cli("export", "--format", "terraform", *options, "--output-dir", str(tmp_path), code=1)

    assert "there is no key to publish" in done.err
    assert "create-key-pair" in done.err


def test_what_stands_in_the_way_is_told_as_by_a_plan(cli: Cli, common: list[str]) -> None:
    client(cli.aws, "iam").create_role(RoleName="demo-openshift-ingress-cloud", AssumeRolePolicyDocument="{}")

    done = cli("export", "--format", "terraform", *common, code=1)

    assert "is not ours to change" in done.err
    assert done.out == ""


def test_a_shared_issuer_must_be_there_and_stays_out_of_it(cli: Cli, common: list[str], tmp_path: Path) -> None:
    shared = ("--shared-issuer", "site")
    done = cli("export", "--format", "terraform", *common, *shared, code=1)
    assert "is not there yet" in done.err
    one = write_requests(tmp_path / "one", "openshift-ingress/cloud")
    key = common[common.index("--public-key-file") + 1]
    first = ["--name", "first", "--region", "us-east-1", "--credentials-requests-dir", str(one)]
    cli("create-all", *first, "--output-dir", str(tmp_path / "first"), "--public-key-file", key, *shared)

    made = json.loads(cli("export", "--format", "terraform", *common, *shared).out)
    template = json.loads(cli("export", "--format", "cloudformation", *common, *shared).out)

    assert set(made["resource"]) == {
        "aws_s3_object",
        "aws_iam_openid_connect_provider",
        "aws_iam_role",
        "aws_iam_role_policy",
    }
    assert {one["key"] for one in made["resource"]["aws_s3_object"].values()} == {
        "demo/.well-known/openid-configuration",
        "demo/keys.json",
    }
    assert {one["Type"] for one in template["Resources"].values()} == {"AWS::IAM::OIDCProvider", "AWS::IAM::Role"}


def test_documents_that_others_serve_are_files_beside_it(cli: Cli, common: list[str], tmp_path: Path) -> None:
    options = ("--issuer-url", "https://oidc.example.com/prod")
    for form in ("terraform", "cloudformation"):
        export(cli, common, form, tmp_path / form, *options)

        document = tmp_path / form / "documents" / ".well-known" / "openid-configuration"
        assert json.loads(document.read_text())["issuer"] == "https://oidc.example.com/prod"
        assert not (tmp_path / form / "publish.sh").exists()
