"""How long create-all takes beside its critical path, and delete beside reading everything first; one run, ratios.

`make bench`, or `python -m benchmarks.create_and_delete [--quick]`. Whole processes are timed.

create-all runs against `standin.py`, in a process of its own: an empty AWS that answers after 20, 80 or 200 ms and
costs nothing itself, so that what is measured is ours. What it cannot be faster than follows from the plan:

- **chain**: the round trips that wait for each other. Before the plan is drawn there are two (who am I, beside the
  bucket and the roles; then the provider, by the account's ARN), in it those of its longest chain: create the bucket,
  tag it, publish the discovery document, allow public policies, set one, register the provider.
- **width**: all calls, ten at a time. With more than some 25 requests it is longer than the chain.
- **rate**: IAM's calls beyond the first 200, at 100 a second (`ccoctl.aws.client.RATES`). Above some 200 requests it is
  what counts, unless each call takes so long that ten at a time are slower still.

The longest of the three is the critical path. What a process takes by itself (Python, the SDK's import and models, its
end), measured as that of one request with an AWS that answers at once, is told beside the table and taken off; what is
left, in times of the path, is the figure. Few requests are run several times, and the quickest counts: the machine's
other work makes a run slower and never quicker.

For delete: the ratio to reading every role of the account one by one before deleting anything, as the Go tool does, at
80 ms a call, on the embedded AWS.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from benchmarks.standin import Seen, Standin, standin
from botocore.config import Config

from ccoctl.aws.client import RATES
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from ccoctl.engine.call import Call
from ccoctl.engine.graph import graph
from ccoctl.engine.plan import Plan, Step
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.process import AwsProcess, aws_process
from ccoctl.workflows.aws_keys import keys_for
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.create_key_pair import create_key_pair

REQUESTS = (7, 50, 200, 1000)
LATENCIES = (0.02, 0.08, 0.2)
"""Seconds for each call."""
CONCURRENCY = 10
"""The default of `--concurrency`."""
OBSERVED_CHAIN, OBSERVED = 2, 3
"""Round trips before the plan is drawn, and calls beside one for each role: who am I, the bucket, the provider."""
TARGET = 1.25
LATENCY = 0.08
FOREIGN = 990

REQUEST = """\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {{name: request-{number}, namespace: openshift-cloud-credential-operator}}
spec:
  secretRef: {{namespace: namespace-{number}, name: cloud-credentials}}
  serviceAccountNames: [controller]
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - {{effect: Allow, action: ["ec2:DescribeVpcs"], resource: "*"}}
"""


def main() -> None:
    """Run everything and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="7 and 50 requests at 20 and 80 ms, 100 foreign roles")
    quick = parser.parse_args().quick
    numbers, latencies = (REQUESTS[:2], LATENCIES[:2]) if quick else (REQUESTS, LATENCIES)
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        directory = Path(folder)
        create_key_pair(directory, bits=2048)
        print(creations(directory, numbers, latencies), flush=True)
        print()
        print(one_at_a_time(directory), flush=True)
        print()
        print(deletion(directory, 100 if quick else FOREIGN))


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """What a creation cannot be faster than, as a function of its plan."""

    chain: int
    """Round trips that wait for each other."""
    width: int
    """Round trips that all calls make, so many at a time."""
    iam: int
    """Calls of IAM."""

    def seconds(self, latency: float) -> float:
        """At so many seconds a call."""
        rate = RATES["iam"]
        return max(self.chain * latency, self.width * latency, (self.iam - rate.burst) / rate.ceiling)

    def named(self, latency: float) -> str:
        """Which of the three it is."""
        if self.seconds(latency) > max(self.chain, self.width) * latency:
            return "rate"
        return "chain" if self.chain >= self.width else "width"


def path_of(plan: Plan, requests: int) -> CriticalPath:
    """The path of a creation that carries out this plan."""
    drawn = graph(plan.steps)
    longest: dict[str, int] = {}
    for step in drawn.steps:
        longest[step.id] = _trips(step) + max((longest[need] for need in drawn.needs[step.id]), default=0)
    calls = [step.work for step in plan.steps if _trips(step)]
    observed = requests + OBSERVED
    return CriticalPath(
        chain=OBSERVED_CHAIN + max(longest.values()),
        width=max(OBSERVED_CHAIN, math.ceil(observed / CONCURRENCY)) + math.ceil(len(calls) / CONCURRENCY),
        iam=requests + 1 + sum(isinstance(call, Call) and call.service == "iam" for call in calls),
    )


def _trips(step: Step) -> int:
    """One for a call of AWS; looking at a certificate and writing a file are none."""
    return int(isinstance(step.work, Call) and step.work.service != "tls")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run of a creation."""

    whole: float
    """Seconds from its beginning to its end."""
    cpu: float
    """Seconds of processor time, of all of it."""
    seen: Seen


def creations(directory: Path, numbers: Sequence[int], latencies: Sequence[float]) -> str:
    """The table of creations."""
    own = by_itself(directory)
    lines = [
        f"create-all, {CONCURRENCY} calls at a time (target: {TARGET} times its path); a process alone: {own:.2f} s",
        "requests   a call   path: trips         seconds   measured   beyond its own   ratio   processor    IAM's most",
    ]
    for number in numbers:
        requests = write_requests(directory, number)
        path = path_of(planned(directory, requests), number)
        for latency in latencies:
            with standin(latency) as aws:
                runs = [
                    created(aws, directory, requests) for _ in range(3 if number <= 50 else 2 if number < 1000 else 1)
                ]
            best, bound = min(runs, key=lambda ran: ran.whole), path.seconds(latency)
            lines.append(
                f"{number:8}   {latency * 1000:3.0f} ms   {max(path.chain, path.width):6} ({path.named(latency)})"
                f"  {bound:9.2f} s  {best.whole:7.2f} s  {best.whole - own:13.2f} s  {(best.whole - own) / bound:6.2f}"
                f"  {best.cpu:8.2f} s  {best.seen.rush:9}/s"
            )
    return "\n".join(lines)


def by_itself(directory: Path) -> float:
    """Seconds of a process that waits for next to nothing."""
    requests = write_requests(directory, 1)
    with standin(0) as aws:
        return min(created(aws, directory, requests).whole for _ in range(5))


def one_at_a_time(directory: Path) -> str:
    """One line: seven requests with one call under way instead of ten."""
    requests = write_requests(directory, 7)
    with standin(LATENCY) as aws:
        many, one = (created(aws, directory, requests, concurrency=number).whole for number in (CONCURRENCY, 1))
    return f"7 requests, one call at a time instead of ten, at {LATENCY * 1000:.0f} ms: {one:.2f} s, {one / many:.1f}x"


def created(aws: Standin, directory: Path, requests: Path, *, concurrency: int = CONCURRENCY) -> Ran:
    """A create-all from nothing, as a whole process."""
    aws.seen()
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    create(aws, directory, requests, concurrency=concurrency)
    ended, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    seen = aws.seen()
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Ran(whole=ended - begun, cpu=cpu, seen=seen)


def planned(directory: Path, requests: Path) -> Plan:
    """The plan of a creation from nothing."""
    order = Order(
        part=Part.ALL,
        name="bench",
        region="us-east-1",
        output_dir=directory,
        credentials_requests_dir=requests,
        public_key_file=directory / "serviceaccount-signer.public",
    )
    checked = check(order)
    return all_of_it(checked.settings, checked.requests, keys_for(order).public, Account(id="123456789012")).plan


def deletion(directory: Path, foreign: int) -> str:
    """One line: deleting 7 roles among foreign ones."""
    requests = write_requests(directory, 7)
    with aws_process(Conditions(latency=LATENCY)) as aws:
        create(aws, directory, requests, concurrency=10)
        iam = client(aws)
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda number: make_role(iam, number), range(foreign)))
        begun = time.perf_counter()
        names = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
        for name in names:
            iam.get_role(RoleName=name)
        reading = time.perf_counter() - begun
        ours = timed(aws, ["delete", "--name", "bench", "--region", "us-east-1", "--yes"])
    return (
        f"delete of 7 roles among {foreign} foreign ones: {ours:.2f} s; reading each of {len(names)} roles first, "
        f"alone: {reading:.2f} s, {reading / ours:.1f}x"
    )


def make_role(iam: Any, number: int) -> None:
    """A role of somebody else."""
    iam.create_role(RoleName=f"foreign-{number:04}", AssumeRolePolicyDocument="{}")


def write_requests(directory: Path, number: int) -> Path:
    """A directory with that many requests."""
    requests = directory / f"requests-{number}"
    requests.mkdir(exist_ok=True)
    for index in range(number):
        (requests / f"{index:04}.yaml").write_text(REQUEST.format(number=index))
    return requests


def create(aws: AwsProcess | Standin, directory: Path, requests: Path, *, concurrency: int) -> float:
    """Seconds of a create-all from nothing, as a whole process."""
    with tempfile.TemporaryDirectory(dir=directory) as out:
        options = ["--name", "bench", "--region", "us-east-1", "--credentials-requests-dir", str(requests)]
        key = ["--public-key-file", str(directory / "serviceaccount-signer.public")]
        return timed(aws, ["create-all", *options, *key, "--output-dir", out, "--concurrency", str(concurrency)])


def timed(aws: AwsProcess | Standin, arguments: list[str]) -> float:
    """Seconds of a command."""
    command = [sys.executable, "-m", "ccoctl", "aws", *arguments]
    begun = time.perf_counter()
    ended = subprocess.run(
        command, env={**os.environ, **aws.environment()}, check=False, capture_output=True, text=True
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr[:2000])
    return time.perf_counter() - begun


def client(aws: AwsProcess) -> Any:
    """A client of IAM."""
    environment = aws.environment()
    return botocore.session.Session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=32),
    )


if __name__ == "__main__":
    main()
