"""The pods of a cluster at work: each takes its token from a projected volume and exchanges it, again and again.

    with traffic(aws, tmp_path, components_of(requests_dir), cluster.token, clock=clock) as pods:
        ...  # a life cycle
        pods.settle()
    assert pods.failures == []

Two pods for every service account: one asks for a new token before each exchange, so that it notices at once what the
cluster signs with; one keeps its token as the kubelet does, until a fifth of its life is left, so that old tokens are
in use as long as they may be. There are no second tries: what would be a hiccup to a component is a failure here.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ccoctl.aws.names import role_names
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import select
from ccoctl.federation.projected import ProjectedVolume
from ccoctl.lab.server import EmbeddedAws
from tests.workflows.commands import REGION

INTERVAL = 0.1
"""Seconds between two exchanges of a pod."""
_LEFT = 0.2
"""The part of a token's life that is left when the kubelet asks for the next one (token_manager.go)."""
_PATIENCE = 60.0
"""Seconds after which a pod that does nothing is a bug."""

Source = Callable[[str], str]
"""Gives a fresh token of a service account, `namespace/name`: the API server of the cluster."""


@dataclass(frozen=True)
class Component:
    """A service account, and the role that its Secret names."""

    account: str
    """`namespace/name`."""
    role_arn: str


@dataclass(frozen=True)
class Failure:
    """An exchange that did not give credentials."""

    at: float
    """By the clock of the lab."""
    account: str
    kid: str
    issuer: str
    reason: str


@dataclass
class Clock:
    """What lab and cluster go by; it stands still until `Pods.later` moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def components_of(requests: Path, name: str = "demo") -> list[Component]:
    """The service accounts of a directory of requests, with the roles that are made for them."""
    chosen = select(load(requests), enable_tech_preview=False).requests
    roles = role_names(name, [request.secret for request in chosen])
    return [
        Component(
            account=f"{request.secret.namespace}/{account}",
            role_arn=f"arn:aws:iam::{EmbeddedAws.account_id}:role/{roles[request.secret]}",
        )
        for request in chosen
        for account in request.service_accounts
    ]


@dataclass
class Pods:
    """All pods of a cluster. `source` may be set to another one while they run."""

    source: Source
    clock: Clock
    failures: list[Failure] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """Exchanges of each pod, failed ones too."""
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Issuer and kid of every token that was exchanged for credentials."""
    stop: threading.Event = field(default_factory=threading.Event)
    broken: list[BaseException] = field(default_factory=list)
    _turns: list[threading.Lock] = field(default_factory=list)
    """One for each pod, which holds it during an exchange."""
    _told: threading.Condition = field(default_factory=threading.Condition)

    @property
    def exchanges(self) -> int:
        """All of them so far."""
        return sum(self.counts)

    def settle(self) -> None:
        """Wait until every pod has done an exchange that began after this call."""
        with self._told:
            wanted = [count + 2 for count in self.counts]  # one may be under way
            done = self._told.wait_for(
                lambda: bool(self.broken) or all(a >= b for a, b in zip(self.counts, wanted, strict=True)), _PATIENCE
            )
        assert not self.broken, self.broken
        assert done, "the pods stand still"

    def later(self, seconds: float) -> None:
        """Let time go by, while no exchange is under way: what is due then is renewed before it is used."""
        with ExitStack() as held:
            for turn in self._turns:
                held.enter_context(turn)
            self.clock.now += seconds
        self.settle()

    def run(self, number: int, pod: _Pod) -> None:
        """What a pod's thread does."""
        try:
            while not self.stop.is_set():
                with self._turns[number]:
                    failure = pod.exchange(self.source, self.clock())
                with self._told:
                    self.counts[number] += 1
                    if failure is None:
                        self.seen.add((pod.claims["iss"], pod.kid))
                    else:
                        self.failures.append(failure)
                    self._told.notify_all()
                self.stop.wait(INTERVAL)
        except BaseException as error:
            with self._told:
                self.broken.append(error)
                self._told.notify_all()

    def add(self) -> int:
        """The number of one more pod."""
        self.counts.append(0)
        self._turns.append(threading.Lock())
        return len(self.counts) - 1


@dataclass
class _Pod:
    """One pod, its projected volume, and what of the token in it matters here."""

    component: Component
    volume: ProjectedVolume
    sts: Any
    keeps: bool
    """Whether it keeps its token as long as the kubelet would."""
    kid: str = ""
    claims: dict[str, Any] = field(default_factory=dict)

    def exchange(self, source: Source, now: float) -> Failure | None:
        """The way of every SDK: read the file, hand it to STS."""
        if not self.keeps or self._is_due(now):
            self._renew(source(self.component.account), now)
        try:
            self.sts.assume_role_with_web_identity(
                RoleArn=self.component.role_arn,
                RoleSessionName="controllers-0",
                WebIdentityToken=(self.volume.directory / "token").read_text(),
            )
        except (BotoCoreError, ClientError) as error:
            return Failure(now, self.component.account, self.kid, self.claims["iss"], str(error))
        return None

    def _is_due(self, now: float) -> bool:
        if not self.claims:
            return True
        begun, ends = self.claims["iat"], self.claims["exp"]
        return bool(now >= ends - _LEFT * (ends - begun))

    def _renew(self, token: str, now: float) -> None:
        header, payload = (_decoded(part) for part in token.split(".")[:2])
        self.kid, self.claims = header["kid"], payload
        self.volume.write({"token": token.encode()}, now=now)


def _decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@contextmanager
def traffic(
    aws: EmbeddedAws, directory: Path, components: Iterable[Component], source: Source, *, clock: Clock
) -> Iterator[Pods]:
    """Two pods for each component, from the first exchange of each until the end of the block.

    Args:
        aws: a lab that goes by `clock`.
        directory: where the projected volumes are.
        components: who exchanges tokens.
        source: gives the tokens, by `clock`, too.
        clock: the lab's.
    """
    pods = Pods(source, clock)
    sts = botocore.session.Session().create_client(
        "sts",
        region_name=REGION,
        endpoint_url=aws.endpoint_url,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, max_pool_connections=50),
    )
    threads = []
    for component in components:
        for keeps in (False, True):
            number = pods.add()
            place = directory / f"pod-{number}"
            place.mkdir(parents=True)
            pod = _Pod(component, ProjectedVolume(place), sts, keeps)
            threads.append(threading.Thread(target=pods.run, args=(number, pod), name=f"pod-{number}", daemon=True))
    for thread in threads:
        thread.start()
    try:
        pods.settle()
        yield pods
    finally:
        pods.stop.set()
        for thread in threads:
            thread.join(_PATIENCE)
        sts.close()
    assert not pods.broken, pods.broken
