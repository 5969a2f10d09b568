"""Image references: what a user writes to name an image, in a registry or on disk.

Source: the grammar of github.com/distribution/reference; containers-transports(5) for `oci:` and `oci-archive:`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from ccoctl.errors import UsageError

DOCKER_HUB = "docker.io"
_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_LONGEST_NAME = 255
_LONGEST = 4096

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image in a registry; without a tag and a digest it is the one tagged `latest`."""

    registry: str
    """`host[:port]`; `docker.io` for Docker Hub."""
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def host(self) -> str:
        """Where the registry's API is: Docker Hub's is elsewhere than its name says."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry

    @property
    def name(self) -> str:
        """`registry/repository`."""
        return f"{self.registry}/{self.repository}"

    @property
    def selector(self) -> str:
        """What the registry is asked for: the digest before the tag."""
        return self.digest or self.tag or "latest"

    def moved(self, registry: str, repository: str) -> Image:
        """The same image somewhere else."""
        return replace(self, registry=registry, repository=repository)

    def __str__(self) -> str:
        return f"{self.name}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"


class OnDisk(msgspec.Struct, frozen=True, kw_only=True):
    """An image in an OCI layout: a directory, or a tar archive of one."""

    path: str
    archive: bool = False
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        scheme = "oci-archive" if self.archive else "oci"
        return f"{scheme}:{self.path}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"


Reference: TypeAlias = Image | OnDisk


def parse(text: str) -> Reference:
    """What a user's words name: `[registry/]repository[:tag][@digest]`, `oci:DIR[:tag]` or `oci-archive:FILE[:tag]`.

    Raises:
        UsageError: they name no image.
    """
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise _no_image(text, "it is empty, too long, or holds control characters")
    if text.startswith("oci-archive:"):
        return _on_disk(text, text.removeprefix("oci-archive:"), archive=True)
    if text.startswith("oci:"):
        return _on_disk(text, text.removeprefix("oci:"), archive=False)
    return _image(text, text.removeprefix("docker://"))


def is_digest(text: str) -> bool:
    """True for a digest of a kind that can be checked: `sha256:` or `sha512:` and its hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def split_repository(name: str) -> tuple[str, str]:
    """`registry/repository` apart, by Docker's rules: a first part without a dot or a port is no registry.

    Raises:
        UsageError: it is no name of a repository.
    """
    first, slash, rest = name.partition("/")
    if not slash or not (first == "localhost" or set(first) & set(".:[") or first != first.lower()):
        first, rest = DOCKER_HUB, name
    if first in _HUB_NAMES:
        first = DOCKER_HUB
        rest = rest if "/" in rest else f"library/{rest}"
    if not is_registry(first):
        raise _no_image(name, f"{first[:80]!r} is no registry")
    if not _REPOSITORY.fullmatch(rest) or len(rest) > _LONGEST_NAME:
        raise _no_image(name, f"{rest[:80]!r} is no repository: lower-case letters, digits, and ._- between them")
    return first, rest


def is_registry(text: str) -> bool:
    """True for `host[:port]`."""
    matched = _REGISTRY.fullmatch(text)
    return matched is not None and int(matched["port"] or 1) in range(1, 65536) and len(text) <= _LONGEST_NAME


def _image(text: str, rest: str) -> Image:
    rest, at, digest = rest.partition("@")
    if at and not is_digest(digest):
        raise _no_image(text, "what follows the @ must be a digest, sha256: and 64 hexadecimal digits")
    name, tag = _split_tag(rest)
    if tag and not _TAG.fullmatch(tag):
        raise _no_image(text, f"{tag[:80]!r} is no tag")
    if not tag and rest.endswith(":"):
        raise _no_image(text, "the tag is empty")
    registry, repository = split_repository(name)
    return Image(registry=registry, repository=repository, tag=tag, digest=digest)


def _split_tag(rest: str) -> tuple[str, str]:
    """A colon after the last slash begins a tag; one before it, a port."""
    head, colon, tag = rest.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (rest, "")


def _on_disk(text: str, rest: str, *, archive: bool) -> OnDisk:
    path, at, digest = rest.rpartition("@")
    if not at or not is_digest(digest):
        path, digest = rest, ""
    head, colon, tag = path.rpartition(":")
    if colon and head and _TAG.fullmatch(tag):
        path = head
    else:
        tag = ""
    if not path:
        raise _no_image(text, "it names no path")
    return OnDisk(path=path, archive=archive, tag=tag, digest=digest)


def _no_image(text: str, why: str) -> UsageError:
    remedy = (
        "Name it like quay.io/openshift-release-dev/ocp-release:4.15.3-x86_64, oci:DIRECTORY or oci-archive:FILE.tar."
    )
    return UsageError(f"{text[:200]!r} names no image: {why}", remedy=remedy)
