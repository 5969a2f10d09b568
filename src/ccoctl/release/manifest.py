"""Image manifests and indexes, in the forms of OCI and of Docker.

Source: the OCI image specification, manifest.md and image-index.md; Docker's image manifest v2, schema 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from ccoctl.errors import ImageError
from ccoctl.release.content import Descriptor, Document, Platform
from ccoctl.release.reference import is_digest

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MAX_BYTES = 4 * 1024 * 1024
"""Of a manifest; what the OCI distribution specification lets a registry limit it to."""
MOST_LAYERS = 1000
MOST_MANIFESTS = 1000
_MOST_CONTENT = 2**62
_ALIASES = {"x86_64": "amd64", "aarch64": "arm64"}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One image."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    """The first is the base, the last wins."""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The same image for several platforms."""

    manifests: tuple[Descriptor, ...]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What an image's configuration says of it, as far as it is read."""

    created: str = ""
    labels: dict[str, str]


Parsed: TypeAlias = Manifest | Index


class _Platform(msgspec.Struct):
    os: str = ""
    architecture: str = ""
    variant: str = ""


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None


class _Body(msgspec.Struct, rename="camel"):
    schema_version: int = 0
    media_type: str = ""
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    fs_layers: Any = None


class _ConfigConfig(msgspec.Struct):
    Labels: dict[str, str] | None = None


class _Config(msgspec.Struct):
    created: str | None = None
    config: _ConfigConfig | None = None


def parse(document: Document) -> Parsed:
    """Read a manifest or an index.

    One that could be both is refused: two readers would see two images (CVE-2021-41190).

    Raises:
        ImageError: it is neither, or damaged.
    """
    try:
        body = msgspec.json.decode(document.data, type=_Body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ImageError(f"The manifest cannot be read: {str(error)[:200]}") from error
    if body.fs_layers is not None or body.schema_version == 1:
        remedy = "Copy it with a tool of today, which converts it; registries have not made such images for years."
        raise ImageError("The image has a manifest of Docker's schema 1", remedy=remedy)
    _check_types(body, document)
    if body.manifests is not None:
        return Index(manifests=_descriptors(body.manifests, MOST_MANIFESTS))
    if body.layers is None or body.config is None:
        raise ImageError("The manifest names no layers: this is no container image")
    return Manifest(config=_descriptors([body.config], 1)[0], layers=_descriptors(body.layers, MOST_LAYERS))


def config(data: bytes) -> Config:
    """Read an image's configuration.

    Raises:
        ImageError: it is damaged.
    """
    try:
        read = msgspec.json.decode(data, type=_Config)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ImageError(f"The image's configuration cannot be read: {str(error)[:200]}") from error
    return Config(created=(read.created or "")[:40], labels=(read.config.Labels if read.config else None) or {})


def choose(index: Index, *, arch: str, machine: str) -> Descriptor:
    """The image of an index for an architecture.

    Args:
        index: of at least one image.
        arch: the one that must be, as `arm64` or `arm64/v8`; empty when any will do.
        machine: the architecture of this machine, taken before others when any will do.

    Raises:
        ImageError: there is none for it.
    """
    images = [one for one in index.manifests if _is_image(one)]
    wanted = _ALIASES.get(arch, arch)
    if wanted:
        found = next((one for one in images if _matches(one, wanted)), None)
        if found is None:
            there = ", ".join(sorted({str(one.platform) for one in images if one.platform})) or "none with a platform"
            raise ImageError(f"The image is not there for {arch[:40]}", remedy=f"There are: {there[:400]}.")
        return found
    for any_will_do in (_ALIASES.get(machine, machine), "amd64"):
        if found := next((one for one in images if _matches(one, any_will_do)), None):
            return found
    if not images:
        raise ImageError("The index names no image")
    return images[0]


def _matches(descriptor: Descriptor, arch: str) -> bool:
    platform = descriptor.platform
    if platform is None or platform.os not in {"linux", ""}:
        return False
    architecture, _, variant = arch.partition("/")
    return platform.architecture == architecture and variant in {"", platform.variant}


def _is_image(descriptor: Descriptor) -> bool:
    """Not a signature or an attestation, which build tools add for a platform that nothing runs on."""
    known = descriptor.media_type in {"", *INDEX_TYPES, *MANIFEST_TYPES}
    return known and not (descriptor.platform and descriptor.platform.os == "unknown")


def _check_types(body: _Body, document: Document) -> None:
    if body.manifests is not None and (body.layers is not None or body.config is not None):
        raise ImageError("The manifest says that it is an index and an image, which differ in meaning")
    said = {body.media_type, document.media_type.partition(";")[0].strip()} - {""}
    other = MANIFEST_TYPES if body.manifests is not None else INDEX_TYPES
    if said & set(other):
        raise ImageError(f"The manifest is not what it is said to be: {', '.join(sorted(said))[:200]}")


def _descriptors(read: Sequence[_Descriptor], most: int) -> tuple[Descriptor, ...]:
    if len(read) > most:
        raise ImageError(f"The manifest names more than {most} parts")
    for one in read:
        if not is_digest(one.digest):
            raise ImageError(f"The manifest holds a digest that cannot be checked: {one.digest[:80]!a}")
        if not 0 <= one.size <= _MOST_CONTENT:
            raise ImageError(f"The manifest says that something has {one.size} bytes")
    return tuple(
        Descriptor(
            digest=one.digest,
            size=one.size,
            media_type=one.media_type,
            platform=Platform(os=one.platform.os, architecture=one.platform.architecture, variant=one.platform.variant)
            if one.platform
            else None,
            annotations=one.annotations or {},
        )
        for one in read
    )
