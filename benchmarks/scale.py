"""How the work on requests grows with their number, and what 1,000 of them take, in processor time and memory; one run.

`make bench`, or `python -m benchmarks.scale [--quick]`. For each number a process of its own tells the processor time
of

- **load**: reading the files, checking them and choosing those that apply (`load` and `select`);
- **plan**: all that `plan` does beside waiting for AWS, where every role is there as wanted: the answers come from
  memory, as the SDK gives them, and are parsed, compared and drawn up; the files of the output directory are left out;
- **dry run**: the files and the script of an empty account, in memory;

and the most memory that it had resident, without what Python and the imports take. The requests are as long as those of
a release (1.4 KB). The ratios are to the first row: twice the requests, twice the work.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ccoctl.aws.desired import Trusted, roles
from ccoctl.aws.dry_run import dry_run_files, file_names
from ccoctl.aws.resources import Role
from ccoctl.aws.script import script
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import select
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.workflows.aws_create import prepare
from ccoctl.workflows.aws_drawn import prepare_dry
from ccoctl.workflows.aws_order import Checked, Order, Part, check
from ccoctl.workflows.create_key_pair import PUBLIC, create_key_pair

NUMBERS = (250, 500, 1000, 2000)
LOAD, PLAN = 0.5, 1.0
"""Seconds of 1,000 requests that are aimed at."""
ACCOUNT = "123456789012"

REQUEST = """\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata:
  name: request-{number}
  namespace: openshift-cloud-credential-operator
  annotations:
    include.release.openshift.io/self-managed-high-availability: "true"
spec:
  secretRef:
    namespace: namespace-{number}
    name: cloud-credentials
  serviceAccountNames:
  - controller
  - operator
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - effect: Allow
      action:
{actions}      resource: "*"
    - effect: Allow
      action: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      resource: "*"
      policyCondition:
        Bool:
          kms:GrantIsForAWSResource: true
"""
ACTIONS = "".join(f"      - ec2:DescribeSomethingOfKind{number:02}\n" for number in range(24))


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one number of requests took."""

    load: float
    plan: float
    dry_run: float
    memory: float
    """MiB."""


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="250 and 500 requests alone")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        if given.one:
            print(msgspec.json.encode(figures(Path(folder), given.one)).decode())
        else:
            table(NUMBERS[:2] if given.quick else NUMBERS)


def table(numbers: tuple[int, ...]) -> None:
    """Each number in a process of its own."""
    print("requests        load            plan         dry run          memory")
    first: Figures | None = None
    for number in numbers:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = msgspec.json.decode(done.stdout, type=Figures)
        first = first or found
        cells = [
            f"{found.load * 1000:6.0f} ms {found.load / first.load:4.1f}x",
            f"{found.plan * 1000:6.0f} ms {found.plan / first.plan:4.1f}x",
            f"{found.dry_run * 1000:6.0f} ms {found.dry_run / first.dry_run:4.1f}x",
            f"{found.memory:5.1f} MiB {found.memory / first.memory:4.1f}x",
        ]
        print(f"{number:8}  {'  '.join(cells)}", flush=True)
    print(f"aimed at for 1,000: load {LOAD * 1000:.0f} ms, plan {PLAN * 1000:.0f} ms")


def figures(directory: Path, number: int) -> Figures:
    """What a number of requests takes, in seconds of processor time."""
    gc.set_threshold(50_000)  # as `ccoctl.cli.main` does
    requests = write_requests(directory, number)
    create_key_pair(directory, bits=2048)
    order = Order(
        part=Part.ALL,
        name="bench",
        region="us-east-1",
        output_dir=directory,
        credentials_requests_dir=requests,
        public_key_file=directory / PUBLIC,
    )
    before = resident()
    begun = time.process_time()
    select(load(requests), enable_tech_preview=False)
    loaded = time.process_time() - begun
    checked = check(order)
    cloud = Unchanged(checked)
    begun = time.process_time()
    prepared = prepare(checked, cloud, compare_files=False)
    planned = time.process_time() - begun
    if touched := [step.id for step in prepared.drawn.plan.steps if step.address.kind == "role"]:
        raise SystemExit(f"{len(touched)} roles differ, which should not: {touched[0]}")
    begun = time.process_time()
    drawn = prepare_dry(checked).drawn
    names = file_names("bench", drawn.roles, private=False)
    dry_run_files(drawn.plan, names), script(drawn.plan, names, checked.settings)
    return Figures(load=loaded, plan=planned, dry_run=time.process_time() - begun, memory=resident() - before)


class Unchanged:
    """An account whose roles are as wanted, and that holds nothing else; it answers as the SDK does, from memory."""

    def __init__(self, checked: Checked) -> None:
        """The answers are made now."""
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{checked.settings.bucket_host}"
        trusted = Trusted(arn=arn, host=checked.settings.bucket_host)
        wanted = roles(checked.settings, ACCOUNT, trusted, checked.requests)
        self._answers = {role.name: _answers(role) for role in wanted.values()}

    def perform(self, call: Call) -> Answer:
        """The answer to a question.

        Raises:
            CloudError: there is no such thing.
        """
        if call.operation == "GetCallerIdentity":
            return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/bench", "UserId": "AIDABENCH"}
        found = self._answers.get(str(call.parameters.get("RoleName", "")), {}).get(call.operation)
        if found is None:
            raise CloudError(f"{call.name} failed", kind=ErrorKind.MISSING, code="NoSuchEntity", operation=call.name)
        return found


def _answers(role: Role) -> dict[str, Mapping[str, Any]]:
    document = json.loads(json.dumps(role.trust.document))
    entry = {
        "RoleName": role.name,
        "Path": "/",
        "RoleId": "AROABENCH",
        "Arn": role.arn,
        "AssumeRolePolicyDocument": document,
        "Description": role.description,
        "MaxSessionDuration": 3600,
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
    }
    granted = json.loads(json.dumps(getattr(role.permissions, "document", {})))
    return {
        "GetRole": {"Role": entry},
        "GetRolePolicy": {"RoleName": role.name, "PolicyName": role.name, "PolicyDocument": granted},
        "ListRolePolicies": {"PolicyNames": [role.name], "IsTruncated": False},
        "ListAttachedRolePolicies": {"AttachedPolicies": [], "IsTruncated": False},
    }


def write_requests(directory: Path, number: int) -> Path:
    """A directory with that many requests."""
    requests = directory / f"requests-{number}"
    requests.mkdir(exist_ok=True)
    for index in range(number):
        (requests / f"{index:04}.yaml").write_text(REQUEST.format(number=index, actions=ACTIONS))
    return requests


def resident() -> float:
    """MiB that this process had resident at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
