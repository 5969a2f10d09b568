"""The whole story on this machine: an AWS, two set-ups, a pod for every component, the proof, and nothing left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import botocore.session

from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.credentialsrequest.select import select
from ccoctl.federation.clock import WallClock
from ccoctl.workflows.pod_run import PodOrder, component, pod

HERE = Path(__file__).parent
REQUESTS = HERE / "credentials-requests" / "okd-4.13"
REPORT = Path("demo-report.html")
CCOCTL = [sys.executable, "-m", "ccoctl"]
REGION = ["--region", "us-east-1"]
NAMES: dict[str, list[str]] = {"demo": [], "hidden": ["--create-private-s3-bucket"]}
ALLOWED = {
    "openshift-cloud-credential-operator": "iam get-user --user-name administrator",
    "openshift-image-registry": "s3 get-bucket-location --bucket demo-oidc",
    "openshift-ingress-operator": "route53 list-hosted-zones",
    "openshift-cluster-csi-drivers": "ec2 describe-volumes",
}
"""A call that each component makes in a cluster; the others describe instances."""
REFUSED = "iam list-roles"
"""What no component may do."""


def main() -> None:
    """Show the whole life of a set-up, and what it is for."""
    with tempfile.TemporaryDirectory(prefix="ccoctl-demo-") as folder, lab() as environment:
        outs = {name: Path(folder) / name for name in NAMES}
        title("create-all: one issuer in a public bucket, one in a private bucket behind CloudFront")
        for name, more in NAMES.items():
            ccoctl(environment, "create-all", *order(name, outs[name]), *more, "--key-bits", "2048")
        show_files(outs["demo"])
        title("a pod for every component: who it is, a call that IAM allows, one that it refuses")
        start_pods(environment, outs["demo"])
        title("a token is refreshed under a running pod")
        refresh_under_a_pod(environment, outs["hidden"])
        title("verify: every component gets its own role, and nobody else does")
        ccoctl(environment, "verify", *order("demo", outs["demo"]), "--html", str(REPORT), quiet=False)
        ccoctl(environment, "verify", *order("hidden", outs["hidden"]))
        title("what the lab's STS answered")
        show_answers(environment)
        title("delete: everything that carries our tags")
        for name in NAMES:
            ccoctl(environment, "delete", "--name", name, *REGION, "--yes")
        show_account(environment)


@contextmanager
def lab() -> Iterator[dict[str, str]]:
    """An AWS of our own as a process; gives the environment that leads to it."""
    title("lab up: an AWS on this machine")
    with subprocess.Popen([*CCOCTL, "lab", "up", "--output", "json"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield {**os.environ, **read_json(process.stdout)["environment"]}
        finally:
            process.terminate()


def read_json(stream: IO[str] | None) -> Any:
    """A JSON document of a stream that stays open behind it."""
    text = ""
    for line in stream or ():
        text += line
        if line == "}\n":
            return json.loads(text)
    sys.exit("the lab did not start")


def order(name: str, out: Path) -> list[str]:
    """The options of create-all and verify."""
    return ["--name", name, *REGION, "--credentials-requests-dir", str(REQUESTS), "--output-dir", str(out)]


def title(text: str) -> None:
    """Say what comes next."""
    print(f"\n== {text}", flush=True)


def ccoctl(environment: Mapping[str, str], *arguments: str, quiet: bool = True) -> None:
    """Run the command as a user would, and show the command line and what it ended with."""
    shown = (Path(text).name if text.startswith("/") else text for text in arguments)
    print(f"$ ccoctl aws {' '.join(shown)}", flush=True)
    command = [*CCOCTL, "aws", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    print(done.stdout.rstrip().splitlines()[-1] if quiet else done.stdout, flush=True)


def show_files(out: Path) -> None:
    """What the installer takes."""
    for path in sorted(item for item in out.rglob("*") if item.is_file()):
        print(f"  {path.stat().st_mode & 0o777:o}  {path.relative_to(out)}")


def start_pods(environment: Mapping[str, str], out: Path) -> None:
    """Each component's first service account, as `ccoctl pod run` starts it: with its role and token alone."""

    def run(request: CredentialsRequest) -> str:
        service_account = f"{request.secret.namespace}/{request.service_accounts[0]}"
        allowed = ALLOWED.get(request.secret.namespace, "ec2 describe-instances")
        command = [*CCOCTL, "pod", "run", service_account, "--manifests-dir", str(out / "manifests")]
        command += ["--", sys.executable, str(HERE / "pod.py"), allowed, REFUSED]
        told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        if f"{allowed}: allowed" not in told or f"{REFUSED}: refused" not in told:
            sys.exit(f"{service_account} may not do what it must, or may do what it must not:\n{told}")
        return told

    requests = select(load(REQUESTS), enable_tech_preview=False).requests
    with ThreadPoolExecutor(4) as pool:
        for request, told in zip(requests, pool.map(run, requests), strict=True):
            print(
                f"$ ccoctl pod run {request.secret.namespace}/{request.service_accounts[0]} …\n{told}",
                end="",
                flush=True,
            )


def refresh_under_a_pod(environment: Mapping[str, str], out: Path) -> None:
    """One process that looks at its token again and again, while the kubelet's part puts another one there."""
    wanted = PodOrder(
        service_account="openshift-machine-api/machine-api-controllers",
        manifests_dir=out / "manifests",
        region="us-east-1",
    )
    command = [sys.executable, str(HERE / "pod.py"), "--watch"]
    with (
        pod(component(wanted, environment), environment, clock=WallClock(), report=lambda _: None) as started,
        subprocess.Popen(
            command, env=started.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without its pipes")
        for number in range(3):
            if number:
                started.keeper.refresh()
            process.stdin.write("again\n")
            process.stdin.flush()
            print(process.stdout.readline(), end="", flush=True)
        process.stdin.close()


def show_answers(environment: Mapping[str, str]) -> None:
    """How often a token was taken or refused, and why: AWS tells nobody, the lab does."""
    command = [*CCOCTL, "lab", "calls", "--output", "json"]
    calls = json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)
    exchanges = [call for call in calls if call["operation"] == "AssumeRoleWithWebIdentity"]
    for code, number in sorted(Counter(call["code"] or "granted" for call in exchanges).items()):
        why = next(call["reason"] for call in exchanges if (call["code"] or "granted") == code)
        print(f"{number:4} {code:<22} for example: {why}", flush=True)


def show_account(environment: Mapping[str, str]) -> None:
    """What is in the account, read without ccoctl."""
    iam, s3, front = (client(environment, service) for service in ("iam", "s3", "cloudfront"))
    identities = front.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
    left = {
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "providers": [item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
        "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "distributions": [item["Id"] for item in front.list_distributions()["DistributionList"].get("Items", [])],
        "identities": [item["Id"] for item in identities.get("Items", [])],
    }
    print(f"what is left: {json.dumps(left)}", flush=True)
    if any(left.values()):
        sys.exit("something is left")


def client(environment: Mapping[str, str], service: str) -> Any:
    """A client of the SDK with the demo's own credentials."""
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


if __name__ == "__main__":
    main()
