"""The main job from start to end, against an AWS on this machine: create, look, plan, delete, look again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import botocore.session

from ccoctl.lab.process import aws_process

REQUESTS = Path(__file__).parent / "credentials-requests" / "okd-4.13"
COMMON = ["--name", "demo", "--region", "us-east-1"]


def main() -> None:
    """Show the whole life of a set-up."""
    with aws_process() as aws, tempfile.TemporaryDirectory(prefix="ccoctl-demo-") as folder:
        environment = {**os.environ, **aws.environment()}
        out = Path(folder) / "out"
        requests = ["--credentials-requests-dir", str(REQUESTS), "--output-dir", str(out)]
        title("create-all: key pair, issuer, provider, a role for each request")
        ccoctl(environment, "create-all", *COMMON, *requests)
        show_files(out)
        show_account(environment)
        title("plan: right after, there is nothing to do")
        ccoctl(environment, "plan", *COMMON, *requests)
        title("delete: everything that carries our tag")
        ccoctl(environment, "delete", *COMMON, "--yes")
        show_account(environment)


def title(text: str) -> None:
    """Say what comes next."""
    print(f"\n== {text}", flush=True)


def ccoctl(environment: dict[str, str], *arguments: str) -> None:
    """Run the command as a user would, and show the command line."""
    print(f"$ ccoctl aws {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "ccoctl", "aws", *arguments], env=environment, check=True)


def show_files(out: Path) -> None:
    """What is in the output directory, with modes."""
    title("the files")
    for path in sorted(out.rglob("*")):
        print(f"{stat.filemode(path.stat().st_mode)}  {path.relative_to(out)}")


def show_account(environment: dict[str, str]) -> None:
    """What is in the account, read without ccoctl."""
    title("the account")
    iam, s3 = client(environment, "iam"), client(environment, "s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    providers = [entry["Arn"] for entry in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    print(json.dumps({"buckets": buckets, "providers": providers, "roles": roles}, indent=2), flush=True)


def client(environment: dict[str, str], service: str) -> Any:
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
