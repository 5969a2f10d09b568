"""The manifests that the installer takes, read again: the issuer, and the Secret of each component.

They are hostile input like any other file: bounded, and refused where they say something that nobody can mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ccoctl import files
from ccoctl.credentialsrequest import names
from ccoctl.credentialsrequest.cursor import Cursor, shortened
from ccoctl.credentialsrequest.document import documents
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import FileError, Problem, Problems
from ccoctl.signing import discovery

AUTHENTICATION = "cluster-authentication-02-config.yaml"
LIMIT = 64 * 1024
"""Bytes of one manifest; ours have less than one KiB."""
MOST_FILES = 1000
"""Secrets in a directory; a release has about ten."""
SECRETS = "*-credentials.yaml"
"""What the files of Secrets are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSecret:
    """A Secret that tells a component how to get credentials."""

    ref: SecretRef
    path: Path
    credentials: str | None = field(repr=False)
    """`stringData.credentials`, as it stands there; None where it is missing."""


def issuer(directory: Path) -> str:
    """The cluster's issuer.

    Raises:
        FileError: the manifest is missing or cannot be read.
        Problems: it does not say one issuer's URL.
    """
    path = directory / AUTHENTICATION
    problems: list[Problem] = []
    urls = {url for cursor in _objects(path, problems) if (url := _issuer(cursor)) is not None}
    if not problems and len(urls) != 1:
        problems.append(Problem(str(path), f"names {len(urls)} issuers, not one"))
    if problems:
        raise Problems(tuple(problems))
    return urls.pop()


def secrets(directory: Path) -> tuple[ComponentSecret, ...]:
    """The Secrets of all components, in the order of their files.

    Raises:
        FileError: the directory or a file cannot be read.
        Problems: with everything that is wrong in any of them.
    """
    if not directory.is_dir():
        remedy = "Give the manifests directory that create-all or create-iam-roles wrote."
        raise FileError("There is no such directory", where=str(directory), remedy=remedy)
    paths = sorted(directory.glob(SECRETS))
    if len(paths) > MOST_FILES:
        raise FileError(f"There are more than {MOST_FILES} Secrets", where=str(directory), remedy="Check the path.")
    problems: list[Problem] = []
    found = [one for path in paths for cursor in _objects(path, problems) if (one := _secret(path, cursor)) is not None]
    if problems:
        raise Problems(tuple(problems))
    return tuple(found)


def _objects(path: Path, problems: list[Problem]) -> list[Cursor]:
    """The mappings of a file; what is wrong with its text goes to the problems."""
    read = documents(str(path), files.read_bytes(path, limit=LIMIT))
    problems += read.problems
    cursors = [Cursor(str(path), one.number, one.root, problems) for one in read.documents]
    return [cursor for cursor in cursors if isinstance(cursor.value.data, Mapping)]


def _issuer(cursor: Cursor) -> str | None:
    if cursor.peek("kind") != "Authentication":
        return None
    spec = cursor.members(required=("spec",)).get("spec")
    named = spec.members(required=("serviceAccountIssuer",)).get("serviceAccountIssuer") if spec else None
    if named is None:
        return None
    url = named.text()
    if url and (reason := discovery.url_problem(url)):
        named.complain(f"the issuer {shortened(url)!r} {reason}")
    return url


def _secret(path: Path, cursor: Cursor) -> ComponentSecret | None:
    if cursor.peek("kind") != "Secret":
        return None
    top = cursor.members(required=("metadata",))
    metadata = top["metadata"].members(required=("name", "namespace")) if "metadata" in top else {}
    data = top["stringData"].members() if "stringData" in top else {}
    if not {"name", "namespace"} <= metadata.keys():
        return None
    ref = SecretRef(namespace=names.label(metadata["namespace"]), name=names.subdomain(metadata["name"]))
    credentials = data["credentials"].text() if "credentials" in data else None
    return ComponentSecret(ref=ref, path=path, credentials=credentials)
