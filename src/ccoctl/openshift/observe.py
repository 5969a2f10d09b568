"""Looks at a running cluster; nothing is changed, and what may not be read is said so."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.attempt import Tell, read
from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pool import pool
from ccoctl.errors import CcoctlError, CloudError, ClusterError, DocumentError, ErrorKind, SigningKeyError
from ccoctl.openshift import calls
from ccoctl.openshift.operations import right_of
from ccoctl.openshift.requests import requests_of
from ccoctl.openshift.seen import ROOT_SECRETS, ClusterSeen, HeldSecret, Requests
from ccoctl.signing import jwks
from ccoctl.signing.jwks import Jwks

ROOT_NAMESPACE = "kube-system"
See = Callable[[Call], Answer | Unseen | None]


def observe(cluster: Cloud, *, concurrency: int = 10, tell: Tell | None = None) -> ClusterSeen:
    """The cluster as its API server tells it.

    Raises:
        CloudError: it does not answer, or the credentials are not valid.
        ClusterError: it is no OpenShift.
    """

    def see(call: Call) -> Answer | Unseen | None:
        return _seen(call, lambda: read(cluster, call, tell))

    with pool(concurrency, "observe") as threads:
        mode, authentication, infrastructure, served, keys = threads.map(
            see,
            (
                calls.get_cloud_credential(),
                calls.get_authentication(),
                calls.get_infrastructure(),
                calls.get_discovery(),
                calls.get_keys(),
            ),
        )
        requests = _requests(cluster, tell)
        refs = [*requests.documents, *requests.own_roles] if isinstance(requests, Requests) else []
        secrets = dict(zip(refs, threads.map(lambda ref: _secret(see, ref), refs), strict=True))
        roots = dict(zip(ROOT_SECRETS, threads.map(lambda name: _root(see, name), ROOT_SECRETS), strict=True))
    return ClusterSeen(
        mode=_text(mode, "spec.credentialsMode"),
        issuer=_text(authentication, "spec.serviceAccountIssuer"),
        issuer_version=_plain(authentication, "metadata.resourceVersion"),
        served=_text(served, "issuer") or "",
        keys=_keys(keys),
        requests=requests,
        secrets=secrets,
        roots=roots,
        region=_plain(infrastructure, "status.platformStatus.aws.region"),
    )


def _seen(call: Call, ask: Callable[[], Answer]) -> Answer | Unseen | None:
    try:
        return ask()
    except CloudError as error:
        if error.kind is ErrorKind.MISSING:
            return None
        if error.kind is ErrorKind.DENIED and error.actions:
            return Unseen(right_of(call))
        raise


def _requests(cluster: Cloud, tell: Tell | None) -> Requests | Unseen:
    try:
        return requests_of(lambda call: read(cluster, call, tell))
    except CloudError as error:
        if error.kind is ErrorKind.DENIED and error.actions:
            return Unseen(", ".join(error.actions))
        if error.kind is ErrorKind.MISSING:
            raise ClusterError(
                "the cluster knows no CredentialsRequests, so it is no OpenShift",
                remedy="Of any other cluster `ccoctl aws verify --kubeconfig` tries the tokens.",
            ) from error
        raise


def _secret(see: See, ref: SecretRef) -> HeldSecret | Unseen | None:
    found = see(calls.get_secret(ref.namespace, ref.name))
    if found is None or isinstance(found, Unseen):
        return found
    data = found.get("data")
    held = data.items() if isinstance(data, Mapping) else ()
    return HeldSecret(uid=_plain(found, "metadata.uid"), data={str(name): _decoded(str(value)) for name, value in held})


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _root(see: See, name: str) -> bool | Unseen:
    found = see(calls.look_for_secret(ROOT_NAMESPACE, name))
    return found if isinstance(found, Unseen) else found is not None


def _keys(found: Answer | Unseen | None) -> Jwks | Unseen | CcoctlError:
    if isinstance(found, Unseen):
        return found
    if found is None:
        return DocumentError("the API server publishes no JWKS", remedy="Is its service account issuer set?")
    try:
        return jwks.parse(json.dumps(found).encode(), where="/openid/v1/jwks")
    except SigningKeyError as error:
        return error


def _text(found: Answer | Unseen | None, path: str) -> Any:
    """The text at a path: empty where it is not said, None where the whole object is missing."""
    return found if found is None or isinstance(found, Unseen) else _plain(found, path)


def _plain(found: Answer | Unseen | None, path: str) -> str:
    value = None if isinstance(found, Unseen) or found is None else at_path(found, path)
    return value if isinstance(value, str) else ""
