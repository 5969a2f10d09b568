"""How fast `verify` hands tokens to STS: every service account's to every role, beside what the endpoint can answer.

`make bench`, or `python -m benchmarks.verify [--quick]`. The embedded AWS runs in a process of its own, bound to one
core where the system allows it; what asks has the others. 50 service accounts (10 with `--quick`) are set up with
`create-all`, then

- `ccoctl aws verify` proves them, as a whole process: N x N exchanges and four strangers' for each role. Its rate is
  that of the requests in the embedded AWS's log, from the first exchange to the last.
- plain sockets send the same kind of requests, most of them refused, as fast as they are answered: the endpoint's own
  maximum, of which `verify` is told as a share.

AWS lets 600 a second through for an account and region, and `verify` keeps to that (`ccoctl.aws.client.RATES`): where
an endpoint is quicker, the share is of what the rate lets through in that time.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.create_and_delete import write_requests
from benchmarks.sts import on_cores, private_key

from ccoctl.aws.client import RATES
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.lab.process import AwsProcess, aws_process
from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC, create_key_pair

CONCURRENCY = 10
ISSUER = "https://bench-oidc.s3.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/bench-namespace-{}-cloud-credentials"


def main() -> None:
    """Run everything and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 service accounts")
    number = 10 if parser.parse_args().quick else 50
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        directory = Path(folder)
        create_key_pair(directory, bits=2048)
        with on_cores(slice(1)):  # what is started in here stays there
            server = aws_process()
            aws = server.__enter__()
        try:
            with on_cores(slice(1, None)):
                print(proof(aws, directory, number), flush=True)
        finally:
            server.__exit__(None, None, None)


def proof(aws: AwsProcess, directory: Path, number: int) -> str:
    """Set up, prove and compare."""
    common = ["--name", "bench", "--region", "us-east-1", "--output-dir", str(directory)]
    common += ["--credentials-requests-dir", str(write_requests(directory, number))]
    run(aws, ["create-all", *common, "--public-key-file", str(directory / PUBLIC)])
    before = len(aws.calls())
    taken = processor()
    whole = run(aws, ["verify", *common, "--private-key-file", str(directory / PRIVATE), "--wait", "0"])
    taken = processor() - taken
    asked = [call for call in aws.calls()[before:] if call["operation"] == "AssumeRoleWithWebIdentity"]
    seconds = asked[-1]["at"] - asked[0]["at"]
    rate, most = len(asked) / seconds, endpoint(aws, directory, number, len(asked))
    reachable = min(most, RATES["sts"].ceiling + RATES["sts"].burst / seconds)
    return (
        f"verify of {number} service accounts: {len(asked)} exchanges in {seconds:.2f} s, {rate:.0f} a second "
        f"(the whole process: {whole:.2f} s, {taken:.2f} s of a processor)\n"
        f"the endpoint alone: {most:.0f} a second; verify makes {rate / reachable:.0%} of what it may\n"
    )


def processor() -> float:
    """Seconds of processor time of the commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(aws: AwsProcess, arguments: Sequence[str]) -> float:
    """Seconds of a command."""
    command = [sys.executable, "-m", "ccoctl", "aws", *arguments]
    begun = time.perf_counter()
    ended = subprocess.run(
        command, env={**os.environ, **aws.environment()}, check=False, capture_output=True, text=True
    )
    if ended.returncode:
        raise RuntimeError((ended.stderr + ended.stdout)[:3000])
    return time.perf_counter() - begun


def endpoint(aws: AwsProcess, directory: Path, number: int, count: int) -> float:
    """Exchanges a second that plain sockets have answered."""
    signer, now = Signer(private_key(directory)), int(time.time())  # noqa: TID251 - the lab goes by the machine's clock
    tokens = [token(signer, index, now) for index in range(number)]
    bodies = [body(tokens[index % number], index // number % number) for index in range(count)]
    place = urlsplit(aws.endpoint_url)

    def send(share: Sequence[bytes]) -> None:
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        for content in share:
            connection.request("POST", "/", content, {"Content-Type": "application/x-www-form-urlencoded"})
            with connection.getresponse() as answer:
                answer.read()
                if answer.status not in {200, 403}:
                    raise RuntimeError(f"status {answer.status}")
        connection.close()

    begun = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(send, [bodies[index::CONCURRENCY] for index in range(CONCURRENCY)]))
    return count / (time.perf_counter() - begun)


def token(signer: Signer, number: int, now: int) -> str:
    """A service account's."""
    account = ServiceAccount(f"namespace-{number}", "controller", f"4bee12ae-75e8-490c-8f55-{number:012}")
    request = TokenRequest(account=account, audiences=("openshift",))
    return issue(signer, request, issuer=ISSUER, now=now, token_id=f"063a5a33-c56b-41c0-96fc-{number:012}")


def body(text: str, role: int) -> bytes:
    """The exchange of a token for a role."""
    parameters = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE.format(role),
        "RoleSessionName": "bench",
        "WebIdentityToken": text,
        "DurationSeconds": "900",
    }
    return urlencode(parameters).encode()


if __name__ == "__main__":
    main()
