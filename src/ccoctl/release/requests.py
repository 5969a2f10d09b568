"""The CredentialsRequests of a release: which of its manifests they are, and the files that they are written to.

Source: `oc adm release extract --credentials-requests` (extract.go of openshift/oc).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from ccoctl.credentialsrequest.aws_spec import API_VERSION
from ccoctl.credentialsrequest.cursor import Cursor, shown
from ccoctl.credentialsrequest.document import documents
from ccoctl.errors import Problem, Problems
from ccoctl.release.inclusion import KINDS, Inclusion
from ccoctl.release.kubeyaml import kube_yaml

_ENDINGS = (".yaml", ".yml", ".json")
_WORD = b"CredentialsRequest"
_MOST_VALUES = 30_000
"""In all requests of an image; the sixty of all clouds have about 4,000, and writing them takes a while."""


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """The files as `oc` would write them, and what was left out."""

    files: Mapping[str, str]
    """Name → content, in the order of their names."""
    requests: int
    """How many are in them."""
    left_out: Mapping[str, int]
    """Why → how many requests."""


def candidates(payload: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that can hold CredentialsRequests, by their endings and because the word is in them.

    A release has nine hundred manifests; taking all of them apart would take half a minute and tell nothing.
    """
    return {name: data for name, data in sorted(payload.items()) if name.endswith(_ENDINGS) and _WORD in data}


def extract(
    payload: Mapping[str, bytes], *, where: str, cloud: str = "", included: Inclusion | None = None
) -> Extracted:
    """The requests among a release's manifests.

    Args:
        payload: name → content of the release's manifests.
        where: the image, for messages.
        cloud: the only cloud whose requests are meant; empty for those of all, tombstones included.
        included: what the cluster's install-config says; None to filter by the cloud alone.

    Raises:
        Problems: with everything that is wrong in any file that holds a request.
    """
    kind = KINDS.get(cloud or (included.cloud if included else ""), "")
    problems: list[Problem] = []
    left_out: Counter[str] = Counter()
    files: dict[str, str] = {}
    count = values = 0
    for name, data in candidates(payload).items():
        kept = []
        for request in _requests(f"{where}: {name}", data, problems):
            reason = _why_not(request, kind, included)
            if reason:
                left_out[reason] += 1
            elif (values := values + request.value.size) > _MOST_VALUES:
                request.complain(f"the image's requests have more than {_MOST_VALUES:,} values")
            else:
                kept.append(f"---\n{kube_yaml(request.value)}")
        if kept:
            files[name] = "".join(kept)
            count += len(kept)
    if problems:
        raise Problems(tuple(problems), what="The release's requests cannot be read")
    return Extracted(files=files, requests=count, left_out=dict(sorted(left_out.items())))


def _requests(file: str, data: bytes, problems: list[Problem]) -> list[Cursor]:
    """The requests in a file."""
    text = documents(file, data)
    cursors = [Cursor(file, one.number, one.root, problems) for one in text.documents]
    found = [one for one in cursors if (one.peek("kind"), one.peek("apiVersion")) == (_WORD.decode(), API_VERSION)]
    problems += text.problems
    names: set[tuple[str, str]] = set()
    for one in found:
        name = one.peek("metadata", "name")
        identity = (one.peek("metadata", "namespace"), name)
        if not name:
            one.complain("metadata.name is missing")
        elif identity in names:
            one.complain(f"the request {shown(name)} stands here twice")
        names.add(identity)
    return found


def _why_not(request: Cursor, kind: str, included: Inclusion | None) -> str:
    own = request.peek("spec", "providerSpec", "kind")
    if kind and own != kind:
        return "for another cloud" if own else "without a provider"
    return included.why_not(annotations_of(request)) if included is not None else ""


def annotations_of(request: Cursor) -> dict[str, str]:
    """A request's annotations, as far as they are strings."""
    found = request.value.data
    for name in ("metadata", "annotations"):
        found = found[name].data if isinstance(found, Mapping) and name in found else None
    if not isinstance(found, Mapping):
        return {}
    return {name: value.data for name, value in found.items() if isinstance(value.data, str)}
