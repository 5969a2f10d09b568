"""A set-up, its cluster and its pods, and the commands of a migration on them: by one clock that a test moves."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws import policy
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.migration import UNUSED_SINCE, Side
from ccoctl.aws.resources import OriginAccess
from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Call
from ccoctl.engine.plan import State
from ccoctl.lab.asked import is_changing
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from ccoctl.workflows import aws_create, aws_migrate
from ccoctl.workflows.aws_migrate import Looked
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.workflows.commands import client
from tests.workflows.mortal import MortalCloud
from tests.workflows.traffic import Clock, components_of

DAY = 86400
OLD = 25 * 3600
"""Seconds after which no token can be alive, the roll-out of the API servers included."""
NAME = "demo"


def is_change(call: Call) -> bool:
    """True for a call that changes the account or the cluster."""
    if call.service in {"tls", "issuer", "token"} or call.operation == "AssumeRoleWithWebIdentity":
        return False
    return call.operation == "SetIssuer" if call.service == "kubernetes" else is_changing(call.operation)


@dataclass
class _Waiting:
    """The engine's clock: a pause lets that much time go by in the lab."""

    clock: Clock

    def now(self) -> float:
        return self.clock.now

    def pause(self, seconds: float, stop: threading.Event) -> None:
        del stop
        self.clock.now += seconds


@dataclass
class World:
    """All of it. Commands are run as a user would run them, each anew."""

    aws: EmbeddedAws
    clock: Clock
    cluster: ApiServer
    kubeconfig: Path
    requests_dir: Path
    out: Path
    access: OriginAccess | None = None
    aws_cloud: AwsCloud = field(default_factory=lambda: AwsCloud(Connection(region="us-east-1")))
    """One for all commands, because making its clients is slow."""
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def attempts(self) -> Attempts:
        """Waiting moves the clock of lab and cluster, and takes no time."""
        return Attempts(clock=_Waiting(self.clock))

    def order(self, *, private: bool = False) -> Order:
        return Order(
            part=Part.ALL,
            name=NAME,
            region="us-east-1",
            output_dir=self.out,
            credentials_requests_dir=self.requests_dir,
            private=private,
            access=self.access,
        )

    def create(self, side: Side) -> None:
        """create-all, and a cluster that is installed with its manifests."""
        checked = check(self.order(private=side is Side.PRIVATE))
        prepared = aws_create.prepare(checked, self.aws_cloud)
        made = aws_create.carry_out(prepared, self.aws_cloud, attempts=self.attempts)
        assert made.result.ok, made.result.outcomes
        self.cluster.issuer = made.issuer
        self.cluster.as_openshift()

    def run(
        self,
        to: Side,
        *,
        kill_after: int = 0,
        with_cluster: bool = True,
        rollback: bool = False,
        finish: bool = False,
        unused_since: str = "",
    ) -> bool:
        """One command from its beginning; False when it was killed on its way."""
        order = aws_migrate.Order(base=self.order(), to=to, rollback=rollback, finish=finish, unused_since=unused_since)
        checked = aws_migrate.check(order)
        kubeconfig = self.kubeconfig if with_cluster else None
        with aws_migrate.reaching(checked, self.aws_cloud, self.aws.get(), kubeconfig, clock=self.clock) as at:
            mortal = MortalCloud(at.cloud, (kill_after or 1_000_000) - 1, is_change)
            mine = replace(at, cloud=mortal)
            prepared = aws_migrate.prepare(aws_migrate.look(checked, mine, concurrency=4))
            result = aws_migrate.carry_out(prepared, mine, concurrency=1 if kill_after else 8, attempts=self.attempts)
        problems = [f"{outcome.step.id}: {outcome.error}" for outcome in result.of(State.FAILED)]
        assert mortal.dead or not problems, problems
        return not mortal.dead

    def look(self, to: Side) -> Looked:
        """Where it stands, the cluster asked."""
        checked = aws_migrate.check(aws_migrate.Order(base=self.order(), to=to))
        with aws_migrate.reaching(checked, self.aws_cloud, self.aws.get(), self.kubeconfig, clock=self.clock) as at:
            return aws_migrate.look(checked, at)

    def differences(self) -> list[str]:
        """What create-all would change, were it run now without saying public or private."""
        checked = check(self.order())
        prepared = aws_create.prepare(checked, self.aws_cloud)
        return [] if prepared.drawn.plan.changes_nothing else [step.id for step in prepared.drawn.plan.steps]

    def account(self) -> dict[str, Any]:
        """Everything in the account, as it is; what a migration notes on providers aside."""
        for service in ("iam", "s3", "cloudfront"):
            if service not in self.clients:
                self.clients[service] = client(self.aws, service)
        iam, s3, front = self.clients["iam"], self.clients["s3"], self.clients["cloudfront"]
        arns = [item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        providers = [iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn) for arn in sorted(arns)]
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="demo-oidc").get("Contents", [])]
        fronts = front.list_distributions()["DistributionList"].get("Items", [])
        identities = front.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
        return {
            "providers": [
                (item["Url"], sorted(item["ClientIDList"]), [tag for tag in item["Tags"] if tag["Key"] != UNUSED_SINCE])
                for item in providers
            ],
            "roles": {
                role["RoleName"]: policy.canonical(role["AssumeRolePolicyDocument"])
                for role in iam.list_roles()["Roles"]
            },
            "objects": {key: s3.get_object(Bucket="demo-oidc", Key=key)["Body"].read() for key in keys},
            "policy": policy.canonical(json.loads(s3.get_bucket_policy(Bucket="demo-oidc")["Policy"])),
            "blocked": s3.get_public_access_block(Bucket="demo-oidc")["PublicAccessBlockConfiguration"],
            "fronts": [
                (item["DomainName"], item["Enabled"], item["Status"], item["Origins"]["Items"][0].get("OriginPath", ""))
                for item in fronts
            ],
            "identities": [item["Id"] for item in identities.get("Items", [])],
            "controls": [
                item["Id"] for item in front.list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
            ],
        }


@contextmanager
def world(requests_dir: Path, key_pair: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A lab and a cluster that is about to be installed; its signing key is in the output directory."""
    clock = Clock()
    out = directory / "out"
    shutil.copytree(key_pair, out)
    accounts = frozenset(component.account for component in components_of(requests_dir))
    cluster = ApiServer(load_private_key_file(out / PRIVATE), "", accounts, now=clock)
    with (
        embedded_aws(Conditions(distribution_delay=300.0), clock=clock) as aws,
        serving(cluster, directory / "kubeconfig") as kubeconfig,
    ):
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        yield World(aws, clock, cluster, kubeconfig, requests_dir, out)
