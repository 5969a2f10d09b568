"""What an image is made of: descriptors of content, and bytes that are what their descriptor says.

Source: the OCI image specification, descriptor.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ccoctl.errors import ErrorKind, ImageError


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What an image runs on, in Go's words."""

    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) or "unknown"


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """Content by its digest and size."""

    digest: str
    size: int
    media_type: str = ""
    platform: Platform | None = None
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A manifest or an index as it was given, and what it is said to be."""

    data: bytes = field(repr=False)
    media_type: str
    digest: str


def digest_of(data: bytes, *, like: str = "sha256:") -> str:
    """The digest of the data, by the algorithm that another digest names."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def verified(pieces: Iterable[bytes], descriptor: Descriptor) -> Iterator[bytes]:
    """The same pieces; whoever takes them to the end knows that they were what the descriptor says.

    Raises:
        ImageError: there are more or fewer bytes, or others.
    """
    algorithm, _, wanted = descriptor.digest.partition(":")
    hashed = hashlib.new(algorithm)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > descriptor.size:
            raise ImageError(f"The content has more than the {descriptor.size:,} bytes that its manifest promises")
        hashed.update(piece)
        yield piece
    if size < descriptor.size:
        what = f"The content ends after {size:,} of {descriptor.size:,} bytes"
        raise ImageError(what, kind=ErrorKind.TRANSIENT)
    if hashed.hexdigest() != wanted:
        what = (
            f"The content is not what its digest says: {algorithm}:{hashed.hexdigest()} instead of {descriptor.digest}"
        )
        raise ImageError(what, remedy="It was damaged or replaced on the way; do not trust this source.")
