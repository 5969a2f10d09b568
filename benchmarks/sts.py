"""What a checked exchange costs: beside the bare RSA verification, and beside moto's STS, which checks nothing.

`python benchmarks/sts.py [--quick]`. The measured pieces take turns in one run, so that what else the machine does hits
all of them; medians of the rounds and of the ratios within a round are printed. Keys have 2048 bits.

- In process: `verify` (a token held against keys, issuer, audiences and clock) and `exchange` (the same as STS decides
  it, with provider, trust policy and duration) in times of the one call of `cryptography` that neither can do without.
- Over HTTP: AssumeRoleWithWebIdentity at the lab's endpoint and at moto's own, each in a process of its own and bound
  to one core where the system allows it. Clients keep their connection where the server does; so that nothing but the
  answer is compared, ours is measured with a connection for each request, too, as moto's server wants it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ccoctl.aws.exchange import AssumableRole, RegisteredProvider, exchange
from ccoctl.aws.web_identity import parse_request
from ccoctl.federation.issue import ObjectRef, ServiceAccount, Signer, TokenRequest, issue
from ccoctl.federation.token import Token, parse
from ccoctl.federation.verify import KeySet, key_set, verify
from ccoctl.lab.process import aws_process
from ccoctl.signing.jwks import Jwks
from ccoctl.workflows.create_key_pair import create_key_pair

REGION = "us-east-1"
HOST = "bench-oidc.s3.us-east-1.amazonaws.com"
ISSUER = f"https://{HOST}"
ACCOUNT = "123456789012"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench-openshift-ingress-cloud-credentials"
SUBJECT = "system:serviceaccount:openshift-ingress:controller"
NOW = time.time()  # noqa: TID251 - the lab goes by the machine's clock
TARGET = 2.5
"""Times of the bare verification that `verify` may take."""
THREADS = 4
TOKENS = 64
"""Different ones, so that nothing can be remembered of a token."""

KEPT, FRESH, MOTOS = "ours, connection kept", "ours, one for each", "moto's own, unchecked"

AUDIENCES = frozenset({"openshift", "sts.amazonaws.com"})
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{HOST}:sub": [SUBJECT]}},
        }
    ],
}

REQUEST = """\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: ingress, namespace: openshift-cloud-credential-operator}
spec:
  secretRef: {namespace: openshift-ingress, name: cloud-credentials}
  serviceAccountNames: [controller]
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - {effect: Allow, action: ["s3:ListAllMyBuckets"], resource: "*"}
"""
MOTO = """\
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""

Piece = Callable[[], float]
"""Does its work some times, and gives the seconds that one took."""


def main() -> None:
    """Run everything and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    scale = 1 if parser.parse_args().quick else 10
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        directory = Path(folder)
        create_key_pair(directory, bits=2048)
        signer = Signer(private_key(directory))
        tokens = [token(signer, number) for number in range(TOKENS)]
        print(in_process(signer, tokens, rounds=6 * scale), flush=True)
        print()
        print(over_http(directory, tokens, rounds=2 * scale))


def in_process(signer: Signer, tokens: Sequence[str], *, rounds: int) -> str:
    """The table of what happens in this process."""
    keys = key_set(Jwks((signer.jwk,)))
    public = keys[signer.kid].public
    assert isinstance(public, rsa.RSAPublicKey)
    parsed = [parse(text) for text in tokens]
    requests = [parse_request(form(text)) for text in tokens]
    account = Account(keys)
    pkcs, sha = padding.PKCS1v15(), hashes.SHA256()
    pieces = {
        "bare RSA verification": each(parsed, lambda item: public.verify(item.signature, item.signed, pkcs, sha)),
        "verify": each(
            tokens, lambda text: verify(text, keys=keys, issuer=ISSUER, audiences=account.audiences, now=NOW)
        ),
        "exchange": each(requests, lambda request: exchange(request, account, now=NOW)),
    }
    with on_cores(slice(1)):
        taken = measured(pieces, rounds)
    lines = ["in process, one core      a second   times the bare verification"]
    for name in pieces:
        ratio = statistics.median(
            mine / bare for mine, bare in zip(taken[name], taken["bare RSA verification"], strict=True)
        )
        target = f"   (target: at most {TARGET})" if name == "verify" else ""
        lines.append(f"{name:22}  {rate(taken[name]):10,.0f}   {ratio:5.2f}{target}")
    return "\n".join(lines)


def over_http(directory: Path, tokens: Sequence[str], *, rounds: int) -> str:
    """The table of what happens over HTTP."""
    with ExitStack() as servers:
        with on_cores(slice(1)):  # what is started in here stays there
            lab = servers.enter_context(aws_process())
            moto = servers.enter_context(moto_process())
        prepare(directory, lab.environment())
        bodies = [urlencode(form(text)).encode() for text in tokens]
        pieces = {
            (name, threads): clients(url, bodies, threads, keep=keep)
            for threads in (1, THREADS)
            for name, url, keep in (
                (KEPT, lab.endpoint_url, True),
                (FRESH, lab.endpoint_url, False),
                (MOTOS, moto, False),
            )
        }
        with on_cores(slice(1, None)):
            taken = measured(pieces, rounds)
    lines = [
        f"exchanges over HTTP        1 client, a second   times moto's   {THREADS} clients, a second   times moto's"
    ]
    for name in (KEPT, FRESH, MOTOS):
        line = f"{name:24}"
        for threads in (1, THREADS):
            seconds, motos = taken[name, threads], taken[MOTOS, threads]
            ratio = statistics.median(his / mine for mine, his in zip(seconds, motos, strict=True))
            line += f"   {rate(seconds):18,.0f}   {ratio:12.2f}"
        lines.append(line)
    return "\n".join(lines)


Name = TypeVar("Name")
Item = TypeVar("Item")


def measured(pieces: Mapping[Name, Piece], rounds: int) -> dict[Name, list[float]]:
    """Seconds of each piece, round by round; the first round is to get warm."""
    taken: dict[Name, list[float]] = {name: [] for name in pieces}
    for number in range(rounds + 1):
        for name, piece in pieces.items():
            seconds = piece()
            if number:
                taken[name].append(seconds)
    return taken


def rate(seconds: Sequence[float]) -> float:
    """How often a second, by the median."""
    return 1 / statistics.median(seconds)


def each(items: Sequence[Item], work: Callable[[Item], object]) -> Piece:
    """A piece that does the work once with each of the items."""

    def run() -> float:
        begun = time.perf_counter()
        for item in items:
            work(item)
        return (time.perf_counter() - begun) / len(items)

    return run


def clients(url: str, bodies: Sequence[bytes], threads: int, *, keep: bool) -> Piece:
    """A piece in which so many clients send all of the bodies between them."""
    place = urlsplit(url)
    shares = [bodies[number::threads] for number in range(threads)]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def send(share: Sequence[bytes]) -> None:
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        for body in share:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200 or b"<SecretAccessKey>" not in content:
                raise RuntimeError(f"the exchange was refused: {content.decode()}")
            if not keep:
                connection.close()
        connection.close()

    def run() -> float:
        with ThreadPoolExecutor(threads) as pool:
            begun = time.perf_counter()
            list(pool.map(send, shares))
            return (time.perf_counter() - begun) / len(bodies)

    return run


@dataclass(frozen=True)
class Account:
    """What create-all makes, in memory."""

    published: KeySet
    audiences: frozenset[str] = AUDIENCES

    def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
        """The one of the issuer."""
        arn = f"arn:{partition}:iam::{account}:oidc-provider/{url.removeprefix('https://')}"
        return RegisteredProvider(arn=arn, url=url, audiences=self.audiences) if url == ISSUER else None

    def role(self, arn: str) -> AssumableRole | None:
        """The component's, with the trust policy that create-all writes."""
        return AssumableRole(arn=arn, trust=TRUST, max_session_duration=3600) if arn == ROLE else None

    def keys(self, issuer: str, token: Token) -> KeySet:  # noqa: ARG002 - an account's keys are asked for so
        """The cluster's."""
        return self.published


def form(text: str) -> list[tuple[str, str]]:
    """The parameters of an exchange."""
    return [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "bench"),
        ("WebIdentityToken", text),
    ]


def token(signer: Signer, number: int) -> str:
    """A token as a pod of the component has it."""
    account = ServiceAccount("openshift-ingress", "controller", f"4bee12ae-75e8-490c-8f55-{number:012}")
    pod = ObjectRef("controller-0", f"21b5ed1c-10b5-4584-b8c6-{number:012}")
    node = ObjectRef("worker-0", "5e2175a5-2376-43ff-a557-77120b4bfe69")
    request = TokenRequest(account=account, audiences=("openshift",), pod=pod, node=node)
    return issue(signer, request, issuer=ISSUER, now=int(NOW), token_id=f"063a5a33-c56b-41c0-96fc-{number:012}")


def private_key(directory: Path) -> rsa.RSAPrivateKey:
    """The cluster's signing key."""
    key = serialization.load_pem_private_key((directory / "serviceaccount-signer.private").read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def prepare(directory: Path, environment: Mapping[str, str]) -> None:
    """create-all in the lab."""
    (directory / "requests").mkdir()
    (directory / "requests" / "ingress.yaml").write_text(REQUEST)
    options = ["--name", "bench", "--region", REGION, "--credentials-requests-dir", str(directory / "requests")]
    options += ["--output-dir", str(directory / "out")]
    options += ["--public-key-file", str(directory / "serviceaccount-signer.public")]
    command = [sys.executable, "-m", "ccoctl", "aws", "create-all", *options]
    subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)


@contextmanager
def moto_process() -> Iterator[str]:
    """moto's own server in a process of its own; its URL."""
    command = [sys.executable, "-c", MOTO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


@contextmanager
def on_cores(wanted: slice) -> Iterator[None]:
    """This process, and what it starts, on some of the cores that it may use; on all where a system cannot say."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[wanted] or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    main()
