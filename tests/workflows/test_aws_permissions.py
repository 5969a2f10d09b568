"""With exactly the permissions that the OKD documentation grants, everything works; what more costs is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws
from tests.workflows.commands import NOBODY, NOTHING, Cli, changing, client, inventory

DOCUMENTED = [
    *(
        f"iam:{name}"
        for name in (
            "CreateOpenIDConnectProvider",
            "CreateRole",
            "DeleteOpenIDConnectProvider",
            "DeleteRole",
            "DeleteRolePolicy",
            "GetOpenIDConnectProvider",
            "GetRole",
            "GetUser",
            "ListOpenIDConnectProviders",
            "ListRolePolicies",
            "ListRoles",
            "PutRolePolicy",
            "TagOpenIDConnectProvider",
            "TagRole",
        )
    ),
    *(
        f"s3:{name}"
        for name in (
            "CreateBucket",
            "DeleteBucket",
            "DeleteObject",
            "GetBucketAcl",
            "GetBucketTagging",
            "GetObject",
            "GetObjectAcl",
            "GetObjectTagging",
            "ListBucket",
            "PutBucketAcl",
            "PutBucketPolicy",
            "PutBucketPublicAccessBlock",
            "PutBucketTagging",
            "PutObject",
            "PutObjectAcl",
            "PutObjectTagging",
        )
    ),
    *(
        f"cloudfront:{name}"
        for name in ("ListCloudFrontOriginAccessIdentities", "ListDistributions", "ListTagsForResource")
    ),
]
PRIVATE = [
    f"cloudfront:{name}"
    for name in (
        "CreateCloudFrontOriginAccessIdentity",
        "CreateDistribution",
        "DeleteCloudFrontOriginAccessIdentity",
        "DeleteDistribution",
        "GetCloudFrontOriginAccessIdentity",
        "GetCloudFrontOriginAccessIdentityConfig",
        "GetDistribution",
        "TagResource",
        "UpdateDistribution",
    )
]
AsUser = Callable[[Mapping[str, str]], Cli]


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_the_documented_permissions_suffice(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str], private: bool
) -> None:
    mode = ["--create-private-s3-bucket"] if private else []
    cli = as_user(enforcing_aws.user("installer", actions=[*DOCUMENTED, *(PRIVATE if private else [])]))

    first = cli("create-all", *common, *mode, "--output", "json").json
    again = cli("create-all", *common, *mode, "--output", "json").json
    assert first["issuer"] == again["issuer"]
    assert any("iam:GetRolePolicy is not allowed" in note for note in again["notes"])
    assert {action["action"] for action in again["actions"]} == {"rewrite"}

    cli("delete", "--name", "demo", "--region", "us-east-1")
    assert inventory(enforcing_aws) == NOTHING


def _printed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert run(["aws", "required-permissions", *options]) == 0
    statements = json.loads(capsys.readouterr().out)["Statement"]
    return [action for statement in statements for action in statement["Action"]]


@pytest.mark.parametrize(
    "options", [[], ["--create-private-s3-bucket"], ["--create-private-s3-bucket", "--origin-access=oac"]]
)
def test_what_required_permissions_prints_suffices_for_all_of_it(
    enforcing_aws: EmbeddedAws,
    as_user: AsUser,
    common: list[str],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    cli = as_user(enforcing_aws.user("installer", actions=_printed(capsys, *options)))

    cli("create-all", *common, *options)
    assert "Nothing to do" in cli("plan", *common, *options).out
    cli("delete", "--name", "demo", "--region", "us-east-1")
    assert inventory(enforcing_aws) == NOTHING


def test_the_needed_ones_are_among_the_documented(capsys: pytest.CaptureFixture[str]) -> None:
    for options, documented in (([], DOCUMENTED), (["--create-private-s3-bucket"], [*DOCUMENTED, *PRIVATE])):
        assert run(["aws", "required-permissions", *options]) == 0
        needed = json.loads(capsys.readouterr().out)["Statement"][0]
        assert needed["Sid"] == "Needed"
        assert set(needed["Action"]) <= set(documented)


def test_a_scoped_policy_suffices_for_its_name(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["aws", "required-permissions", "--name", "demo"]) == 0
    document = json.loads(capsys.readouterr().out)
    cli = as_user(enforcing_aws.user("installer", document=document))

    cli("create-all", *common)
    # S3 says that there is no such bucket; whose provider it would be IAM does not say
    assert "Allow iam:GetOpenIDConnectProvider" in cli("create-all", *common, "--name", "other", code=1).err
    cli("delete", "--name", "demo", "--region", "us-east-1")


def test_another_clusters_provider_that_may_not_be_seen_is_no_leftover(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["aws", "required-permissions", "--name", "demo"]) == 0
    document = json.loads(capsys.readouterr().out)
    client(enforcing_aws, "iam").create_open_id_connect_provider(
        Url="https://d111111abcdef8.cloudfront.net", ThumbprintList=["A" * 40], ClientIDList=["openshift"]
    )
    cli = as_user(enforcing_aws.user("installer", document=document))
    cli("create-all", *common)
    done = cli("delete", "--name", "demo", "--region", "us-east-1")

    assert "d111111abcdef8.cloudfront.net was not looked at" in done.err


@pytest.mark.parametrize("missing", ["iam:TagRole", "s3:PutObjectTagging", "iam:PutRolePolicy", "s3:CreateBucket"])
def test_an_access_denied_names_the_missing_action(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str], missing: str
) -> None:
    cli = as_user(enforcing_aws.user("installer", actions=[action for action in DOCUMENTED if action != missing]))
    failed = cli("create-all", *common, code=1)

    assert f"Allow {missing}: see `ccoctl aws required-permissions`" in failed.err
    assert "not done: " in failed.err


def test_what_cannot_be_mended_costs_only_that_part(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str]
) -> None:
    from tests.workflows.commands import client

    role = "demo-openshift-machine-api-aws-cloud-credentials"
    cli = as_user(enforcing_aws.user("installer", actions=DOCUMENTED))
    cli("create-all", *common)
    iam = client(enforcing_aws, "iam")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=NOBODY)
    client(enforcing_aws, "s3").delete_object(Bucket="demo-oidc", Key="keys.json")

    failed = cli("create-all", *common, code=1)

    assert "iam:UpdateAssumeRolePolicy" in failed.err
    assert "s3:PutObject" in changing(enforcing_aws)[-8:] or "done: publish keys.json" in failed.err


def test_without_credentials_that_work_it_says_so(
    enforcing_aws: EmbeddedAws, as_user: AsUser, common: list[str]
) -> None:
    cli = as_user({**enforcing_aws.environment(), "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN", "AWS_SECRET_ACCESS_KEY": "x"})

    assert "InvalidClientTokenId" in cli("create-all", *common, code=1).err
