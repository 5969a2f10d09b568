"""A file's bytes as the requests for AWS in it, checked against their schema.

Source: the CRD `credentialsrequests.cloudcredential.openshift.io` (v1), `AWSProviderSpec` of the operator's API, and
what Kubernetes asks of names. Inside of a spec an unknown member is a problem: a typo there would silently drop
permissions.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ccoctl.credentialsrequest import names
from ccoctl.credentialsrequest.aws_spec import API_VERSION, KIND, provider_spec
from ccoctl.credentialsrequest.cursor import Cursor, shown, suggestion
from ccoctl.credentialsrequest.document import documents
from ccoctl.credentialsrequest.model import (
    DEFAULT_TOKEN_PATH,
    CredentialsRequest,
    Reason,
    SecretRef,
    Skipped,
    Source,
)
from ccoctl.errors import Problem

_SPEC = ("cloudTokenPath", "providerSpec", "secretRef", "serviceAccountNames")
# A Kubernetes ObjectReference; all but the first two are without effect here.
_SECRET_REF = ("name", "namespace", "apiVersion", "fieldPath", "kind", "resourceVersion", "uid")
_LONGEST_PATH = 4096
"""PATH_MAX of Linux, where the component runs."""
_GROUP = "cloudcredential.openshift.io/"
_DELETE = "release.openshift.io/delete"

Read: TypeAlias = CredentialsRequest | Skipped


class Parsed(msgspec.Struct, frozen=True):
    """What a file holds, and all that is wrong with it."""

    found: tuple[Read, ...]
    problems: tuple[Problem, ...]


def parse(file: str, data: bytes) -> Parsed:
    """Read a YAML or JSON file; `file` is its name for messages, and by its ending tells JSON."""
    text = documents(file, data)
    problems = list(text.problems)
    found: list[Read] = []
    for document in text.documents:
        if document.root.data is None:  # nothing between two separators
            continue
        found += _objects(Cursor(file, document.number, document.root, problems))
    return Parsed(tuple(found), tuple(problems))


def _objects(cursor: Cursor) -> list[Read]:
    """The object, or those in a List."""
    kind = cursor.peek("kind")
    api_version = cursor.peek("apiVersion")
    if (kind == "List" and api_version == "v1") or (kind == "CredentialsRequestList" and api_version == API_VERSION):
        items = cursor.members().get("items")
        return [read for item in items.items() for read in _objects(item)] if items else []
    read = _object(cursor, kind, api_version)
    return [] if read is None else [read]


def _object(cursor: Cursor, kind: str, api_version: str) -> Read | None:
    source = Source(file=cursor.file, line=cursor.value.line, document=cursor.document)
    if kind != "CredentialsRequest":
        if api_version.startswith(_GROUP):
            cursor.complain(f"kind must be CredentialsRequest, not {shown(kind) or 'left out'}")
            return None
        return Skipped(source=source, reason=Reason.OTHER_KIND, name=shown(kind))
    if api_version != API_VERSION:
        cursor.complain(f"apiVersion must be {API_VERSION}, not {shown(api_version) or 'left out'}")
        return None
    if cursor.peek("metadata", "annotations", _DELETE) == "true":
        name = shown(cursor.peek("metadata", "name"))
        return Skipped(source=source, reason=Reason.DELETED, name=name)
    before = len(cursor.problems)
    read = _request(cursor, source)
    return read if len(cursor.problems) == before else None


def _request(cursor: Cursor, source: Source) -> Read | None:
    """The request; what it says is void when problems were noted."""
    top = cursor.members(required=("metadata", "spec"))
    if "spec" not in top or "metadata" not in top:
        return None
    metadata = top["metadata"].members(required=("name",))
    name = names.subdomain(metadata["name"]) if "name" in metadata else ""
    namespace = names.label(metadata["namespace"]) if "namespace" in metadata else ""
    annotations = _strings(metadata.get("annotations"))
    _strings(metadata.get("labels"))
    if (other := _other_cloud(top["spec"])) is not None:
        return Skipped(source=source, reason=Reason.OTHER_CLOUD, name=other)
    spec = top["spec"].members(known=_SPEC, required=("secretRef", "providerSpec"))
    if "secretRef" not in spec or "providerSpec" not in spec:
        return None
    return CredentialsRequest(
        name=name,
        namespace=namespace,
        annotations=annotations,
        secret=_secret(spec["secretRef"]),
        service_accounts=_service_accounts(spec.get("serviceAccountNames")),
        spec=provider_spec(spec["providerSpec"]),
        token_path=_token_path(spec.get("cloudTokenPath")),
        source=source,
    )


def _other_cloud(spec: Cursor) -> str | None:
    """The provider spec's kind where it is not AWS's, None where the request is one for AWS or cannot be read."""
    members = spec.members()
    if "providerSpec" not in members:
        spec.members(known=_SPEC)  # it may be there, misspelt
        return ""
    provider = members["providerSpec"].members()
    kind = provider["kind"].text() if "kind" in provider else ""
    if kind == KIND:
        return None
    if kind.casefold() == KIND.casefold():
        provider["kind"].complain(f"there is no such kind{suggestion(kind, (KIND,))}")
    return shown(kind)


def _strings(cursor: Cursor | None) -> dict[str, str]:
    return {} if cursor is None else {name: member.text() for name, member in cursor.members().items()}


def _secret(cursor: Cursor) -> SecretRef:
    members = cursor.members(known=_SECRET_REF, required=("name", "namespace"))
    return SecretRef(
        name=names.subdomain(members["name"]) if "name" in members else "",
        namespace=names.label(members["namespace"]) if "namespace" in members else "",
    )


def _service_accounts(cursor: Cursor | None) -> tuple[str, ...]:
    """The names, each once: a subject counts once in a trust policy."""
    return () if cursor is None else tuple(dict.fromkeys(names.subdomain(item) for item in cursor.items()))


def _token_path(cursor: Cursor | None) -> str:
    if cursor is None or not (path := cursor.text()):
        return DEFAULT_TOKEN_PATH
    if len(path) > _LONGEST_PATH:
        cursor.complain(f"must have {_LONGEST_PATH:,} characters at most")
    if not path.startswith("/"):
        cursor.complain("must be an absolute path, beginning with a slash")
    if not path.isprintable() or path != path.strip():
        # it becomes a line of an AWS profile, where both would change its meaning
        cursor.complain("must not hold control characters or line breaks, nor begin or end with a space")
    return path
