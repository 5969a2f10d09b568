"""A plan as the files of a dry run."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ccoctl.aws.dry_run import TAGS_SUFFIX, DryFile, dry_run_files, file_names
from ccoctl.aws.plans import Drawn, all_of_it
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.engine.call import Call
from ccoctl.errors import Problems
from tests.aws.builders import KEY, request, settings

REQUESTS = (
    request("openshift-machine-api", "aws-cloud-credentials"),
    request("openshift-cloud-credential-operator", "cloud-credential-operator-iam-ro-creds"),
)
MODES: dict[str, dict[str, Any]] = {
    "public": {},
    "private with an identity": {"private": True},
    "private with a control": {"private": True, "access": OriginAccess.OAC},
}
OWNED = [
    {"Key": "openshift.io/cloud-credential-operator/demo", "Value": "owned"},
    {"Key": "Name", "Value": "demo"},
]


def drawn(**options: Any) -> Drawn:
    """The plan of everything in an account of which nothing is known."""
    return all_of_it(settings(**options), REQUESTS, KEY, Account())


def files(**options: Any) -> dict[str, DryFile]:
    """The dry run's files by name."""
    made = drawn(**options)
    file_of = file_names("demo", made.roles, private=made.private)
    return {str(file.path): file for file in dry_run_files(made.plan, file_of)}


def test_a_public_set_up_has_the_go_tools_files_and_those_that_it_forgets() -> None:
    assert list(files()) == [
        "01-oidc-bucket.json",
        "01-oidc-bucket-tags.json",
        "02-openid-configuration",
        "01-oidc-bucket-public-access-block.json",
        "01-oidc-bucket-policy.json",
        "03-keys.json",
        "04-iam-identity-provider.json",
        "04-iam-identity-provider-tags.json",
        "05-0-demo-openshift-machine-api-aws-cloud-credentials-role.json",
        "06-0-demo-openshift-machine-api-aws-cloud-credentials-policy.json",
        "05-1-demo-openshift-cloud-credential-operator-cloud-credential-operator-iam-ro-creds-role.json",
        "06-1-demo-openshift-cloud-credential-operator-cloud-credential-operator-iam-ro-creds-policy.json",
        "manifests/cluster-authentication-02-config.yaml",
        "manifests/openshift-machine-api-aws-cloud-credentials-credentials.yaml",
        "manifests/openshift-cloud-credential-operator-cloud-credential-operator-iam-ro-creds-credentials.yaml",
    ]


def test_a_private_set_up_has_the_files_of_cloudfront() -> None:
    added = set(files(private=True)) - set(files())

    assert added == {
        "05-cloudfront-origin-access-identity.json",
        "06-put-bucket-policy-to-allow-origin-access-identity.json",
        "07-block-public-access-to-oidc-bucket.json",
        "08-cloudfront-distribution.json",
        "08-cloudfront-distribution-tags.json",
    }


def test_defect_25_a_role_trusts_the_issuer_that_is_known() -> None:
    role = json.loads(files()["05-0-demo-openshift-machine-api-aws-cloud-credentials-role.json"].text)
    trust = json.loads(role["AssumeRolePolicyDocument"])

    assert trust["Statement"][0]["Condition"]["StringEquals"] == {
        "demo-oidc.s3.us-east-1.amazonaws.com:sub": ["system:serviceaccount:openshift-machine-api:controllers"]
    }


def test_what_only_aws_knows_is_a_placeholder() -> None:
    made = files(private=True)

    assert json.loads(made["02-openid-configuration"].text)["issuer"] == "<enter_cloudfront_distribution_url_here>"
    assert (
        "<enter_identity_provider_arn_here>"
        in made["05-0-" + "demo-openshift-machine-api-aws-cloud-credentials-role.json"].text
    )
    assert "role_arn = \n" in made["manifests/openshift-machine-api-aws-cloud-credentials-credentials.yaml"].text


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_the_tags_that_the_go_tool_does_not_write_down_have_files_of_their_own(options: dict[str, Any]) -> None:
    made = files(**options)

    assert json.loads(made["04-iam-identity-provider-tags.json"].text) == OWNED
    assert "Tags" not in json.loads(made["04-iam-identity-provider.json"].text)
    if options.get("private"):
        request = json.loads(made["08-cloudfront-distribution.json"].text)["DistributionConfigWithTags"]
        assert request["Tags"] == {"Items": [{"Key": "Name", "Value": "demo"}]}
        assert json.loads(made["08-cloudfront-distribution-tags.json"].text) == {"Items": OWNED}


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_every_request_is_one_that_aws_takes(options: dict[str, Any]) -> None:
    """Each file names only parameters of its operation, all of the required ones, each of the right type."""
    plan = drawn(**options).plan
    by_step = {step.id: step.work for step in plan.steps}
    session, seen = botocore.session.Session(), 0
    for name, file in files(**options).items():
        call = by_step[file.step]
        if (
            not isinstance(call, Call)
            or not name.endswith(".json")
            or name.endswith(TAGS_SUFFIX)
            or name == "03-keys.json"
        ):
            continue
        model = session.get_service_model(call.service).operation_model(call.operation)
        report = ParamValidator().validate(json.loads(file.text), model.input_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        seen += 1
    assert seen >= 8


def test_files_are_text_that_ends_with_a_line() -> None:
    assert all(file.text.endswith("\n") and file.mode == 0o644 for file in files(private=True).values())
    assert all(not PurePosixPath(name).is_absolute() for name in files())


def test_a_file_that_no_file_system_can_name_is_refused_before_any_is_written() -> None:
    made = all_of_it(settings(), (request("n" * 63, "s" * 174),), KEY, Account())
    with pytest.raises(Problems, match="no file has a name of more than 255 characters"):
        dry_run_files(made.plan, file_names("demo", made.roles, private=made.private))
