"""What a cluster that is no OpenShift needs instead of the installer's manifests.

Source: Kubernetes reference, kube-apiserver ("--service-account-issuer" and the like) and "Configure Service Accounts
for Pods" (projected tokens); the annotations are those of the amazon-eks-pod-identity-webhook, whoever runs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from ccoctl.aws.desired import TOKEN_AUDIENCE, Issuer, Settings
from ccoctl.aws.resources import Role
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.call import Output, Template, text
from ccoctl.engine.plan import WriteFile
from ccoctl.errors import Problem

DIRECTORY = PurePosixPath("kubernetes")
FLAGS = DIRECTORY / "kube-apiserver.flags"
_AUDIENCE = "sts.amazonaws.com"
"""What AWS's SDKs and the webhook ask for where nothing else is said."""
_SECONDS = 3600
"""A token's life; the kubelet gets a new one when four fifths of it are over."""
_IMAGE = "public.ecr.aws/aws-cli/aws-cli"


def problems(requests: Iterable[CredentialsRequest]) -> tuple[Problem, ...]:
    """Service accounts of several requests: an annotation names one role."""
    first: dict[str, SecretRef] = {}
    found = []
    for request in requests:
        for name in request.service_accounts:
            account = f"{request.secret.namespace}/{name}"
            other = first.setdefault(account, request.secret)
            if other != request.secret:
                what = f"{account} is also in the request for {other}, and a service account is annotated with one role"
                found.append(Problem(f"{request.source}: spec.serviceAccountNames", what))
    return tuple(found)


def flags(issuer: Issuer) -> WriteFile:
    """The flags of every kube-apiserver, with what a person should know."""
    return WriteFile(
        path=FLAGS,
        content=text(
            "# For every kube-apiserver. serviceaccount-signer.private and .public are put where these paths lead;\n"
            "# the flag of the public key is given again for each older key whose tokens are still in use.\n"
            "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key\n"
            "--service-account-key-file=/etc/kubernetes/pki/sa.pub\n"
            "# Given again, after this one, for an issuer whose tokens are still in use: the first one signs.\n"
            "--service-account-issuer=",
            issuer.url,
            "\n--service-account-jwks-uri=",
            issuer.jwks_uri,
            "\n",
        ),
    )


def accounts(
    settings: Settings, requests: Iterable[CredentialsRequest], roles: Mapping[SecretRef, Role]
) -> Iterator[tuple[SecretRef, WriteFile]]:
    """For each service account: itself, annotated with its role, and a pod that tries it without any webhook."""
    audience = TOKEN_AUDIENCE if settings.bind_audience else _AUDIENCE
    for request in requests:
        arn = roles[request.secret].arn
        for name in request.service_accounts:
            begin = f"{request.secret.namespace}-{name}"
            yield (
                request.secret,
                WriteFile(
                    path=DIRECTORY / f"{begin}-serviceaccount.yaml", content=_account(request, name, arn, audience)
                ),
            )
            yield (
                request.secret,
                WriteFile(path=DIRECTORY / f"{begin}-pod.yaml", content=_pod(settings, request, name, arn, audience)),
            )


_Arn = str | Output | Template


def _account(request: CredentialsRequest, name: str, arn: _Arn, audience: str) -> str | Template:
    return text(
        "apiVersion: v1\n"
        "kind: ServiceAccount\n"
        "metadata:\n"
        f"  name: {json.dumps(name)}\n"
        f"  namespace: {json.dumps(request.secret.namespace)}\n"
        "  annotations:\n"
        "    eks.amazonaws.com/role-arn: ",
        arn,
        f"\n    eks.amazonaws.com/audience: {audience}\n"
        '    eks.amazonaws.com/sts-regional-endpoints: "true"\n'
        f'    eks.amazonaws.com/token-expiration: "{_SECONDS}"\n',
    )


def _pod(settings: Settings, request: CredentialsRequest, name: str, arn: _Arn, audience: str) -> str | Template:
    """Says in its log whose credentials it has; its volume, mount and environment are what any pod needs."""
    token = PurePosixPath(request.token_path)
    return text(
        "apiVersion: v1\n"
        "kind: Pod\n"
        "metadata:\n"
        f"  generateName: {json.dumps(name[:200] + '-who-am-i-')}\n"
        f"  namespace: {json.dumps(request.secret.namespace)}\n"
        "spec:\n"
        f"  serviceAccountName: {json.dumps(name)}\n"
        "  restartPolicy: Never\n"
        "  containers:\n"
        "  - name: who-am-i\n"
        f"    image: {_IMAGE}\n"
        "    args: [sts, get-caller-identity]\n"
        "    env:\n"
        "    - name: AWS_ROLE_ARN\n"
        "      value: ",
        arn,
        "\n    - name: AWS_WEB_IDENTITY_TOKEN_FILE\n"
        f"      value: {json.dumps(str(token))}\n"
        "    - name: AWS_REGION\n"
        f"      value: {json.dumps(settings.region)}\n"
        "    - name: AWS_STS_REGIONAL_ENDPOINTS\n"
        "      value: regional\n"
        "    volumeMounts:\n"
        "    - name: token\n"
        f"      mountPath: {json.dumps(str(token.parent))}\n"
        "      readOnly: true\n"
        "  volumes:\n"
        "  - name: token\n"
        "    projected:\n"
        "      sources:\n"
        "      - serviceAccountToken:\n"
        f"          audience: {audience}\n"
        f"          expirationSeconds: {_SECONDS}\n"
        f"          path: {json.dumps(token.name)}\n",
    )
