"""The manifests of a release, out of its image: as few of its layers as will do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccoctl.errors import ImageError
from ccoctl.release import layers, manifest
from ccoctl.release.content import Descriptor
from ccoctl.release.layers import Layer, Limits, Union
from ccoctl.release.manifest import Config, Index, Manifest
from ccoctl.release.source import Source

_RELEASE_LABEL = "io.openshift.release"
_METADATA = "release-metadata"
_DEEPEST = 3


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What a release image holds."""

    where: str
    digest: str
    """Of what the reference led to: the manifest, or the index of several."""
    version: str
    """The release's own name, as 4.15.3; empty where the image does not say."""
    created: str
    """When it was made, as the image says."""
    files: Mapping[str, bytes]
    """Name → content of its manifests."""
    layers_read: int


def read(source: Source, *, arch: str = "", machine: str = "", limits: Limits | None = None) -> Payload:
    """Read a release.

    Args:
        source: the image.
        arch: whose image of several is meant; empty when any will do, since the manifests are the same.
        machine: this machine's architecture, which comes first when any will do.
        limits: what no honest image exceeds.

    Raises:
        ImageError: it cannot be read, or is no release image.
    """
    root = source.root()
    image = _image(source, manifest.parse(root), arch=arch, machine=machine)
    config = manifest.config(source.document(image.config).data)
    union, count = _union(source, image, config, limits or Limits())
    if not union.files:
        remedy = "Name a release image, not one of the images that a release is made of."
        what = f"This is no release image: it has no /{layers.DIRECTORY}"
        raise ImageError(what, where=source.where, remedy=remedy)
    return Payload(
        where=source.where,
        digest=root.digest,
        version=config.labels.get(_RELEASE_LABEL, "")[:80] or _version(union.files.get(_METADATA, b"")),
        created=config.created,
        files=union.files,
        layers_read=count,
    )


def _image(source: Source, parsed: manifest.Parsed, *, arch: str, machine: str) -> Manifest:
    for _ in range(_DEEPEST):
        if isinstance(parsed, Manifest):
            return parsed
        parsed = manifest.parse(source.document(_chosen(parsed, arch, machine)))
    if isinstance(parsed, Manifest):
        return parsed
    raise ImageError("An index leads to another index, and so on", where=source.where)


def _chosen(index: Index, arch: str, machine: str) -> Descriptor:
    return manifest.choose(index, arch=arch, machine=machine)


def _union(source: Source, image: Manifest, config: Config, limits: Limits) -> tuple[Union, int]:
    """The layers from the last down, until nothing can come any more.

    `oc adm release new` writes a release as one layer upon an image of the operator's, and labels what it made. In such
    an image the layers below the one with the metadata have nothing of the release, and need not be fetched.
    """
    union = Union()
    count = 0
    for descriptor in reversed(image.layers):
        if descriptor.size > limits.layer_bytes:
            raise ImageError(f"A layer has {descriptor.size:,} bytes, more than that of any release")
        layer = source.blob(descriptor, lambda pieces: layers.read_layer(pieces, limits))
        count += 1
        union.put_below(layer)
        union.check_size(limits)
        if union.complete or _is_whole(layer, config):
            break
    return union, count


def _is_whole(layer: Layer, config: Config) -> bool:
    return _RELEASE_LABEL in config.labels and _METADATA in layer.files


def _version(metadata: bytes) -> str:
    try:
        read = msgspec.json.decode(metadata)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    version = read.get("version") if isinstance(read, dict) else None
    return version[:80] if isinstance(version, str) else ""
