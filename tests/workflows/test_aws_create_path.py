"""create-all asks for nothing twice, opens no connection it need not, and does what needs no key while one is made."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from ccoctl.aws.steps.keys import coming
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.graph import graph
from ccoctl.engine.plan import State
from ccoctl.errors import Problems, SigningKeyError
from ccoctl.lab.server import HOST, EmbeddedAws
from ccoctl.signing import jwks
from ccoctl.workflows import aws_create
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows.aws_order import Checked, Order, Part, check
from tests.workflows.commands import Cli, client, inventory, write_requests


class Relay:
    """Hands connections on to a port of this machine, and counts them."""

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._to = port
        self._open: list[socket.socket] = []
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for open_one in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                open_one.shutdown(socket.SHUT_RDWR)
            open_one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self.connections += 1
                far = socket.create_connection((HOST, self._to))
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(embedded_aws: EmbeddedAws) -> Iterator[Relay]:
    made = Relay(int(embedded_aws.endpoint_url.rpartition(":")[2]))
    yield made
    made.close()


def options(tmp_path: Path, number: int, key_pair: Path) -> list[str]:
    """Of a create-all with so many requests."""
    secrets = [f"namespace-{index}/credentials" for index in range(number)]
    return [
        *("--name", "demo", "--region", "us-east-1", "--output-dir", str(tmp_path / "out")),
        *("--credentials-requests-dir", str(write_requests(tmp_path / "requests", *secrets))),
        *("--public-key-file", str(key_pair / "serviceaccount-signer.public")),
    ]


@pytest.mark.parametrize("number", [1, 7, 23])
def test_a_creation_makes_three_calls_for_each_request_and_ten_beside(
    cli: Cli, embedded_aws: EmbeddedAws, tmp_path: Path, key_pair: Path, number: int
) -> None:
    cli("create-all", *options(tmp_path, number, key_pair))

    made = Counter(f"{call.service}:{call.operation}" for call in embedded_aws.calls())
    assert made == {
        "sts:GetCallerIdentity": 1,
        "s3:HeadBucket": 1,
        "iam:GetRole": number,
        "iam:GetOpenIDConnectProvider": 1,
        "s3:CreateBucket": 1,
        "s3:PutBucketTagging": 1,
        "s3:PutPublicAccessBlock": 1,
        "s3:PutBucketPolicy": 1,
        "s3:PutObject": 2,
        "iam:CreateOpenIDConnectProvider": 1,
        "iam:CreateRole": number,
        "iam:PutRolePolicy": number,
    }


def test_the_longest_chain_of_a_creation_is_six_calls_of_aws(ordered: Checked) -> None:
    drawn = all_of_it(ordered.settings, ordered.requests, coming(), Account(id="123456789012"))
    needs = graph(drawn.plan.steps)
    chains: dict[str, list[str]] = {}
    for step in needs.steps:
        before = max((chains[need] for need in needs.needs[step.id]), key=len, default=[])
        is_call = isinstance(step.work, Call) and step.work.service in {"iam", "s3"}
        chains[step.id] = [*before, step.id] if is_call else before

    issuer = "object/.well-known/openid-configuration/put"
    longest = ["bucket/create", "bucket/tags", issuer, "bucket/public-access", "bucket/policy", "provider/create"]
    assert max(chains.values(), key=len) == longest
    assert len(chains["object/keys.json/put"]) == 4
    assert needs.needs["key/save"] == needs.needs["provider/thumbprint"] == ()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
def test_connections_are_kept_for_the_whole_of_a_run(
    cli: Cli, embedded_aws: EmbeddedAws, relay: Relay, tmp_path: Path, key_pair: Path, secure: bool
) -> None:
    url = f"http://{HOST}:{relay.port}"
    environment = {**embedded_aws.environment(), "HTTPS_PROXY": url, "https_proxy": url, "AWS_ENDPOINT_URL": url}
    if secure:  # a tunnel to the names of AWS, and TLS in it: as many handshakes as connections
        del environment["AWS_ENDPOINT_URL"]
        cli.monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    replace(cli, environment=environment)("create-all", *options(tmp_path, 20, key_pair), "--concurrency", "3")

    # three at a time for each of IAM and S3, one for STS, and the look at the certificate
    assert len(embedded_aws.calls()) >= 70
    assert relay.connections <= 3 + 3 + 1 + 1
    assert len(inventory(embedded_aws)["roles"]) == 20


class Slow:
    """A key that is not made until the cloud was asked for everything that needs none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, key: pair.SigningKey | Exception) -> None:
        self.go = threading.Event()
        self._key = key
        monkeypatch.setattr(pair, "generate", self._generate)

    def _generate(self, bits: int = 0) -> pair.SigningKey:
        del bits
        assert self.go.wait(60), "nobody ever did what needs no key"
        if isinstance(self._key, Exception):
            raise self._key
        return self._key


class Watched:
    """A cloud that tells what is on the disk when it is asked, and lets the key be made after some calls."""

    def __init__(self, cloud: AwsCloud, directory: Path, slow: Slow, *, until: frozenset[str]) -> None:
        self.asked: list[tuple[str, bool]] = []
        self._cloud = cloud
        self._key = directory / pair.PRIVATE
        self._slow = slow
        self._until = set(until)
        self._lock = threading.Lock()

    def perform(self, call: Call) -> Answer:
        name = str(call.parameters.get("Key", call.operation))
        answer = self._cloud.perform(call)
        with self._lock:
            self.asked.append((name, self._key.exists()))
            self._until.discard(name)
            if not self._until:
                self._slow.go.set()
        return answer

    def has_key(self, name: str) -> set[bool]:
        """Whether the private key was on the disk when a call was answered."""
        return {there for asked, there in self.asked if asked == name}


NEEDS_NONE = frozenset(
    {"CreateBucket", "PutBucketTagging", "PutPublicAccessBlock", "PutBucketPolicy", "CreateRole", "PutRolePolicy"}
    | {".well-known/openid-configuration"}
)


@pytest.fixture
def ordered(tmp_path: Path, requests_dir: Path) -> Checked:
    return check(
        Order(
            part=Part.ALL,
            name="demo",
            region="us-east-1",
            output_dir=tmp_path / "out",
            credentials_requests_dir=requests_dir,
        )
    )


@pytest.fixture
def cloud(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    return AwsCloud(Connection(region="us-east-1"))


def published(aws: EmbeddedAws) -> Any:
    """The JWKS in the bucket, as bytes."""
    return client(aws, "s3").get_object(Bucket="demo-oidc", Key="keys.json")["Body"].read()


@pytest.fixture
def made(key_pair: Path) -> pair.SigningKey:
    existing = pair.inspect(key_pair)
    assert existing is not None
    return pair.SigningKey(private_pem=(key_pair / pair.PRIVATE).read_bytes(), jwk=existing.jwk)


def test_a_key_is_made_while_all_that_needs_none_is_done_and_saved_before_it_is_published(
    embedded_aws: EmbeddedAws,
    cloud: AwsCloud,
    ordered: Checked,
    monkeypatch: pytest.MonkeyPatch,
    made: pair.SigningKey,
) -> None:
    directory = ordered.order.output_dir
    watched = Watched(cloud, directory, Slow(monkeypatch, made), until=NEEDS_NONE)

    done = aws_create.carry_out(aws_create.prepare(ordered, watched), watched)

    assert done.result.ok
    assert {name: watched.has_key(name) for name in NEEDS_NONE - {"CreateRole", "PutRolePolicy"}} == {
        name: {False} for name in NEEDS_NONE - {"CreateRole", "PutRolePolicy"}
    }
    assert watched.has_key("keys.json") == watched.has_key("CreateOpenIDConnectProvider") == {True}
    assert published(embedded_aws) == jwks.render(jwks.Jwks((made.jwk,)))
    assert done.prepared.keys.public == made.jwk
    assert done.key_pair is not None
    assert done.key_pair.kid == made.jwk.kid
    assert (directory / pair.PRIVATE).read_bytes() == made.private_pem


def test_where_no_key_can_be_made_nothing_is_published_and_the_next_run_goes_on(
    embedded_aws: EmbeddedAws,
    cloud: AwsCloud,
    ordered: Checked,
    monkeypatch: pytest.MonkeyPatch,
    made: pair.SigningKey,
) -> None:
    slow = Slow(monkeypatch, SigningKeyError("no randomness is left"))
    slow.go.set()

    failed = aws_create.carry_out(aws_create.prepare(ordered, cloud), cloud)

    assert [outcome.step.id for outcome in failed.result.of(State.FAILED)] == ["key/save"]
    assert "object/keys.json/put" in {outcome.step.id for outcome in failed.result.of(State.SKIPPED)}
    assert failed.key_pair is None
    assert failed.prepared.keys.public is None
    assert inventory(embedded_aws)["providers"] == []

    Slow(monkeypatch, made).go.set()
    assert aws_create.carry_out(aws_create.prepare(ordered, cloud), cloud).result.ok
    assert published(embedded_aws) == jwks.render(jwks.Jwks((made.jwk,)))


def test_a_place_that_cannot_hold_the_key_is_refused_before_anything_is_made(
    embedded_aws: EmbeddedAws,
    cloud: AwsCloud,
    ordered: Checked,
    monkeypatch: pytest.MonkeyPatch,
    made: pair.SigningKey,
) -> None:
    Slow(monkeypatch, made).go.set()
    prepared = aws_create.prepare(ordered, cloud)
    (ordered.order.output_dir / pair.PRIVATE).mkdir(parents=True)

    with pytest.raises(Problems, match="nothing was done"):
        aws_create.carry_out(prepared, cloud)

    assert inventory(embedded_aws)["buckets"] == []


def test_a_pair_that_appears_meanwhile_is_never_replaced(
    embedded_aws: EmbeddedAws,
    cloud: AwsCloud,
    ordered: Checked,
    monkeypatch: pytest.MonkeyPatch,
    made: pair.SigningKey,
) -> None:
    other: Future[pair.KeyPair] = Future()
    slow = Slow(monkeypatch, pair.generate(2048))
    prepared = aws_create.prepare(ordered, cloud)
    other.set_result(pair.save(ordered.order.output_dir, made))
    slow.go.set()

    failed = aws_create.carry_out(prepared, cloud)

    assert [outcome.step.id for outcome in failed.result.of(State.FAILED)] == ["key/save"]
    assert (ordered.order.output_dir / pair.PRIVATE).read_bytes() == made.private_pem
    assert aws_create.carry_out(aws_create.prepare(ordered, cloud), cloud).result.ok
    assert published(embedded_aws) == jwks.render(jwks.Jwks((made.jwk,)))
    assert other.done()
