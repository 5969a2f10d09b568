"""The CredentialsRequests of a running cluster, as those of a directory are read.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks": a list comes in pages, and one that took too
long has to be begun again (410).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import structs

from ccoctl.credentialsrequest.model import CredentialsRequest, Loaded, SecretRef, Skipped
from ccoctl.credentialsrequest.parse import parse
from ccoctl.credentialsrequest.select import FEATURE_SET
from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.errors import CloudError, ErrorKind, Problem
from ccoctl.openshift.calls import PAGE, list_credentials_requests
from ccoctl.openshift.seen import Requests

MOST = 2000
"""Requests in a cluster; a release has about ten."""
MOST_BYTES = 32 * 1024 * 1024
"""Of all of them as JSON; one has a few KiB."""
_GONE = frozenset({"Expired", "Gone", "410"})
_OWN_ROLE = "spec.providerSpec.stsIAMRoleARN"
"""Where an add-on's request names the role that its administrator made for it (since OpenShift 4.14)."""
_ADDED = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Annotations that tools keep for themselves."""


def requests_of(ask: Callable[[Call], Answer]) -> Requests:
    """All of them, whatever their namespace.

    In a cluster a request of a feature set is there because that set is enabled, so each of them applies.

    Raises:
        CloudError: they cannot be listed.
    """
    try:
        items = list(_items(ask))
    except CloudError as error:
        if error.code not in _GONE:
            raise
        items = list(_items(ask))
    requests: list[CredentialsRequest] = []
    skipped: list[Skipped] = []
    problems: list[Problem] = []
    documents: dict[SecretRef, Mapping[str, Any]] = {}
    own_roles: dict[SecretRef, str] = {}
    for item in items:
        parsed = parse(_where(item), json.dumps(_as_file(item), ensure_ascii=False).encode("utf-8", "replace"))
        problems += parsed.problems
        skipped += (one for one in parsed.found if isinstance(one, Skipped))
        for one in parsed.found:
            if isinstance(one, CredentialsRequest) and (role := at_path(item, _OWN_ROLE)):
                own_roles.setdefault(one.secret, str(role))
            elif isinstance(one, CredentialsRequest):
                requests.append(_applying(one))
                documents.setdefault(one.secret, _as_file(item))
    loaded = Loaded(directory="the cluster", requests=tuple(requests), skipped=tuple(skipped))
    return Requests(loaded=loaded, documents=documents, own_roles=own_roles, problems=tuple(problems))


def _items(ask: Callable[[Call], Answer]) -> Iterator[Mapping[str, Any]]:
    after, count, size = "", 0, 0
    for _ in range(MOST // PAGE):
        page = ask(list_credentials_requests(after))
        items = page.get("items")
        for item in items if isinstance(items, list) else []:
            count, size = count + 1, size + len(json.dumps(item))
            if count > MOST:
                raise _too_many(f"{MOST:,} CredentialsRequests, or its list has no end")
            if size > MOST_BYTES:
                raise _too_many(f"{MOST_BYTES:,} bytes of CredentialsRequests")
            if isinstance(item, Mapping):
                yield {"apiVersion": "cloudcredential.openshift.io/v1", "kind": "CredentialsRequest", **item}
        after = str(at_path(page, "metadata.continue") or "")
        if not after:
            return
    raise _too_many(f"{MOST:,} CredentialsRequests, or its list has no end")


def _too_many(what: str) -> CloudError:
    return CloudError(
        f"the cluster holds more than {what}",
        kind=ErrorKind.PERMANENT,
        operation="kubernetes:ListCredentialsRequests",
        remedy="See what made them, and check that the kubeconfig leads to a Kubernetes API server.",
    )


def _where(item: Mapping[str, Any]) -> str:
    namespace, name = (str(at_path(item, f"metadata.{part}") or "?")[:80] for part in ("namespace", "name"))
    return f"credentialsrequest {namespace}/{name}.json"


def _as_file(item: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object belongs into a file."""
    metadata = item.get("metadata")
    held = metadata if isinstance(metadata, Mapping) else {}
    kept: dict[str, Any] = {part: held[part] for part in ("name", "namespace") if part in held}
    if isinstance(annotations := held.get("annotations"), Mapping):
        said = {name: value for name, value in annotations.items() if name not in _ADDED}
        kept |= {"annotations": said} if said else {}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": kept, "spec": item.get("spec")}


def _applying(request: CredentialsRequest) -> CredentialsRequest:
    without = {name: value for name, value in request.annotations.items() if name != FEATURE_SET}
    return structs.replace(request, annotations=without)
