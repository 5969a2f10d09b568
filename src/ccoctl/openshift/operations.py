"""What each operation on a cluster is over HTTP, and which right of RBAC it takes: the one table.

Source: Kubernetes API reference; "API access control: using RBAC authorization"; the types of openshift/api.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from ccoctl.engine.call import Call

SERVICE = "kubernetes"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""An object without what it holds: enough to know that it is there."""
PARTIAL = "PartialObjectMetadata"
"""The kind that such an answer has."""
KEY_SET = "application/jwk-set+json"
"""The API server refuses to give its keys as application/json."""

CONFIG = "config.openshift.io"
OPERATOR = "operator.openshift.io"
CREDENTIALS = "cloudcredential.openshift.io"
AUTHORIZATION = "authorization.k8s.io"

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""RFC 1123 as Kubernetes takes it; nothing in it means anything in a path."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation; a resource of the API, or a path that is none."""

    method: str
    verb: str
    """As RBAC calls it."""
    resource: str = ""
    """In the plural; empty where `path` says it all."""
    group: str = ""
    subresource: str = ""
    namespaced: bool = False
    name: str = ""
    """Of the only object that there is of its kind."""
    path: str = ""
    accept: str = JSON
    content_type: str = JSON
    """Of the body, where there is one."""
    kind: str = ""
    """Of what answers; empty where that is no object, or one of several kinds."""
    for_everybody: bool = False
    """Whoever is known to the cluster may do it (the role system:basic-user)."""


def _secret(method: str, verb: str, *, kind: str = "Secret", accept: str = JSON, content_type: str = JSON) -> Operation:
    return Operation(
        method=method,
        verb=verb,
        resource="secrets",
        namespaced=True,
        kind=kind,
        accept=accept,
        content_type=content_type,
    )


def _only_one(method: str, verb: str, group: str, resource: str, kind: str) -> Operation:
    return Operation(
        method=method, verb=verb, group=group, resource=resource, kind=kind, name="cluster", content_type=MERGE_PATCH
    )


def _path(path: str, accept: str = JSON) -> Operation:
    return Operation(method="GET", verb="get", path=path, accept=accept)


OPERATIONS: Mapping[str, Operation] = {
    "GetAuthentication": _only_one("GET", "get", CONFIG, "authentications", "Authentication"),
    "SetIssuer": _only_one("PATCH", "patch", CONFIG, "authentications", "Authentication"),
    "GetInfrastructure": _only_one("GET", "get", CONFIG, "infrastructures", "Infrastructure"),
    "GetCloudCredential": _only_one("GET", "get", OPERATOR, "cloudcredentials", "CloudCredential"),
    "SetUpgradeableTo": _only_one("PATCH", "patch", OPERATOR, "cloudcredentials", "CloudCredential"),
    "ListCredentialsRequests": Operation(
        method="GET", verb="list", group=CREDENTIALS, resource="credentialsrequests", kind="CredentialsRequestList"
    ),
    "GetSecret": _secret("GET", "get"),
    "LookForSecret": _secret("GET", "get", kind=PARTIAL, accept=METADATA_ONLY),
    "GetSigningKey": _secret("GET", "get"),
    "ApplySecret": _secret("PATCH", "patch", content_type=APPLY_PATCH),
    "DeleteSecret": _secret("DELETE", "delete", kind=""),
    "LookForNamespace": Operation(method="GET", verb="get", resource="namespaces", kind=PARTIAL, accept=METADATA_ONLY),
    "CreateNamespace": Operation(method="POST", verb="create", resource="namespaces", kind="Namespace"),
    "CreateToken": Operation(
        method="POST",
        verb="create",
        resource="serviceaccounts",
        subresource="token",
        namespaced=True,
        kind="TokenRequest",
    ),
    "ReviewAccess": Operation(
        method="POST",
        verb="create",
        group=AUTHORIZATION,
        resource="selfsubjectaccessreviews",
        kind="SelfSubjectAccessReview",
        for_everybody=True,
    ),
    "GetKeys": _path("/openid/v1/jwks", KEY_SET),
    "GetDiscovery": _path("/.well-known/openid-configuration"),
    "GetVersion": _path("/version"),
}
"""By the name of the Call."""


def path_of(call: Call) -> str:
    """Where its request goes, below the API server's address.

    Raises:
        ValueError: a namespace or name in it is none.
    """
    operation = OPERATIONS[call.operation]
    if operation.path:
        return operation.path
    parts = ["apis", operation.group, "v1"] if operation.group else ["api", "v1"]
    if operation.namespaced:
        parts += ["namespaces", _checked(call.parameters["Namespace"])]
    parts.append(operation.resource)
    if operation.name or "Name" in call.parameters:
        parts.append(operation.name or _checked(call.parameters["Name"]))
    if operation.subresource:
        parts.append(operation.subresource)
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{str(name)[:80]!a} is no name that Kubernetes takes")
    return name


def right_of(call: Call) -> str:
    """The right that a call takes, in words: `get secrets in openshift-ingress-operator`."""
    operation = OPERATIONS[call.operation]
    if operation.path:
        return f"{operation.verb} {operation.path}"
    resource = "/".join(part for part in (operation.resource, operation.subresource) if part)
    of_group = f".{operation.group}" if operation.group else ""
    place = f" in {str(call.parameters['Namespace'])[:80]}" if operation.namespaced else ""
    return f"{operation.verb} {resource}{of_group}{place}"
