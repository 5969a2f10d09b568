"""A set-up of one release, its cluster and its pods, and the two phases of an upgrade on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.evaluate import Question, decide
from ccoctl.aws.upgrade_policy import covers
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.credentialsrequest.select import select
from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Call
from ccoctl.engine.plan import State
from ccoctl.lab.asked import is_changing
from ccoctl.lab.server import EmbeddedAws
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.workflows import aws_create, aws_upgrade
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.aws_upgrade import Phase
from ccoctl.workflows.create_key_pair import PUBLIC
from ccoctl.workflows.reach import Reach
from tests.openshift.apiserver import ApiServer
from tests.workflows.commands import client
from tests.workflows.mortal import Killed, MortalCloud
from tests.workflows.traffic import Component

NAME = "demo"
_ASKING = ("Get", "List", "LookFor", "Review")


def _changes(call: Call) -> bool:
    return not call.operation.startswith(_ASKING) if call.service == "kubernetes" else is_changing(call.operation)


@dataclass
class World:
    """All of it. Phases are run as a user would run them, each anew."""

    aws: EmbeddedAws
    cluster: ApiServer
    kubeconfig: Path
    keys: Path
    out: Path

    def install(self, requests: Path) -> None:
        """create-all, and a cluster that is installed with its manifests."""
        order = Order(
            part=Part.ALL,
            name=NAME,
            region="us-east-1",
            output_dir=self.out,
            credentials_requests_dir=requests,
            public_key_file=self.keys / PUBLIC,
        )
        self.create_all(order)
        self.cluster.add_files(self.out / "manifests")

    def create_all(self, order: Order) -> None:
        cloud = AwsCloud(Connection(region="us-east-1"))
        made = aws_create.carry_out(aws_create.prepare(check(order), cloud), cloud)
        assert made.result.ok, made.result.outcomes

    def know(self, requests: Path) -> None:
        """Let the cluster know the service accounts of a release."""
        for request in requests_of(requests):
            for account in request.service_accounts:
                self.cluster.add_account(f"{request.secret.namespace}/{account}")

    def run(self, phase: Phase, requests: Path, *, kill_after: int = 0) -> bool:
        """One command from its beginning; False when it was killed on its way."""
        order = Order(
            part=Part.ALL, name=NAME, region="us-east-1", output_dir=self.out, credentials_requests_dir=requests
        )
        version = "4.19" if phase is Phase.PREPARE else ""
        upgrade = aws_upgrade.check(phase, order, target_version=version, in_cluster=True)
        with closing(KubeCluster(self.kubeconfig)) as cluster:
            reach = Reach(AwsCloud(Connection(region="us-east-1")), cluster=cluster)
            mortal = MortalCloud(reach, (kill_after or 1_000_000) - 1, _changes)
            try:
                ready = aws_upgrade.look(upgrade, mortal, concurrency=4)
                done = aws_upgrade.carry_out(ready, mortal, concurrency=1, attempts=Attempts())
            except Killed:
                return False
        problems = [f"{outcome.step.id}: {outcome.error}" for outcome in done.result.of(State.FAILED)]
        assert mortal.dead or not problems, problems
        return not mortal.dead

    def until_done(self, phase: Phase, requests: Path) -> int:
        """Killed after each changing call and run again until nothing is left; how often it was killed."""
        kills = 0
        while not self.run(phase, requests, kill_after=1):
            kills += 1
        return kills

    def components(self, requests: Path) -> list[Component]:
        """The service accounts of a release, each with the role that its Secret in the cluster names."""
        return [
            Component(account=f"{request.secret.namespace}/{account}", role_arn=self.role_arn(request))
            for request in requests_of(requests)
            for account in request.service_accounts
        ]

    def role_arn(self, request: CredentialsRequest) -> str:
        profile = self.cluster.secret(request.secret.namespace, request.secret.name)["credentials"]
        (line,) = [line for line in profile.splitlines() if "role_arn" in line]
        return line.partition("=")[2].strip()

    def not_allowed(self, requests: Path) -> list[str]:
        """What a release asks for and its roles may not do, by the policies in the account."""
        return [
            f"{request.secret}: {action}"
            for request, document in self.policies(requests)
            for statement in request.spec.statements
            for action in statement.actions
            if not _allows(document, action, statement.resource, statement.condition)
        ]

    def more_than(self, requests: Path) -> list[str]:
        """The actions that roles may do although their requests do not ask for them."""
        found = []
        for request, document in self.policies(requests):
            asked = [action for statement in request.spec.statements for action in statement.actions]
            for statement in document["Statement"]:
                found += [one for one in statement["Action"] if not any(covers(pattern, one) for pattern in asked)]
        return found

    def policies(self, requests: Path) -> list[tuple[CredentialsRequest, dict[str, Any]]]:
        """Each request with what its role may do."""
        iam = client(self.aws, "iam")
        roles = [(request, self.role_arn(request).rpartition("/")[2]) for request in requests_of(requests)]
        return [
            (request, iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]) for request, role in roles
        ]


def _allows(document: object, action: str, resource: str, condition: Mapping[str, Any]) -> bool:
    """Whether one thing that a pattern stands for may be done."""
    context = {key.lower(): tuple(_texts(value)) for keys in condition.values() for key, value in keys.items()}
    target = "arn:aws:any:::thing" if resource == "*" else resource.replace("*", "thing")
    question = Question(action=action.replace("*", "Anything"), resource=target, context=context)
    return decide([document], question).allowed


def requests_of(directory: Path) -> tuple[CredentialsRequest, ...]:
    """The requests that apply."""
    return select(load(directory), enable_tech_preview=False).requests


def releases(directory: Path) -> tuple[Path, Path]:
    """Two releases of our own: one request changes, one is dropped, one is new, one stays."""
    old = {
        "ns/same": (["controllers"], ["ec2:DescribeVpcs"]),
        "ns/changes": (["old", "both"], ["ec2:Old", "s3:Get*"]),
        "ns/dropped": (["controllers"], ["iam:GetUser"]),
    }
    new = {
        "ns/same": (["controllers"], ["ec2:DescribeVpcs"]),
        "ns/changes": (["both", "new"], ["ec2:New", "s3:Get*"]),
        "fresh/added": (["controllers"], ["kms:Decrypt"]),
    }
    for name, release in (("old", old), ("new", new)):
        for secret, (accounts, actions) in release.items():
            _write(directory / name, secret, accounts, actions)
    return directory / "old", directory / "new"


def _write(directory: Path, secret: str, accounts: list[str], actions: list[str]) -> None:
    namespace, _, name = secret.partition("/")
    provider = {
        "apiVersion": "cloudcredential.openshift.io/v1",
        "kind": "AWSProviderSpec",
        "statementEntries": [{"effect": "Allow", "action": actions, "resource": "*"}],
    }
    document = {
        "apiVersion": "cloudcredential.openshift.io/v1",
        "kind": "CredentialsRequest",
        "metadata": {"name": f"{namespace}-{name}", "namespace": "openshift-cloud-credential-operator"},
        "spec": {
            "serviceAccountNames": accounts,
            "secretRef": {"namespace": namespace, "name": name},
            "providerSpec": provider,
        },
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{namespace}-{name}.yaml").write_text(yaml.safe_dump(document))


def _texts(value: object) -> Iterable[str]:
    return [
        str(item).lower() if isinstance(item, bool) else str(item)
        for item in (value if isinstance(value, tuple | list) else [value])
    ]
