"""The Calls to a cluster, each written once; an answer is the JSON body."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from ccoctl.engine.call import Call, Value
from ccoctl.openshift.operations import AUTHORIZATION, CONFIG, OPERATOR, SERVICE

FIELD_MANAGER = "ccoctl"
"""Whom the API server notes as the owner of the fields that we apply."""
PAGE = 50
"""Objects that are asked for at a time; a release has about ten requests."""
UPGRADEABLE_TO = "cloudcredential.openshift.io/upgradeable-to"
SIGNING_KEYS = {
    "next": ("openshift-kube-apiserver-operator", "next-bound-service-account-signing-key"),
    "current": ("openshift-kube-apiserver", "bound-service-account-signing-key"),
}
"""Namespace and name of the Secrets in which the operator of the API server keeps the key it will sign with, and the
one it signs with (cluster-kube-apiserver-operator, boundsatokensignercontroller.go)."""
PUBLIC_HALF = "service-account.pub"


def _call(operation: str, *, tolerate: frozenset[str] = frozenset(), **parameters: Value) -> Call:
    return Call(service=SERVICE, operation=operation, parameters=parameters, tolerate=tolerate)


def get_authentication() -> Call:
    """The cluster's Authentication; `spec.serviceAccountIssuer` is the issuer of its tokens."""
    return _call("GetAuthentication")


def set_issuer(url: Value, resource_version: str = "") -> Call:
    """Have the API server issue tokens in this name.

    With a version it is refused (409, Conflict) where somebody changed the object since.
    """
    return _call("SetIssuer", Body=_merged(CONFIG, "Authentication", {"serviceAccountIssuer": url}, resource_version))


def get_infrastructure() -> Call:
    """The cluster's Infrastructure; `status.platformStatus.aws.region` is where it runs."""
    return _call("GetInfrastructure")


def get_cloud_credential() -> Call:
    """The configuration of the cloud credential operator; `spec.credentialsMode` must be Manual."""
    return _call("GetCloudCredential")


def set_upgradeable_to(version: str, resource_version: str = "") -> Call:
    """Say that everything is there that this version wants."""
    metadata: dict[str, Value] = {"annotations": {UPGRADEABLE_TO: version}}
    if resource_version:
        metadata["resourceVersion"] = resource_version
    body: dict[str, Value] = {"apiVersion": f"{OPERATOR}/v1", "kind": "CloudCredential", "metadata": metadata}
    return _call("SetUpgradeableTo", Body=body)


def list_credentials_requests(continue_token: str = "") -> Call:  # a page's mark, no password # nosec B107
    """One page of the requests of all namespaces; `metadata.continue` leads to the next one."""
    query: dict[str, Value] = {"limit": str(PAGE)}
    if continue_token:
        query["continue"] = continue_token
    return _call("ListCredentialsRequests", Query=query)


def get_secret(namespace: str, name: str) -> Call:
    """A Secret with what it holds, `data` in base64."""
    return _call("GetSecret", Namespace=namespace, Name=name)


def look_for_secret(namespace: str, name: str) -> Call:
    """Whether there is a Secret: its metadata alone, so that nothing of what it holds travels."""
    return _call("LookForSecret", Namespace=namespace, Name=name)


def get_signing_key(which: str) -> Call:
    """The public half of the key that the API server signs with (`current`) or is about to (`next`).

    The answer is the Secret's, without the private half, which the port drops.
    """
    namespace, name = SIGNING_KEYS[which]
    return _call("GetSigningKey", Namespace=namespace, Name=name)


def apply_secret(
    namespace: str, name: str, string_data: Mapping[str, Value], *, force: bool = False, resource_version: str = ""
) -> Call:
    """Make a Secret hold this, or make it, by server-side apply.

    A field that somebody else set to another value is a conflict (409) unless `force` takes it over. The port applies
    it as `data`: whoever owns a field of `stringData` is not noted as the owner of the value. With a version it is
    refused (409, Conflict) where somebody changed the Secret since.
    """
    metadata = {"name": name, "namespace": namespace}
    if resource_version:
        metadata["resourceVersion"] = resource_version
    query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
    body: dict[str, Value] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "stringData": string_data,
    }
    return _call("ApplySecret", Namespace=namespace, Name=name, Query=query, Body=body)


def delete_secret(namespace: str, name: str, *, uid: str = "") -> Call:
    """Delete a Secret; with a uid, only that very one and none that was made in its place since."""
    body: dict[str, Value] = {"apiVersion": "v1", "kind": "DeleteOptions"}
    if uid:
        body["preconditions"] = {"uid": uid}
    tolerate = frozenset({"NotFound"})
    return _call("DeleteSecret", tolerate=tolerate, Namespace=namespace, Name=name, Body=body)


def look_for_namespace(name: str) -> Call:
    """Whether there is a namespace."""
    return _call("LookForNamespace", Name=name)


def create_namespace(name: str) -> Call:
    """Make a namespace; one that is there by now is as good."""
    body: dict[str, Value] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return _call("CreateNamespace", tolerate=frozenset({"AlreadyExists"}), Body=body)


def create_token(namespace: str, name: str, audiences: tuple[str, ...], seconds: int) -> Call:
    """A token of a service account; `status.token` of the answer."""
    spec: dict[str, Value] = {"audiences": audiences, "expirationSeconds": seconds}
    body: dict[str, Value] = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return _call("CreateToken", Namespace=namespace, Name=name, Body=body)


def get_keys() -> Call:
    """The API server's own JWKS: every key whose tokens it takes."""
    return _call("GetKeys")


def get_discovery() -> Call:
    """The API server's own discovery document; `issuer` is the one that tokens are issued in the name of now."""
    return _call("GetDiscovery")


def get_version() -> Call:
    """The API server's version, `gitVersion`."""
    return _call("GetVersion")


def review_access(verb: str, group: str, resource: str, namespace: str = "", *, name: str = "") -> Call:
    """Whether the caller may do this; `status.allowed` of the answer. Everybody may ask."""
    plural, _, subresource = resource.partition("/")
    wanted: dict[str, Value] = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
    more = {"subresource": subresource, "name": name}
    wanted |= {member: text for member, text in more.items() if text}
    body: dict[str, Value] = {
        "apiVersion": f"{AUTHORIZATION}/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    return _call("ReviewAccess", Body=body)


def encoded(string_data: Mapping[str, object]) -> dict[str, str]:
    """Text as a Secret's `data` holds it."""
    return {name: base64.b64encode(str(text).encode()).decode() for name, text in string_data.items()}


def _merged(group: str, kind: str, spec: Mapping[str, Value], resource_version: str) -> Value:
    body: dict[str, Value] = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
    if resource_version:
        body["metadata"] = {"resourceVersion": resource_version}
    return body
