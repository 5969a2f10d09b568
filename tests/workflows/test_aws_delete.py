"""Deleting: only what is ours, in an order that breaks nothing, and a list of what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.engine.call import Answer, Call, Value
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.lab.operations import is_changing
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows import aws_delete
from tests.workflows.commands import NOTHING, Cli, changing, client, inventory

NAMES = ["--name", "demo", "--region", "us-east-1"]
NOTHING_ALLOWED = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
ROLE = "demo-openshift-machine-api-aws-cloud-credentials"


def test_defect_6_roles_go_first_then_the_provider_then_the_documents(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    before = len(changing(cli.aws))
    cli("delete", *NAMES)
    order = [call.rsplit(":", 1)[1] for call in changing(cli.aws)[before:]]

    last_role = max(number for number, call in enumerate(order) if call == "DeleteRole")
    provider = order.index("DeleteOpenIDConnectProvider")
    assert last_role < provider < order.index("DeleteObject") < order.index("DeleteBucket")


def test_defect_6_the_tags_value_counts(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    client(cli.aws, "iam").tag_role(
        RoleName=ROLE, Tags=[{"Key": "openshift.io/cloud-credential-operator/demo", "Value": "shared"}]
    )
    cli("delete", *NAMES)

    assert inventory(cli.aws)["roles"] == [ROLE]


def test_names_that_only_begin_alike_are_left_alone(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    iam = client(cli.aws, "iam")
    iam.create_role(RoleName="demo-of-somebody-else", AssumeRolePolicyDocument="{}")
    cli("create-all", *common, "--name", "demo-2")
    cli("delete", *NAMES)

    left = inventory(cli.aws)
    assert "demo-of-somebody-else" in left["roles"]
    assert left["buckets"] == ["demo-2-oidc"]
    assert len(left["roles"]) == 3
    assert len(left["providers"]) == 1


def test_defect_34_foreign_objects_are_listed_and_kept(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    client(cli.aws, "s3").put_object(Bucket="demo-oidc", Key="mine.txt", Body=b"kept")

    left = cli("delete", *NAMES, code=1)
    told = cli("delete", *NAMES, "--output", "json", code=1).json

    assert "object demo-oidc/mine.txt: it does not carry the tag" in left.err
    assert {item["where"] for item in told["left"]} == {"object demo-oidc/mine.txt", "bucket demo-oidc"}
    assert inventory(cli.aws) == {**NOTHING, "buckets": ["demo-oidc"]}


def test_defect_34_policies_that_others_attached_do_not_hinder(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    iam = client(cli.aws, "iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=NOTHING_ALLOWED)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    iam.put_role_policy(RoleName=ROLE, PolicyName="extra", PolicyDocument=NOTHING_ALLOWED)

    cli("delete", *NAMES)
    assert inventory(cli.aws) == NOTHING


def test_a_bucket_that_is_not_ours_is_left_and_said(cli: Cli) -> None:
    client(cli.aws, "s3").create_bucket(Bucket="demo-oidc")

    assert "bucket demo-oidc: it does not carry the tag" in cli("delete", *NAMES, code=1).err
    assert inventory(cli.aws)["buckets"] == ["demo-oidc"]


def test_a_dry_run_shows_and_deletes_nothing(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    before = len(changing(cli.aws))
    shown = cli("delete", *NAMES, "--dry-run")

    assert "- bucket demo-oidc\n    delete .well-known/openid-configuration" in shown.out
    assert len(changing(cli.aws)) == before


def test_defect_32_only_roles_of_our_prefix_are_read(cli: Cli, common: list[str]) -> None:
    iam = client(cli.aws, "iam")
    for number in range(120):
        iam.create_role(RoleName=f"foreign-{number:03}", AssumeRolePolicyDocument="{}")
    cli("create-all", *common)
    before = len(cli.aws.calls())
    cli("delete", *NAMES)
    asked = [call.operation for call in cli.aws.calls()[before:]]

    assert asked.count("GetRole") == 2
    assert asked.count("ListRoles") == 2, "before anything is deleted, and after"


def test_half_a_deletion_is_finished_by_the_next(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common, "--create-private-s3-bucket")
    client(cli.aws, "s3").delete_object(Bucket="demo-oidc", Key="keys.json")
    iam = client(cli.aws, "iam")
    iam.delete_role_policy(RoleName=ROLE, PolicyName=ROLE)
    iam.delete_role(RoleName=ROLE)

    cli("delete", *NAMES)
    assert inventory(cli.aws) == NOTHING


@pytest.mark.parametrize("name", ["Demo", "de.mo", ""])
def test_names_that_cannot_be_are_refused_before_any_call(cli: Cli, name: str) -> None:
    cli("delete", "--name", name, "--region", "us-east-1", code=1)
    assert cli.aws.calls() == ()


def test_defect_32_what_may_not_be_seen_does_not_hinder_the_rest(
    enforcing_aws: EmbeddedAws, as_user: Callable[[Mapping[str, str]], Cli], common: list[str]
) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:GetRole", "Resource": "arn:aws:iam::*:role/demo-secret"},
        ],
    }
    cli = as_user(enforcing_aws.user("installer", document=document))
    cli("create-all", *common)
    client(enforcing_aws, "iam").create_role(RoleName="demo-secret", AssumeRolePolicyDocument="{}")

    left = cli("delete", *NAMES, code=1)

    assert "role demo-secret: whether it is ours cannot be seen" in left.err
    assert inventory(enforcing_aws) == {**NOTHING, "roles": ["demo-secret"]}


class Forgetful:
    """An AWS that acts on its first UpdateDistribution, and whose answer to it is lost."""

    def __init__(self, cloud: AwsCloud) -> None:
        self.cloud = cloud
        self.lost = 0

    def perform(self, call: Call) -> Answer:
        answer = self.cloud.perform(call)
        if call.operation == "UpdateDistribution" and not self.lost:
            self.lost += 1
            raise CloudError("the connection was reset", kind=ErrorKind.TRANSIENT, operation=call.name)
        return answer


def test_a_distribution_that_was_disabled_though_nobody_heard_of_it_is_deleted(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common, "--create-private-s3-bucket")
    cloud = Forgetful(AwsCloud(Connection(region="us-east-1")))
    settings = aws_delete.check("demo", "us-east-1")
    done = aws_delete.carry_out(aws_delete.prepare(settings, cloud), cloud, settings)

    assert (cloud.lost, done.left) == (1, ())
    assert inventory(cli.aws) == NOTHING


@dataclass
class Busy:
    """A cloud in which somebody else makes another role of the set-up while its provider is deleted."""

    cloud: AwsCloud
    tags: Sequence[Mapping[str, str]]

    def perform(self, call: Call) -> Answer:
        if call.operation == "DeleteOpenIDConnectProvider":
            parameters: dict[str, Value] = {
                "RoleName": "demo-late",
                "AssumeRolePolicyDocument": "{}",
                "Tags": tuple(self.tags),
            }
            self.cloud.perform(Call(service="iam", operation="CreateRole", parameters=parameters))
        return self.cloud.perform(call)


def test_what_somebody_made_during_the_deletion_is_told(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    tags = client(cli.aws, "iam").list_role_tags(RoleName=inventory(cli.aws)["roles"][0])["Tags"]
    cloud, settings = Busy(AwsCloud(Connection(region="us-east-1")), tags), aws_delete.check("demo", "us-east-1")
    done = aws_delete.carry_out(aws_delete.prepare(settings, cloud), cloud, settings)

    assert done.result.ok
    assert [(problem.where, problem.what) for problem in done.left] == [
        ("role demo-late", "somebody made it during the deletion; run the command again")
    ]


def test_an_account_that_cannot_be_looked_at_again_is_no_success(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    cloud, settings = AwsCloud(Connection(region="us-east-1")), aws_delete.check("demo", "us-east-1")
    prepared = aws_delete.prepare(settings, cloud)
    done = aws_delete.carry_out(prepared, Blind(cloud), settings)

    assert inventory(cli.aws) == NOTHING
    assert [problem.what for problem in done.left] == [
        "whether more was made meanwhile cannot be seen: no more looking"
    ]


@dataclass
class Blind:
    """A cloud that changes what it is told to and answers no question."""

    cloud: AwsCloud

    def perform(self, call: Call) -> Answer:
        if not is_changing(call.operation):
            raise CloudError("no more looking", kind=ErrorKind.DENIED, operation=call.name)
        return self.cloud.perform(call)
