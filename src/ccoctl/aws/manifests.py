"""The manifests that the installer takes, as the Go tool writes them.

Source: pkg/cmd/provisioning/aws/create-iam-roles.go (`writeCredReqSecret`) and provisioning/utils.go
(`CreateClusterAuthentication`) of the cloud-credential-operator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ccoctl.aws.desired import Issuer
from ccoctl.aws.resources import Role
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.call import Output, Template, text
from ccoctl.engine.plan import WriteFile
from ccoctl.errors import Problem

DIRECTORY = PurePosixPath("manifests")
LONGEST_FILE_NAME = 255
"""Bytes, on every file system that matters."""
UNKNOWN_ROLE = "POPULATE ROLE ARN AND DELETE THIS LINE"
"""What the Go tool ends a Secret with whose role it does not know: it keeps the file from being applied as it is."""

_PLAIN = re.compile(r"[a-z]([a-z0-9.-]*[a-z0-9])?")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def secret(request: CredentialsRequest, role: Role) -> WriteFile:
    """The Secret that tells a component its role and where its token is."""
    return secret_for(request, role.arn)


def secret_for(request: CredentialsRequest, arn: str | Output | Template) -> WriteFile:
    """The same for the role of this ARN."""
    return WriteFile(path=secret_path(request.secret), content=_secret_text(request, arn))


def secret_path(secret: SecretRef) -> PurePosixPath:
    """`manifests/<namespace>-<name>-credentials.yaml`."""
    return DIRECTORY / f"{secret.namespace}-{secret.name}-credentials.yaml"


def file_problems(requests: Iterable[CredentialsRequest]) -> tuple[Problem, ...]:
    """Secrets whose manifests cannot be told apart, as that of `c` in `a-b` and of `b-c` in `a`, or not be named."""
    first: dict[PurePosixPath, CredentialsRequest] = {}
    found = []
    for request in requests:
        path = secret_path(request.secret)
        other = first.setdefault(path, request)
        if other.secret != request.secret:
            what = f"its manifest {path} is that of the Secret {other.secret}, too, of {other.source}"
            found.append(Problem(f"{request.source}: spec.secretRef", what))
        if len(path.name) > LONGEST_FILE_NAME:
            what = (
                f"its manifest's name would have {len(path.name)} characters; a file's has {LONGEST_FILE_NAME} at most"
            )
            found.append(Problem(f"{request.source}: spec.secretRef", what))
    return tuple(found)


def _secret_text(request: CredentialsRequest, arn: str | Output | Template) -> str | Template:
    before = (
        "apiVersion: v1\n"
        "stringData:\n"
        "  credentials: |-\n"
        "    [default]\n"
        "    sts_regional_endpoints = regional\n"
        "    role_arn = "
    )
    after = (
        f"\n    web_identity_token_file = {request.token_path}\n"
        "kind: Secret\n"
        "metadata:\n"
        f"  name: {scalar(request.secret.name)}\n"
        f"  namespace: {scalar(request.secret.namespace)}\n"
        "type: Opaque\n"
    )
    if isinstance(arn, Template):
        return Template((before, *arn.parts, after))
    return text(before, arn, after, placeholder=f"{before}{after}{UNKNOWN_ROLE}\n")


def authentication(issuer: Issuer) -> WriteFile:
    """The cluster's Authentication with its issuer."""
    url = issuer.url
    parts = url.parts if isinstance(url, Template) else (url,)
    before = (
        "apiVersion: config.openshift.io/v1\n"
        "kind: Authentication\n"
        "metadata:\n"
        "  name: cluster\n"
        "spec:\n"
        "  serviceAccountIssuer: "
    )
    placeholder = f"{before}{url.placeholder}\n" if isinstance(url, Template) else None
    return WriteFile(
        path=DIRECTORY / "cluster-authentication-02-config.yaml",
        content=text(before, *parts, "\n", placeholder=placeholder),
    )


def scalar(name: str) -> str:
    """A name as YAML reads it back: quoted where a plain one would be read as another type."""
    return name if _PLAIN.fullmatch(name) and name not in _YAML_WORDS else json.dumps(name)
