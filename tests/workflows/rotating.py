"""A rotation in the lab: AWS by its own clock, a cluster whose operator rolls keys out, and runs that are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.rotation import Found
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.federation.https import Get
from ccoctl.federation.issue import SigningKey
from ccoctl.lab.asked import is_changing
from ccoctl.lab.server import EmbeddedAws
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.signing.jwk import Kid, kid
from ccoctl.workflows import aws_delete
from ccoctl.workflows.aws_rotate import Order, Rotated, carry_out, look, prepare
from ccoctl.workflows.aws_rotate_cloud import RotationCloud
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from ccoctl.workflows.reach import Reach
from tests.engine.simulated import FakeClock, attempts
from tests.federation.forgery import rsa_key
from tests.openshift.apiserver import NEXT_KEY, ApiServer, serving
from tests.openshift.http import Asked, Reply
from tests.openshift.objects import SECRETS, Object
from tests.workflows.commands import REGION, Cli
from tests.workflows.mortal import Killed, MortalCloud
from tests.workflows.traffic import Clock, components_of

ACCOUNT = "default/default"
"""Whose tokens are looked at."""


@dataclass
class Operated(ApiServer):
    """An API server whose operator rolls a new signing key out while it is watched."""

    rolls_out_after: int = 12
    """Tokens after which the first API server signs with the next key; the last one does four tokens later."""
    pending: SigningKey | None = None
    watched: int = 0

    def answer(self, asked: Asked) -> Reply:
        given = super().answer(asked)
        if asked.method == "PATCH" and asked.path.endswith(NEXT_KEY[1]) and given.status < 300:
            pem = self.secret(*NEXT_KEY)["service-account.key"]
            key: Any = serialization.load_pem_private_key(pem.encode(), password=None)
            self._begin(key)
        return given

    def _after_delete(self, namespace: str, name: str) -> None:
        super()._after_delete(namespace, name)
        if (namespace, name) == NEXT_KEY:
            self._begin(self.keys[-1])

    def make_next(self) -> None:
        """As after `oc delete`: the operator makes another key, and begins to roll it out."""
        self.store.delete(SECRETS, *NEXT_KEY, {})
        self._after_delete(*NEXT_KEY)

    def _begin(self, key: SigningKey) -> None:
        if key not in self.keys:
            self.keys.append(key)
        self.pending, self.watched = key, 0

    def _token_request(self, place: Any, body: Any) -> Object:
        key, before = self.pending, self.key
        if key is None:
            return super()._token_request(place, body)
        self.watched += 1
        if self.watched >= self.rolls_out_after + 4:
            self.pending = None
            self.rotate(key)
        elif self.watched >= self.rolls_out_after and self.watched % 2:
            self.key = key
        try:
            return super()._token_request(place, body)
        finally:
            if self.pending is not None:
                self.key = before


def _changes(call: Call) -> bool:
    if call.service == "kubernetes":
        return call.operation in {"ApplySecret", "DeleteSecret"}
    return call.service not in {"tls", "issuer"} and is_changing(call.operation)


@dataclass
class Before:
    """A cloud that lets somebody else act once, right before a call of that operation is carried out."""

    cloud: Cloud
    operation: str
    act: Callable[[], object]
    acted: bool = False

    def perform(self, call: Call) -> Answer:
        if call.operation == self.operation and not self.acted:
            self.acted = True
            self.act()
        return self.cloud.perform(call)


@dataclass
class Deaf:
    """A cloud whose first call of an operation is not answered, whether it arrived or not."""

    cloud: Cloud
    operation: str
    arrives: bool = True
    is_over: bool = False

    def perform(self, call: Call) -> Answer:
        if call.operation != self.operation or self.is_over:
            return self.cloud.perform(call)
        self.is_over = True
        if self.arrives:
            self.cloud.perform(call)
        raise CloudError("the connection was reset", kind=ErrorKind.TRANSIENT, code="ConnectionError")


@cache
def _account(region: str, _endpoint: str) -> AwsCloud:
    """The account of a lab, once: reading botocore's models takes longer than a rotation."""
    return AwsCloud(Connection(region=region))


@dataclass
class Lab:
    """One set-up, its cluster, and whoever rotates its key."""

    aws: EmbeddedAws
    clock: Clock
    server: Any
    """An ApiServer, Operated where it is OpenShift."""
    kubeconfig: Path
    out: Path
    name: str = "demo"
    region: str = REGION
    get: Get | None = None
    """Fetches the issuer's documents, where the lab does not serve them."""
    issuer_url: str = ""
    shared: str = ""
    between: Callable[[Cloud], Cloud] = lambda cloud: cloud
    """What a test puts between the rotation and the world."""

    @contextmanager
    def cloud(self, *, with_cluster: bool = True) -> Iterator[RotationCloud]:
        aws = _account(self.region, self.aws.endpoint_url)
        with ExitStack() as stack:
            cluster = stack.enter_context(closing(KubeCluster(self.kubeconfig))) if with_cluster else None
            world = self.between(Reach(aws, get=self.get or self.aws.get(), cluster=cluster))
            connect = (lambda: closing(KubeCluster(self.kubeconfig))) if with_cluster else None
            yield RotationCloud(world, clock=self.clock, connect=connect)

    def order(self, **options: Any) -> Order:
        settings = aws_delete.check(self.name, self.region, shared=self.shared, issuer_url=self.issuer_url)
        return Order(settings=settings, output_dir=self.out, key_bits=2048, **options)

    def look(self, *, with_cluster: bool = True) -> Found:
        with self.cloud(with_cluster=with_cluster) as cloud:
            return look(self.order(), cloud, now=self.clock(), with_cluster=with_cluster)

    def run(self, *, with_cluster: bool = True, **options: Any) -> Rotated:
        """One whole run of the command."""
        order = self.order(**options)
        with self.cloud(with_cluster=with_cluster) as cloud:

            def again() -> Found:
                return look(order, cloud, now=self.clock(), with_cluster=with_cluster)

            return carry_out(prepare(order, again()), cloud, again, attempts=attempts(FakeClock()))

    def killed(self, point: int, **options: Any) -> bool:
        """A run that is killed after its n-th change; True when it came to its end before that."""
        mortal = replace(self, between=lambda cloud: MortalCloud(cloud, point, _changes))
        try:
            return mortal.run(**options).last.ok
        except Killed:
            return False


@contextmanager
def cluster(
    key: SigningKey, issuer: str, accounts: list[str], clock: Clock, kubeconfig: Path, *, openshift: bool = True
) -> Iterator[ApiServer]:
    """A running cluster that signs for the issuer; OpenShift, or a plain Kubernetes."""
    kind = Operated if openshift else ApiServer
    new = rsa_key("by the operator")
    server = kind(key, issuer, frozenset({*accounts, ACCOUNT}), now=clock, generates=lambda: new)
    if openshift:
        server.as_openshift()
    with serving(server, kubeconfig):
        yield server


Start = Callable[..., Lab]


@contextmanager
def starting(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, clock: Clock
) -> Iterator[Start]:
    """Makes set-ups, each in an empty account, and their clusters, which run until the end of the block."""
    with ExitStack() as running:

        def start(*options: str, openshift: bool = True, out: str = "out", region: str = REGION) -> Lab:
            cli.aws.reset()
            changed = {str(tmp_path / "out"): str(tmp_path / out), REGION: region}
            cli("create-all", *(changed.get(part, part) for part in common), *options)
            manifest = tmp_path / out / "manifests" / "cluster-authentication-02-config.yaml"
            issuer = yaml.safe_load(manifest.read_text())["spec"]["serviceAccountIssuer"]
            key = load_private_key_file(key_pair / PRIVATE)
            accounts = [component.account for component in components_of(requests_dir)]
            kubeconfig = tmp_path / f"{out}-kubeconfig"
            server = running.enter_context(cluster(key, issuer, accounts, clock, kubeconfig, openshift=openshift))
            return Lab(cli.aws, clock, server, kubeconfig, tmp_path / out, region=region)

        yield start


def kid_of(key: SigningKey) -> Kid:
    return kid(key.public_key())
