"""A set-up that create-all made in the lab, and its components' containers as a client finds them."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped] # it ships no types
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.cli.main import run
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.lab.server import EmbeddedAws
from tests.workflows.commands import REGION

REGISTRY = "openshift-image-registry/registry-credentials"
"""A component with two service accounts, which may list buckets."""
INGRESS = "openshift-ingress/cloud-credentials"
"""A component that may list roles."""
IN_THE_POD = "/var/run/secrets/openshift/serviceaccount/token"


@dataclass
class Clock:
    """The lab's: the machine's, but for as many seconds as it is told to be ahead."""

    ahead: int = 0

    def __call__(self) -> float:
        return time.time() + self.ahead  # noqa: TID251 - the clients go by the machine's clock


@dataclass(frozen=True)
class SetUp:
    """What create-all made, and the key that the cluster signs with."""

    name: str
    aws: EmbeddedAws
    clock: Clock
    signer: Signer
    directory: Path

    @property
    def issuer(self) -> str:
        text = (self.directory / "manifests/cluster-authentication-02-config.yaml").read_text()
        found: str = yaml.safe_load(text)["spec"]["serviceAccountIssuer"]
        return found

    def profile(self, secret: str) -> str:
        """The profile in a component's Secret."""
        text = (self.directory / f"manifests/{secret.replace('/', '-')}-credentials.yaml").read_text()
        found: str = yaml.safe_load(text)["stringData"]["credentials"]
        return found

    def role(self, secret: str) -> str:
        """The role that a component's Secret names."""
        [line] = [line for line in self.profile(secret).splitlines() if line.startswith("role_arn = ")]
        return line.removeprefix("role_arn = ")

    def token(self, secret: str, service_account: str = "controllers", audience: str = "openshift") -> str:
        """A token as the kubelet would have it for a pod of the component, issued by the lab's clock."""
        account = ServiceAccount(secret.partition("/")[0], service_account, str(uuid.uuid4()))
        request = TokenRequest(account=account, audiences=(audience,))
        return issue(
            self.signer,
            request,
            issuer=self.issuer,
            now=int(self.clock()),
            token_id="a0b1c2d3-0000-4000-8000-000000000000",
        )

    def exchanges(self) -> list[tuple[str, str]]:
        """The error codes of all exchanges so far, empty for a success, and what the lab knows of the reason."""
        calls = self.aws.calls()
        return [(call.code, call.reason) for call in calls if call.operation == "AssumeRoleWithWebIdentity"]


@dataclass(frozen=True)
class Pod:
    """What a container sees: its environment, and a token file in it."""

    token_file: Path
    environment: dict[str, str]

    def write(self, token: str) -> None:
        """A new token in the place of the old one."""
        self.token_file.write_text(token)

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command in the container."""
        return subprocess.run(
            command, env=self.environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60
        )


def made(
    account: tuple[EmbeddedAws, Clock], keys: Path, requests: Path, directory: Path, name: str, *more: str
) -> SetUp:
    """A set-up of that name, made in this process."""
    aws, clock = account
    options = ["--name", name, "--region", REGION, "--credentials-requests-dir", str(requests)]
    options += ["--output-dir", str(directory), "--public-key-file", str(keys / "serviceaccount-signer.public")]
    with pytest.MonkeyPatch.context() as patch:
        _set(aws.environment(), patch)
        assert run(["aws", "create-all", *options, *more]) == 0
    key = serialization.load_pem_private_key((keys / "serviceaccount-signer.private").read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return SetUp(name, aws, clock, Signer(key), directory)


def pod(set_up: SetUp, directory: Path, token: str, **variables: str) -> Pod:
    """A container with a token, whose variables name nothing but proxy, authority and region."""
    file = directory / "token"
    file.write_text(token)
    lab = {name: value for name, value in set_up.aws.environment().items() if not name.startswith("AWS_")}
    environment = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        **lab,
        "HOME": str(directory),
        "AWS_CA_BUNDLE": str(set_up.aws.ca_bundle),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **variables,
    }
    return Pod(file, environment)


def pod_by_variables(set_up: SetUp, directory: Path, token: str, secret: str = REGISTRY) -> Pod:
    """As the pod identity webhook sets a container up."""
    names = {"AWS_ROLE_ARN": set_up.role(secret), "AWS_WEB_IDENTITY_TOKEN_FILE": str(directory / "token")}
    return pod(set_up, directory, token, **names, AWS_ROLE_SESSION_NAME="controllers-0")


def pod_by_secret(set_up: SetUp, directory: Path, token: str, secret: str = REGISTRY) -> Pod:
    """As a component mounts its Secret; the token lies elsewhere, because this is no container."""
    profile = set_up.profile(secret)
    assert profile.count(IN_THE_POD) == 1
    (directory / "credentials").write_text(profile.replace(IN_THE_POD, str(directory / "token")))
    return pod(set_up, directory, token, AWS_SHARED_CREDENTIALS_FILE=str(directory / "credentials"))


MAKERS = {"variables": pod_by_variables, "secret": pod_by_secret}


def session(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK for Python in this process, as if it ran in the container."""
    _set(pod.environment, monkeypatch)
    return boto3.Session()


def _set(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """These variables, and none of the caller's that a client of AWS looks at."""
    for name in tuple(os.environ):
        if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
