"""Bugs that the Go tool had and has fixed, each by its number; those of a life cycle stand with their commands.

Source: the Git log and the tracker of the cloud-credential-operator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws import desired, manifests, names, policy
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.deletion import deletion
from ccoctl.aws.desired import Issuer
from ccoctl.aws.observe import role_candidates
from ccoctl.aws.observe_cloudfront import find_distribution
from ccoctl.aws.partition import partition_of
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Account, Distribution
from ccoctl.engine.call import Answer, Call
from tests.aws.builders import ACCOUNT, KEY, REQUEST, public_account, request, role, settings


def calls(found: Account, **options: Any) -> list[Call]:
    """The calls of a creation."""
    plan = all_of_it(settings(**options), (REQUEST,), KEY, found).plan
    return [step.work for step in plan.steps if isinstance(step.work, Call)]


def test_bz_1967531_delete_removes_roles() -> None:
    plan = deletion("demo", "demo-oidc", public_account()).plan

    assert f"role/{role(settings()).name}/delete" in [step.id for step in plan.steps]


def test_bz_1970062_the_aws_configuration_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-central-1\n")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    assert AwsCloud(Connection(fallback_region="us-east-1"))._region == "eu-central-1"  # what its clients are made with


def test_pull_491_secrets_tell_sdks_to_ask_the_regional_sts() -> None:
    assert "sts_regional_endpoints = regional" in str(manifests.secret(REQUEST, role(settings())).content)


def test_ocpbugs_11671_nothing_is_made_public_by_an_acl() -> None:
    made = calls(Account(id=ACCOUNT))
    by_name = {call.operation: call.parameters for call in made}

    assert all(call.parameters.get("ACL", "private") == "private" for call in made)
    assert by_name["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }


@pytest.mark.parametrize(
    ("region", "partition", "issuer"),
    [
        ("us-east-1", "aws", "https://demo-oidc.s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "https://demo-oidc.s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "https://demo-oidc.s3.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "https://demo-oidc.s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_ocpbugs_13549_13597_cors_4361_partition_and_suffix_are_those_of_the_region(
    region: str, partition: str, issuer: str
) -> None:
    wanted = settings(region=region)
    public = desired.bucket(wanted).policy

    assert isinstance(public, policy.Policy)
    assert public.document["Statement"][0]["Resource"] == [f"arn:{partition}:s3:::demo-oidc/*"]
    assert Issuer(host=wanted.bucket_host).url == issuer
    assert partition_of(region).id == partition


def test_ocpbugs_62184_an_endpoint_of_one_service_is_not_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "https://iam.example.com")
    cloud = AwsCloud(Connection(region="eu-west-1"))

    found = {service: cloud._client(service).meta.endpoint_url for service in ("iam", "s3", "cloudfront")}
    assert found["iam"] == "https://iam.example.com"
    assert found["s3"] == "https://s3.eu-west-1.amazonaws.com"
    assert found["cloudfront"] == "https://cloudfront.amazonaws.com"


PAGES: Mapping[str, Mapping[str, Answer]] = {
    "ListRoles": {
        "": {"Roles": [{"RoleName": "demo-one"}, {"RoleName": "other"}], "IsTruncated": True, "Marker": "next"},
        "next": {"Roles": [{"RoleName": "demo-two"}], "IsTruncated": False},
    },
    "ListDistributions": {
        "": {"DistributionList": {"Items": [{"Id": "D0", "Comment": "another"}], "NextMarker": "next"}},
        "next": {"DistributionList": {"Items": [{"Id": "D1", "Comment": names.comment("demo")}]}},
    },
}


def paged(call: Call) -> Answer:
    """An account whose lists have two pages each."""
    if call.operation in PAGES:
        return PAGES[call.operation][str(call.parameters.get("Marker", ""))]
    if call.operation == "GetDistribution":
        assert call.parameters["Id"] == "D1"
        config = {"Origins": {"Items": [{"DomainName": "demo-oidc.s3.us-east-1.amazonaws.com"}]}, "Enabled": True}
        return {"Distribution": {"Id": "D1", "ARN": "arn", "DistributionConfig": config}}
    return {"Tags": {"Items": []}}


def test_ocpbugs_63561_the_second_page_is_read_too() -> None:
    with ThreadPoolExecutor(2) as pool:
        asked = Reader(paged, pool)

        assert role_candidates(asked, "demo") == ("demo-one", "demo-two")
        found = find_distribution(asked, settings())
    assert isinstance(found, Distribution)
    assert found.id == "D1"


def test_pull_762_what_blocks_public_access_is_valid_json() -> None:
    private = {call.operation: call.parameters for call in calls(Account(id=ACCOUNT), private=True)}
    blocked = private["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"]

    assert json.loads(json.dumps(blocked)) == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )


def test_pull_364_a_role_that_exists_gets_new_permissions() -> None:
    account = public_account()
    old = replace(role(settings()), permissions=policy.permissions(()))
    changed = calls(replace(account, roles={old.name: old}))

    assert [call.operation for call in changed if call.operation.startswith("Put")] == ["PutRolePolicy"]


def test_cco_335_a_secret_is_written_for_a_role_that_exists() -> None:
    plan = all_of_it(settings(), (request(),), KEY, public_account()).plan

    assert f"file/{manifests.secret_path(REQUEST.secret)}" in [step.id for step in plan.steps]
