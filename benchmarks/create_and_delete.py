"""How long create-all and delete take on an AWS in which each call takes 80 ms, as ratios measured in one run.

`make bench`, or `python benchmarks/create_and_delete.py [--quick]`. Whole processes are timed, the embedded AWS runs in
one of its own. Printed for each number of requests:

- the time of create-all, and the round trips that it waited for: (its time - its time without latency) / 80 ms;
- the round trips of its critical path, from the plan: it cannot be faster than these;
- the ratio to the same plan run one call at a time.

For delete: the ratio to reading every role of the account one by one before deleting anything, as the Go tool does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from ccoctl.engine.graph import heights
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.process import AwsProcess, aws_process
from ccoctl.workflows.aws_keys import keys_for
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.create_key_pair import create_key_pair

LATENCY = 0.08
"""Seconds for each call."""
OBSERVING = 2
"""Round trips before the plan is drawn: who am I, beside bucket and roles; then the provider, by the account's ARN."""
FOREIGN = 1000

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
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="7 requests and 100 foreign roles alone")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        directory = Path(folder)
        create_key_pair(directory, bits=2048)
        print(f"each call takes {LATENCY * 1000:.0f} ms\n")
        print("requests   create-all  round trips  critical path   one at a time   ratio")
        for number in (7,) if quick else (7, 50, 200):
            print(creation(directory, number), flush=True)
        print()
        print(deletion(directory, 100 if quick else FOREIGN))


def creation(directory: Path, number: int) -> str:
    """One row: creating with a number of requests."""
    requests = write_requests(directory, number)
    with aws_process() as aws:
        without = create(aws, directory, requests, concurrency=10)
    with aws_process(Conditions(latency=LATENCY)) as aws:
        parallel = create(aws, directory, requests, concurrency=10)
        aws.reset()
        single = create(aws, directory, requests, concurrency=1)
    trips = (parallel - without) / LATENCY
    path = critical_path(directory, requests)
    return (
        f"{number:8}   {parallel:8.2f} s  {trips:11.1f}  {path:13}   {single:11.2f} s   {single / parallel:4.1f}x"
        f"   (start-up and our own work: {without:.2f} s)"
    )


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


def create(aws: AwsProcess, directory: Path, requests: Path, *, concurrency: int) -> float:
    """Seconds of a create-all from nothing, as a whole process."""
    with tempfile.TemporaryDirectory(dir=directory) as out:
        options = ["--name", "bench", "--region", "us-east-1", "--credentials-requests-dir", str(requests)]
        key = ["--public-key-file", str(directory / "serviceaccount-signer.public")]
        return timed(aws, ["create-all", *options, *key, "--output-dir", out, "--concurrency", str(concurrency)])


def timed(aws: AwsProcess, arguments: list[str]) -> float:
    """Seconds of a command."""
    command = [sys.executable, "-m", "ccoctl", "aws", *arguments]
    begun = time.perf_counter()
    subprocess.run(command, env={**os.environ, **aws.environment()}, check=True, capture_output=True)
    return time.perf_counter() - begun


def critical_path(directory: Path, requests: Path) -> int:
    """The round trips of the longest chain: observing, and the calls of the plan's longest chain."""
    order = Order(
        part=Part.ALL,
        name="bench",
        region="us-east-1",
        output_dir=directory,
        credentials_requests_dir=requests,
        public_key_file=directory / "serviceaccount-signer.public",
    )
    checked = check(order)
    drawn = all_of_it(checked.settings, checked.requests, keys_for(order).public, Account(id="123456789012"))
    calls = tuple(step for step in drawn.plan.steps if getattr(step.work, "service", "tls") != "tls")
    kept = {step.id for step in calls}
    chain = max(height for name, height in heights(drawn.plan.steps).items() if name in kept)
    # below the first call of the chain are the look-up of the thumbprint and the file, which are no round trips
    return OBSERVING + 1 + chain - 2


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
