"""The layers of an image: what the directory `release-manifests` holds once they lie on top of each other.

Source: the OCI image specification, layer.md: later layers win, and whiteouts take away what lies below. Only bytes
leave this module, under names without any directory: whatever an archive says, nothing is written where it says.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import msgspec

from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release.tarstream import Bytes, Entry, Kind, TarStream

DIRECTORY = "release-manifests"
"""Where a release image keeps its manifests; `oc adm release new` writes it as one layer."""
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LONGEST_NAME = 255
_CHUNK = 256 * 1024
_FED = 16 * 1024
"""Bytes that a decompressor is given at a time; what it leaves is copied for each member that ends."""
MOST_MEMBERS = 500_000
"""Of a packed layer; those that can be read in parts have one for each file."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is read before an image is taken for hostile. A release's manifests have about 15 MiB in 900 files."""

    file_bytes: int = 16 * 1024 * 1024
    all_bytes: int = 256 * 1024 * 1024
    files: int = 20_000
    layer_bytes: int = 4 * 1024**3
    """Of a layer as it is stored."""
    unpacked_bytes: int = 4 * 1024**3
    """Of a layer unpacked; zeros pack a thousandfold."""


class Layer(msgspec.Struct):
    """What one layer says about the directory."""

    files: dict[str, bytes] = msgspec.field(default_factory=dict)
    """By their names in the directory."""
    removed: set[str] = msgspec.field(default_factory=set)
    """Names that lower layers may have, and that are gone."""
    hides_all: bool = False
    """Nothing of the lower layers is left."""


class Union:
    """Layers laid on top of each other, from the last down."""

    def __init__(self) -> None:
        """Of no layer yet."""
        self.files: dict[str, bytes] = {}
        self._gone: set[str] = set()
        self.complete = False
        """No lower layer can add anything."""

    def check_size(self, limits: Limits) -> None:
        """Of all layers so far.

        Raises:
            ImageError: they hold more than any release.
        """
        check_size(sum(map(len, self.files.values())), max(len(self.files), len(self._gone)), limits)

    def put_below(self, layer: Layer) -> None:
        """Add what the next lower layer has, as far as it is to be seen."""
        if self.complete:
            return
        for name, data in layer.files.items():
            if name not in self.files and name not in self._gone:
                self.files[name] = data
        self._gone |= layer.removed
        self.complete = layer.hides_all


def read_layer(pieces: Iterable[bytes], limits: Limits) -> Layer:
    """Read a layer to its end, in a stream.

    Args:
        pieces: a tar archive, plain or packed by gzip or zstd.
        limits: what no honest image exceeds.

    Raises:
        ImageError: it is damaged, is too large, or says something about the directory that no release would.
    """
    source = Bytes(_bounded(unpacked(pieces), limits.unpacked_bytes))
    archive = TarStream(source)
    layer = Layer()
    total = 0
    for entry in archive:
        parts = _parts(entry)
        if parts in {(f"{_WHITEOUT}{DIRECTORY}",), (_OPAQUE,)}:
            layer.hides_all = True
        elif parts == (DIRECTORY,) and entry.kind is not Kind.DIRECTORY:
            raise ImageError(f"In the image /{DIRECTORY} is a {entry.kind.value}, no directory")
        elif len(parts) > 1 and parts[0] == DIRECTORY:
            total += _take(layer, archive, entry, parts[1:], limits)
        check_size(total, max(len(layer.files), len(layer.removed)), limits)
    source.drain()
    return layer


def check_size(size: int, count: int, limits: Limits) -> None:
    """Of the directory, in one layer or in all of them together.

    Raises:
        ImageError: it has more bytes, or more names, than that of any release.
    """
    if size > limits.all_bytes or count > limits.files:
        raise ImageError(f"The image's /{DIRECTORY} is larger than that of any release")


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The archive itself, by its first bytes: media types are not always true.

    Raises:
        ImageError: it cannot be unpacked.
    """
    all_of_it = iter(pieces)
    first = b""
    for piece in all_of_it:
        first += piece
        if len(first) >= 4:
            break
    rest = _joined(first, all_of_it)
    if first.startswith(b"\x1f\x8b"):
        return _gunzipped(rest)
    return _unzstd(rest) if first.startswith(b"\x28\xb5\x2f\xfd") else rest


def _take(layer: Layer, archive: TarStream, entry: Entry, parts: tuple[str, ...], limits: Limits) -> int:
    """Note one entry of the directory, and give the bytes that it holds."""
    name = parts[0]
    if len(parts) > 1 or entry.kind is Kind.DIRECTORY:
        if entry.kind is not Kind.DIRECTORY:
            raise ImageError(f"The image's /{DIRECTORY} has directories below it, which no release has")
        return 0
    if name == _OPAQUE:
        layer.hides_all = True
        return 0
    if name.startswith(_WHITEOUT):
        layer.removed.add(name.removeprefix(_WHITEOUT))
        return 0
    shown = ascii(f"/{DIRECTORY}/{name[:80]}")
    if entry.kind is not Kind.FILE:
        raise ImageError(f"In the image {shown} is a {entry.kind.value}, no file")
    if not is_plain_name(name):
        raise ImageError(f"In the image {shown} has a name that no manifest has")
    layer.files[name] = archive.content(limits.file_bytes)
    return len(layer.files[name])


def is_plain_name(name: str) -> bool:
    """True for a name that is one, on every system: printable, not hidden, without separators."""
    return (
        0 < len(name.encode("utf-8", "surrogateescape")) <= _LONGEST_NAME
        and name.isprintable()
        and not name.startswith(".")
        and not name.endswith((".", " "))
        and not set(name) & set('/\\:*?"<>|')
    )


def _parts(entry: Entry) -> tuple[str, ...]:
    """An entry's path below the image's root; absolute ones begin there, too.

    Raises:
        ImageError: it leads out of it.
    """
    parts = tuple(part for part in entry.name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ImageError(f"The archive holds a path that leads out of it: {entry.name[:80]!a}")
    return parts


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _bounded(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise ImageError(f"A layer has more than {most:,} bytes once it is unpacked")
        yield piece


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip's members, one after the other (RFC 1952, section 2.2)."""
    member = zlib.decompressobj(wbits=31)
    begun, left = False, MOST_MEMBERS
    try:
        for piece in _small(pieces):
            data = piece
            while data:
                begun = True
                if out := member.decompress(data, _CHUNK):
                    yield out
                data = member.unconsumed_tail
                if member.eof:
                    data = member.unused_data.lstrip(b"\0")
                    member, begun, left = zlib.decompressobj(wbits=31), False, _one_less(left)
    except zlib.error as error:
        raise ImageError(f"A layer cannot be unpacked: {error}") from error
    if begun:
        raise ImageError("A layer is cut off", kind=ErrorKind.TRANSIENT)


def _small(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), _FED):
            yield piece[at : at + _FED]


def _one_less(left: int) -> int:
    if left <= 0:
        raise ImageError(f"A layer is packed in more than {MOST_MEMBERS:,} parts")
    return left - 1


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Zstandard's frames (RFC 8878), where something on this machine can read them."""
    zstd = _zstd_module()
    frame = zstd.ZstdDecompressor()
    begun, left = False, MOST_MEMBERS
    try:
        for piece in _small(pieces):
            data = piece
            while data or not (frame.needs_input or frame.eof):
                begun = True
                if out := frame.decompress(data, _CHUNK):
                    yield out
                data = b""
                if frame.eof:
                    data, frame, begun = frame.unused_data, zstd.ZstdDecompressor(), False
                    left = _one_less(left)
    except zstd.ZstdError as error:
        raise ImageError(f"A layer cannot be unpacked: {error}") from error
    if begun:
        raise ImageError("A layer is cut off", kind=ErrorKind.TRANSIENT)


def _zstd_module() -> Any:
    """The standard library's module, from Python 3.14 on, or the package that brings it to older ones."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    remedy = "Install the package backports.zstd beside ccoctl, or run it on Python 3.14 or newer."
    raise ImageError("A layer is packed by zstd, which cannot be unpacked here", remedy=remedy)
