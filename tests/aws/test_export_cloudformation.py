"""The CloudFormation template: what cfn-lint says of it, and what it holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from ccoctl.aws.export_cloudformation import template
from ccoctl.aws.export_names import logical_ids
from ccoctl.aws.export_terraform import terraform
from ccoctl.aws.export_whole import Export, whole
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import (
    AwsProviderSpec,
    AwsStatement,
    CredentialsRequest,
    PolicyCondition,
    SecretRef,
)
from ccoctl.credentialsrequest.select import select
from ccoctl.errors import Problems
from tests.aws.builders import ACCOUNT, FRONT, HOST, KEY, private_account, public_account, request, role, settings
from tests.aws.test_export_terraform import ARGUMENTS, CASES, EMPTY, META, REQUESTS, check, every_case, resources

Case = tuple[dict[str, Any], Account]


def exported(case: Case, requests: tuple[CredentialsRequest, ...] = REQUESTS) -> Export:
    options, account = case
    return template(whole(settings(**options), requests, KEY, account))


def body_of(case: Case, requests: tuple[CredentialsRequest, ...] = REQUESTS) -> Any:
    return json.loads(exported(case, requests).main.text)


def beside(made: Export) -> dict[str, str]:
    return {str(file.path): file.text for file in made.beside}


def findings(text: str) -> list[str]:
    """What cfn-lint says, as rule and message."""
    lint = pytest.importorskip("cfnlint.api", reason="cfn-lint is not installed: templates are not linted")
    config = pytest.importorskip("cfnlint.config").ManualArgs(regions=["us-east-1"])
    return [f"{match.rule.id} {match.message}" for match in lint.lint(text, config=config)]


@every_case
def test_cfn_lint_has_nothing_to_say(case: Case) -> None:
    # W2511: the Go tool's policy for an access identity has the older version
    assert [said for said in findings(exported(case).main.text) if not said.startswith("W2511")] == []


def test_cfn_lint_would_find_a_mistake() -> None:
    body = body_of(CASES["public"])
    body["Resources"]["Bucket"]["Properties"]["BucketNames"] = "x"

    assert any("BucketNames" in said for said in findings(json.dumps(body)))


@every_case
def test_the_template_for_an_import_passes_as_well(case: Case) -> None:
    if text := beside(exported(case)).get("import-template.json"):
        said = [one for one in findings(text) if not one.startswith(("W2511", "W3011"))]
        assert said == []


def test_everything_carries_the_tag_that_makes_it_ours() -> None:
    owned = {"Key": "openshift.io/cloud-credential-operator/demo", "Value": "owned"}
    untaggable = {"AWS::S3::BucketPolicy", "AWS::CloudFront::CloudFrontOriginAccessIdentity"}

    for resource in body_of(CASES["private with an identity"])["Resources"].values():
        assert resource["Type"] in untaggable or owned in resource["Properties"]["Tags"]


def test_a_public_bucket_opens_for_policies_alone() -> None:
    made = body_of(CASES["public"])["Resources"]

    assert made["Bucket"]["Properties"]["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    assert made["Bucket"]["DeletionPolicy"] == "Retain"
    assert {one["Type"] for one in made.values()} == {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::IAM::OIDCProvider",
        "AWS::IAM::Role",
    }


def test_options_of_roles_are_in_it() -> None:
    made = body_of(CASES["with everything"])["Resources"]["RoleOpenshiftImageRegistryInstaller"]["Properties"]

    assert (made["Path"], made["MaxSessionDuration"]) == ("/a/b/", 7200)
    assert made["PermissionsBoundary"] == f"arn:aws:iam::{ACCOUNT}:policy/b"
    assert [policy["PolicyName"] for policy in made["Policies"]] == [made["RoleName"]]


def test_where_the_issuers_host_is_to_come_the_trust_policy_is_a_text_with_it_filled_in() -> None:
    made = body_of(CASES["private with an identity"])["Resources"]["RoleOpenshiftImageRegistryInstaller"]

    text = made["Properties"]["AssumeRolePolicyDocument"]["Fn::Sub"]
    statement = json.loads(text.replace("${Distribution.DomainName}", HOST))["Statement"][0]
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"}
    assert list(statement["Condition"]["StringEquals"]) == [f"{HOST}:sub"]


def test_variables_of_iam_are_not_taken_for_the_stacks() -> None:
    arn = "arn:aws:s3:::${aws:PrincipalTag/team}/*"
    spec = AwsProviderSpec(statements=(AwsStatement(effect="Allow", actions=("s3:GetObject",), resource=arn),))

    made = body_of(CASES["public"], (structs.replace(request(), spec=spec),))["Resources"]

    (document,) = [one["Properties"]["Policies"][0]["PolicyDocument"] for one in made.values() if "Role" in one["Type"]]
    assert document["Statement"][0]["Resource"] == arn


RESOLVED = "{{resolve:ssm:/prod/password}}"
"""What CloudFormation puts the value of a parameter in the place of, in any text of a template."""


def asking(resource: str = "*", condition: PolicyCondition | None = None) -> CredentialsRequest:
    """A request with one statement of its own."""
    statement = AwsStatement(effect="Allow", actions=("s3:GetObject",), resource=resource, condition=condition or {})
    return structs.replace(request(), spec=AwsProviderSpec(statements=(statement,)))


ROLE = "role demo-openshift-machine-api-aws-cloud-credentials"
STATEMENT = f"{ROLE}: Policies[0].PolicyDocument.Statement[0]"


@pytest.mark.parametrize(
    ("of", "place"),
    [
        (asking(resource=f"arn:aws:s3:::{RESOLVED}"), f"{STATEMENT}.Resource"),
        (asking(resource="arn:aws:s3:::{{resolve:secretsmanager:a:SecretString}}"), f"{STATEMENT}.Resource"),
        (
            asking(condition={"StringEquals": {"aws:x": ("a", RESOLVED)}}),
            f"{STATEMENT}.Condition.StringEquals.aws:x[1]",
        ),
        (asking(condition={"StringEquals": {RESOLVED: "x"}}), f"{STATEMENT}.Condition.StringEquals"),
        (asking(condition={"StringEquals": {"Ref": "Bucket"}}), f"{STATEMENT}.Condition.StringEquals"),
        (asking(condition={"StringEquals": {"Fn::ImportValue": "of-another"}}), f"{STATEMENT}.Condition.StringEquals"),
    ],
)
def test_what_cloudformation_would_work_out_in_a_request_is_refused_with_its_place(
    of: CredentialsRequest, place: str
) -> None:
    with pytest.raises(Problems, match="CloudFormation") as caught:
        exported(CASES["public"], (of,))

    assert [problem.where for problem in caught.value.problems] == [place]
    assert "--format" in caught.value.remedy


def test_what_cloudformation_would_work_out_in_the_account_is_refused_with_its_place() -> None:
    account = public_account()
    (provider,), (made,) = account.providers, account.roles.values()
    assert account.bucket is not None
    tags = {"team": RESOLVED}
    hostile = replace(
        account,
        bucket=replace(account.bucket, tags={**account.bucket.tags, **tags}),
        providers=(replace(provider, audiences=provider.audiences | {RESOLVED}, tags={**provider.tags, **tags}),),
        roles={made.name: replace(made, tags={**made.tags, **tags}, boundary=f"arn:{RESOLVED}")},
    )

    with pytest.raises(Problems) as caught:
        exported(({}, hostile), REQUESTS[:1])

    places = [problem.where for problem in caught.value.problems]
    assert places == [
        "Bucket: Tags[2].Value",
        "IdentityProvider: ClientIdList[2]",
        "IdentityProvider: Tags[2].Value",
        f"{ROLE}: Tags[2].Value",
        f"{ROLE}: PermissionsBoundary",
    ]


def test_what_only_fn_sub_puts_together_is_refused_as_well() -> None:
    """The export writes `${` as `${!` where Fn::Sub reads it, which takes the mark out again."""
    of = request(service_accounts=(f"${RESOLVED}",))

    with pytest.raises(Problems) as caught:
        exported(CASES["private with an identity"], (of,))

    assert [problem.where for problem in caught.value.problems] == [f"{ROLE}: AssumeRolePolicyDocument.Fn::Sub"]


@pytest.mark.parametrize("text", ["arn:aws:s3:::{{a}}/{resolve:b}", "arn:aws:s3:::${aws:PrincipalTag/team}"])
def test_texts_that_cloudformation_leaves_alone_are_exported_as_they_are(text: str) -> None:
    assert text in exported(CASES["public"], (asking(resource=text),)).main.text


def test_what_is_there_can_be_imported() -> None:
    made = exported(CASES["private and there"])
    listed = json.loads(beside(made)["import-resources.json"])
    kept = json.loads(beside(made)["import-template.json"])

    assert {one["LogicalResourceId"]: one["ResourceIdentifier"] for one in listed} == {
        "Bucket": {"BucketName": "demo-oidc"},
        "BucketPolicy": {"Bucket": "demo-oidc"},
        "OriginAccessIdentity": {"Id": "E1"},
        "Distribution": {"Id": "D1"},
        "IdentityProvider": {"Arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{FRONT}"},
        "RoleOpenshiftMachineApiAwsCloudCredentials": {"RoleName": "demo-openshift-machine-api-aws-cloud-credentials"},
    }
    assert set(kept) == {"AWSTemplateFormatVersion", "Resources"}
    assert {one["DeletionPolicy"] for one in kept["Resources"].values()} == {"Retain"}
    assert any("have to be imported" in note or "has to import" in note for note in made.notes)


def test_what_refers_to_something_that_is_missing_is_not_imported_yet() -> None:
    """Roles of a set-up whose distribution is gone: their trust policies need the new one's name."""
    found = replace(EMPTY, roles={one.name: one for one in [role(settings(), host=FRONT)]})

    made = exported(({"private": True}, found))

    assert json.loads(beside(made)["import-resources.json"]) == []


def test_the_documents_stand_beside_it_with_what_publishes_them() -> None:
    made = beside(exported(CASES["public"]))

    document = json.loads(made["documents/.well-known/openid-configuration"])
    assert document["issuer"] == f"https://{HOST}"
    assert json.loads(made["documents/keys.json"])["keys"][0]["kid"] == KEY.kid
    assert "publish.sh" in made


@every_case
def test_shellcheck_has_nothing_to_say_of_the_script(case: Case, tmp_path: Path) -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed: the script is not linted")
    text = beside(exported(case)).get("publish.sh", "#!/bin/sh\n")
    (tmp_path / "publish.sh").write_text(text)

    assert subprocess.run([tool, tmp_path / "publish.sh"], capture_output=True, text=True, check=False).stdout == ""


def test_the_script_wants_the_name_of_a_stack(tmp_path: Path) -> None:
    script = tmp_path / "publish.sh"
    script.write_text(beside(exported(CASES["public"]))["publish.sh"])

    done = subprocess.run(["bash", script], env=dict(os.environ), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "usage: publish.sh STACK\n")


def test_a_large_template_says_that_it_goes_through_a_bucket() -> None:
    many = tuple(request("openshift-ingress", f"cloud-{number}") for number in range(60))

    assert any("51,200 bytes" in note for note in exported(CASES["public"], many).notes)
    assert not any("51,200 bytes" in note for note in exported(CASES["public"]).notes)


def test_secrets_that_read_alike_get_ids_of_their_own() -> None:
    pairs = [("a-b", "c"), ("a", "b-c"), ("a", "d")]
    made = logical_ids(SecretRef(namespace=namespace, name=name) for namespace, name in pairs)

    assert len(set(made.values())) == 3
    assert list(made.values())[2] == "RoleAD"
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in made.values())


@pytest.mark.parametrize("account", [public_account(), private_account(OriginAccess.OAC)], ids=["public", "private"])
def test_everything_that_is_there_is_still_in_it(account: Account) -> None:
    """A template from which something is missing deletes it."""
    empty = body_of(({"private": account.distribution is not None, "access": OriginAccess.OAC}, EMPTY))
    there = body_of(({}, account))

    assert set(there["Resources"]) == set(empty["Resources"])


@pytest.mark.parametrize("release", ["4.12", "4.18"])
def test_the_requests_of_real_releases_pass_in_every_format(shared: Path, release: str) -> None:
    requests = select(load(shared / "credrequests" / release), enable_tech_preview=True).requests
    everything = whole(settings(private=True), requests, KEY, EMPTY)

    assert [said for said in findings(template(everything).main.text) if not said.startswith("W2511")] == []
    for kind, _, arguments in resources(json.loads(terraform(everything).main.text)):
        check(kind, {name: value for name, value in arguments.items() if name not in META}, ARGUMENTS[kind])
