"""What others do while a command runs, and what may not be seen, is never taken for what the command did or wants."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.migration import Side
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.lab.accounts import ACCOUNT
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows import aws_delete
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.workflows import migrating
from tests.workflows.commands import Cli, client, inventory, write_requests
from tests.workflows.migrating import OLD, World
from tests.workflows.test_aws_permissions import DOCUMENTED, PRIVATE
from tests.workflows.traffic import components_of, traffic

THERE = "migrate-to-private-bucket"
ROLE = "demo-openshift-machine-api-aws-cloud-credentials"
PUBLIC_HOST = "demo-oidc.s3.us-east-1.amazonaws.com"
WITHOUT_CLOUDFRONT = [
    *(action for action in DOCUMENTED if not action.startswith("cloudfront:")),
    "iam:UpdateAssumeRolePolicy",
]

AsUser = Callable[[Mapping[str, str]], Cli]


@pytest.fixture
def options(requests_dir: Path, key_pair: Path, tmp_path: Path) -> list[str]:
    out = tmp_path / "out"
    shutil.copytree(key_pair, out)
    return [
        *("--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)),
        *("--output-dir", str(out)),
    ]


@pytest.fixture
def world(requests_dir: Path, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with migrating.world(requests_dir, key_pair, tmp_path, monkeypatch) as made:
        yield made


def unheard(monkeypatch: pytest.MonkeyPatch, operation: str, meanwhile: Callable[[Call], object]) -> None:
    """The first call of an operation never arrives; its caller sees no answer, and others act meanwhile."""
    real, first = AwsCloud.perform, [True]

    def perform(self: AwsCloud, call: Call) -> Answer:
        if call.operation == operation and first:
            first.clear()
            meanwhile(call)
            raise CloudError("the connection was reset", kind=ErrorKind.TRANSIENT, code="ConnectionError")
        return real(self, call)

    monkeypatch.setattr(AwsCloud, "perform", perform)


def trusted(aws: EmbeddedAws, role: str = ROLE) -> list[str]:
    """The issuers that a role trusts."""
    document = client(aws, "iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return sorted(one["Principal"]["Federated"].partition("oidc-provider/")[2] for one in document["Statement"])


@pytest.mark.parametrize("phase", ["prepare", pytest.param("finish", marks=pytest.mark.long)])
def test_a_distribution_that_somebody_else_changed_is_not_taken_for_changed_by_us(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def cheaper(_call: Call) -> None:
        front = client(world.aws, "cloudfront")
        [item] = front.list_distributions()["DistributionList"]["Items"]
        seen = front.get_distribution_config(Id=item["Id"])
        config = {**seen["DistributionConfig"], "PriceClass": "PriceClass_100"}
        front.update_distribution(Id=item["Id"], IfMatch=seen["ETag"], DistributionConfig=config)

    to = Side.PUBLIC if phase == "prepare" else Side.PRIVATE
    world.create(to.other)
    components = components_of(world.requests_dir)
    with traffic(world.aws, tmp_path / "pods", components, world.cluster.token, clock=world.clock) as pods:
        if phase == "finish":
            assert world.run(to)
            pods.settle()
            pods.later(OLD)
        unheard(monkeypatch, "UpdateDistribution", cheaper)
        with pytest.raises(AssertionError, match="Somebody else changed it meanwhile"):
            world.run(to, finish=phase == "finish", with_cluster=phase == "finish")
        pods.settle()
        pods.later(OLD)
    assert pods.failures == []


def test_a_role_that_somebody_else_made_while_no_answer_came_is_not_taken_for_ours(
    cli: Cli, common: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = client(cli.aws, "iam")
    unheard(monkeypatch, "CreateRole", lambda call: iam.create_role(**{**call.parameters, "Tags": []}))

    done = cli("create-all", *common, code=1)

    assert "EntityAlreadyExists" in done.err
    untagged = [
        role["RoleName"]
        for role in iam.list_roles()["Roles"]
        if not iam.get_role(RoleName=role["RoleName"])["Role"].get("Tags")
    ]
    assert len(untagged) == 1
    assert iam.list_role_policies(RoleName=untagged[0])["PolicyNames"] == []


def test_who_may_not_list_distributions_does_not_end_a_migration_by_creating_again(
    enforcing_aws: EmbeddedAws, as_user: AsUser, options: list[str]
) -> None:
    administrator = as_user(enforcing_aws.environment())
    administrator("create-all", *options)
    administrator(THERE, *options)
    before = trusted(enforcing_aws)
    assert len(before) == 2

    done = as_user(enforcing_aws.user("other", actions=WITHOUT_CLOUDFRONT))("create-all", *options, code=1)

    assert "a migration is under way" in done.err
    assert trusted(enforcing_aws) == before


def test_who_may_not_list_distributions_publishes_no_key_for_one_issuer_of_two(
    enforcing_aws: EmbeddedAws, as_user: AsUser, options: list[str], tmp_path: Path
) -> None:
    administrator = as_user(enforcing_aws.environment())
    administrator("create-all", *options)
    administrator(THERE, *options)
    new = create_key_pair(tmp_path / "new", bits=2048)

    other = as_user(enforcing_aws.user("other", actions=WITHOUT_CLOUDFRONT))
    done = other(
        *("rotate-signing-key", "--name", "demo", "--region", "us-east-1", "--public-key-file", str(new.public.path)),
        code=1,
    )

    assert "its bucket holds the documents of a second issuer" in done.err
    keys = client(enforcing_aws, "s3").get_object(Bucket="demo-oidc", Key="keys.json")["Body"].read()
    assert str(new.kid).encode() not in keys


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[[str], list[str]]:
    """The options of a cluster that shares an issuer."""
    requests = write_requests(tmp_path / "requests", "openshift-machine-api/cloud")

    def of(name: str) -> list[str]:
        out = tmp_path / name
        if not out.exists():
            create_key_pair(out, bits=2048)
        return [
            *("--name", name, "--region", "us-east-1", "--credentials-requests-dir", str(requests)),
            *("--output-dir", str(out), "--shared-issuer", "fleet"),
        ]

    return of


@pytest.mark.parametrize("missing", ["s3:GetObjectTagging", "s3:GetBucketTagging"])
def test_a_shared_distribution_stays_where_it_cannot_be_seen_whom_it_serves(
    enforcing_aws: EmbeddedAws, as_user: AsUser, cluster: Callable[[str], list[str]], missing: str
) -> None:
    as_user(enforcing_aws.environment())("create-all", *cluster("one"))
    actions = [action for action in (*DOCUMENTED, *PRIVATE) if action != missing]

    other = as_user(enforcing_aws.user("other", actions=actions))
    done = other("delete", "--name", "fleet", "--region", "us-east-1", "--yes", code=1)

    assert "whom it serves cannot be seen" in done.out + done.err
    assert len(inventory(enforcing_aws)["distributions"]) == 1


def test_a_cluster_that_joins_a_shared_issuer_while_its_deletion_asks_keeps_its_distribution(
    cli: Cli, cluster: Callable[[str], list[str]]
) -> None:
    cli("create-all", *cluster("one"))
    cli("delete", "--name", "one", "--region", "us-east-1", "--shared-issuer", "fleet", "--yes")
    settings, cloud = aws_delete.check("fleet", "us-east-1"), AwsCloud(Connection(region="us-east-1"))
    prepared = aws_delete.prepare(settings, cloud)
    cli("create-all", *cluster("two"))

    done = aws_delete.carry_out(prepared, cloud, settings)

    assert done.left
    assert len(inventory(cli.aws)["distributions"]) == 1


def test_an_upgrade_is_not_finished_while_roles_trust_two_issuers(cli: Cli, options: list[str]) -> None:
    cli("create-all", *options)
    cli(THERE, *options)
    before = trusted(cli.aws)
    one = next(arn for arn in inventory(cli.aws)["providers"] if "cloudfront" in arn)
    cli("upgrade", "prepare", *options, "--identity-provider-arn", one)

    done = cli("upgrade", "finish", *options, "--identity-provider-arn", one, "--yes", code=1)

    assert "Finish or roll back the migration first" in done.err
    assert trusted(cli.aws) == before


def test_an_issuer_that_only_others_roles_trust_is_not_taken_away_unasked(
    cli: Cli, options: list[str], requests_dir: Path
) -> None:
    own = {"--credentials-requests-dir", str(requests_dir)}
    cli("create-identity-provider", *(option for option in options if option not in own))
    document = {"Version": "2012-10-17", "Statement": [_workload(PUBLIC_HOST)]}
    iam = client(cli.aws, "iam")
    iam.create_role(RoleName="shop-cart", AssumeRolePolicyDocument=json.dumps(document))
    cli(THERE, *options)
    private = next(arn for arn in inventory(cli.aws)["providers"] if "cloudfront" in arn).partition("provider/")[2]
    document["Statement"] = [_workload(PUBLIC_HOST), _workload(private)]
    iam.update_assume_role_policy(RoleName="shop-cart", PolicyDocument=json.dumps(document))

    cli(THERE, *options)

    assert any(PUBLIC_HOST in arn for arn in inventory(cli.aws)["providers"])


def _workload(host: str) -> dict[str, Any]:
    """Lets a workload of the cluster in, with tokens of an issuer."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": "system:serviceaccount:shop:cart"}},
    }


def test_a_role_that_lets_somebody_else_in_meanwhile_is_not_overwritten(
    cli: Cli, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("create-all", *options)
    iam = client(cli.aws, "iam")
    real, first = AwsCloud.perform, [True]

    def perform(self: AwsCloud, call: Call) -> Answer:
        if call.operation == "CreateDistributionWithTags" and first:  # which takes minutes, while others work
            first.clear()
            document = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
            document["Statement"].append(_workload(PUBLIC_HOST))
            iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))
        return real(self, call)

    monkeypatch.setattr(AwsCloud, "perform", perform)

    done = cli(THERE, *options, code=1)

    assert "Somebody else changed it meanwhile" in done.err
    assert len(trusted(cli.aws)) == 2
    cli(THERE, *options)
    assert len(trusted(cli.aws)) == 4
