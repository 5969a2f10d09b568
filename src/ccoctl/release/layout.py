"""An image on disk: an OCI layout as a directory, or as a tar archive of one (`skopeo copy docker://… oci-archive:…`).

Source: the OCI image specification, image-layout.md. Paths are made of digests that were checked, never of what a file
says; of an archive only regular files count, the first of a name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from ccoctl import files
from ccoctl.errors import FileError, ImageError
from ccoctl.release import manifest
from ccoctl.release.content import Descriptor, Document, digest_of, verified
from ccoctl.release.manifest import Index
from ccoctl.release.reference import OnDisk
from ccoctl.release.tarstream import Bytes, Kind, TarStream

_MARKER = "oci-layout"
"""The file that makes a directory a layout."""
_MARKER_LIMIT = 4096
_CHUNK = 1024 * 1024
_REF_NAME = "org.opencontainers.image.ref.name"
Result = TypeVar("Result")


class _Store(Protocol):
    """Files of a layout by their paths in it."""

    def read(self, path: str, limit: int) -> bytes:
        """Raises FileError or ImageError: it is not there, or cannot be read."""
        ...

    def pieces(self, path: str) -> Iterator[bytes]:
        """Raises FileError or ImageError: it is not there, or cannot be read."""
        ...


class LayoutSource:
    """An image of a layout on disk."""

    def __init__(self, image: OnDisk) -> None:
        """Reads what the layout holds.

        Raises:
            FileError: it cannot be read.
            ImageError: it is no layout.
        """
        self.where = str(image)
        self._image = image
        path = Path(image.path)
        if path.is_dir() and not image.archive and not (path / _MARKER).exists():
            remedy = "`skopeo copy docker://… oci:DIRECTORY` makes one; a directory of requests is named without oci:."
            raise ImageError(f"This is no OCI layout: it holds no file {_MARKER}", where=self.where, remedy=remedy)
        self._store: _Store = _Archive(path) if image.archive else _Directory(path)
        _check_marker(self._store.read(_MARKER, _MARKER_LIMIT), self.where)

    def root(self) -> Document:
        """The manifest that the reference's tag or digest names, or the only one."""
        data = self._store.read("index.json", manifest.MAX_BYTES)
        index = manifest.parse(Document(data=data, media_type=manifest.INDEX_TYPES[0], digest=digest_of(data)))
        if not isinstance(index, Index):
            raise ImageError("The layout's index.json is no index", where=self.where)
        return self.document(self._named(index.manifests))

    def document(self, descriptor: Descriptor) -> Document:
        """A manifest, an index or a configuration."""
        if descriptor.size > manifest.MAX_BYTES:
            raise ImageError(f"A manifest has {descriptor.size:,} bytes, more than any may have", where=self.where)
        data = self.blob(descriptor, b"".join)
        return Document(data=data, media_type=descriptor.media_type, digest=descriptor.digest)

    def blob(self, descriptor: Descriptor, take: Callable[[Iterator[bytes]], Result]) -> Result:
        """What `take` makes of a blob."""
        algorithm, _, digits = descriptor.digest.partition(":")
        try:
            return take(verified(self._store.pieces(f"blobs/{algorithm}/{digits}"), descriptor))
        except ImageError as error:
            error.where = error.where or f"{self.where}: {descriptor.digest}"
            raise

    def _named(self, manifests: Sequence[Descriptor]) -> Descriptor:
        names = {one.digest: one.annotations.get(_REF_NAME, "") for one in manifests}
        wanted = self._image.digest or self._image.tag
        if self._image.digest:
            found = [one for one in manifests if one.digest == wanted]
        elif wanted:
            # some tools write the whole reference there instead of its tag
            found = [one for one in manifests if names[one.digest] == wanted] or [
                one for one in manifests if names[one.digest].endswith(f":{wanted}")
            ]
        else:
            found = list(manifests)
        if len({one.digest for one in found}) == 1:
            return found[0]
        there = ", ".join(sorted(name or digest for digest, name in names.items())[:20]) or "nothing"
        how_many = "several images" if len(found) > 1 else f"no image {wanted}" if wanted else "no image"
        raise ImageError(f"The layout holds {how_many}", where=self.where, remedy=f"It holds: {there}.")


class _Directory:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str, limit: int) -> bytes:
        return files.read_bytes(self._path / path, limit=limit)

    def pieces(self, path: str) -> Iterator[bytes]:
        with _opened(self._path / path) as file:
            while piece := file.read(_CHUNK):
                yield piece


class _Archive:
    """Where each file of an archive is, found by one walk over its headers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        with _opened(path) as file:
            if (begin := file.read(4)).startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
                packer = "gunzip" if begin.startswith(b"\x1f") else "zstd -d"
                remedy = f"Unpack it once, `{packer}`, so that its parts can be found without reading all of it."
                raise ImageError("The archive is packed as a whole", where=str(path), remedy=remedy)
            file.seek(0)
            position = _Position(file)
            for entry in TarStream(position):
                name = entry.name.removeprefix("./")
                if entry.kind is Kind.FILE:
                    self._places.setdefault(name, (file.tell(), entry.size))

    def read(self, path: str, limit: int) -> bytes:
        _, size = self._place(path)
        if size > limit:
            raise ImageError(f"The archive's {path} has more than {limit:,} bytes", where=str(self._path))
        return b"".join(self.pieces(path))

    def pieces(self, path: str) -> Iterator[bytes]:
        begin, left = self._place(path)
        with _opened(self._path) as file:
            file.seek(begin)
            while left > 0 and (piece := file.read(min(_CHUNK, left))):
                left -= len(piece)
                yield piece

    def _place(self, path: str) -> tuple[int, int]:
        if path not in self._places:
            raise ImageError(f"The archive holds no {path}", where=str(self._path), remedy="It is no whole OCI layout.")
        return self._places[path]


class _Position(Bytes):
    """A file's bytes; those that nobody wants are passed over without reading them."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(())
        self._file = file

    def take_some(self, count: int) -> bytes:
        return self._file.read(count)

    def take(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise ImageError("The archive is cut off")
        return data

    def skip(self, count: int) -> None:
        if count > os.fstat(self._file.fileno()).st_size:  # a file cannot even be asked for a place that far
            raise ImageError("The archive is cut off")
        if count:
            self._file.seek(count - 1, 1)
            self.take(1)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not path.is_file():
            remedy = "Check the path." if not path.is_dir() else "Name a directory as oci:DIRECTORY."
            raise FileError("There is no such file", where=str(path), remedy=remedy)
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = error.strerror or errno.errorcode.get(error.errno or 0, "")
        raise FileError(f"The file cannot be read: {reason}", where=str(path)) from error


def _check_marker(data: bytes, where: str) -> None:
    try:
        version = msgspec.json.decode(data, type=dict[str, str]).get("imageLayoutVersion", "")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ImageError("The file oci-layout is damaged: this is no OCI layout", where=where) from error
    if not version.startswith("1."):
        raise ImageError(f"The OCI layout has version {version[:20]!a}, which is not known here", where=where)
