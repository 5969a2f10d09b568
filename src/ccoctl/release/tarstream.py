"""A tar archive read forwards, once: headers and the content of the files that are wanted, within bounds.

The standard library's reader believes what a header says of its own length, and holds that much in memory. This one
does not. Source: POSIX pax (IEEE 1003.1, pax, "ustar Interchange Format"), and what GNU tar adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

from ccoctl.errors import ErrorKind, ImageError

BLOCK = 512
MOST_ENTRIES = 500_000
"""A base image has some ten thousand."""
LONGEST_EXTENSION = 1024 * 1024
"""Bytes of a header's extension: long names, attributes."""
LONGEST_NAME = 4096
"""Bytes of a path; no longer one can be opened (limits.h, PATH_MAX)."""
_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ")


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "device or pipe"
    SPARSE = "sparse file"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry's header."""

    name: str
    """As it is written; bytes that are no UTF-8 are surrogates."""
    kind: Kind
    size: int
    """Bytes of content that follow."""


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.LINK,
    b"2": Kind.LINK,
    b"5": Kind.DIRECTORY,
    b"S": Kind.SPARSE,
}


class Bytes:
    """Pieces of bytes, taken in the lengths that are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Nothing is taken yet."""
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def take(self, count: int) -> bytes:
        """So many bytes.

        Raises:
            ImageError: there are fewer.
        """
        data = b"".join(self._some(count))
        if len(data) < count:
            raise _cut_off()
        return data

    def take_some(self, count: int) -> bytes:
        """So many bytes, or as many as there are."""
        return b"".join(self._some(count))

    def skip(self, count: int) -> None:
        """Let so many bytes pass.

        Raises:
            ImageError: there are fewer.
        """
        if sum(len(piece) for piece in self._some(count)) < count:
            raise _cut_off()

    def drain(self) -> None:
        """Let all that is left pass."""
        self._rest = memoryview(b"")
        for _ in self._pieces:
            pass

    def _some(self, count: int) -> Iterator[memoryview]:
        while count > 0:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._rest = memoryview(piece)
            taken, self._rest = self._rest[:count], self._rest[count:]
            count -= len(taken)
            yield taken


class TarStream:
    """The entries of an archive, in their order."""

    def __init__(self, source: Bytes, *, most_entries: int = MOST_ENTRIES) -> None:
        """Nothing is read yet."""
        self._source = source
        self._most = most_entries
        self._left = 0

    def __iter__(self) -> Iterator[Entry]:
        """Each entry; its content is what `content` gives until the next is asked for.

        Raises:
            ImageError: the archive is damaged, or has more entries than any image.
        """
        count = 0
        name, size = "", -1
        while (header := self._header()) is not None:
            count += 1
            if count > self._most:
                raise ImageError(f"The archive has more than {self._most:,} entries")
            match header[156:157]:
                case b"x":
                    new_name, new_size = _extended(self._extension(header))
                    name, size = new_name or name, size if new_size is None else new_size
                case b"L":
                    name = _text(self._extension(header).rstrip(b"\0"))
                case b"g" | b"K":
                    self._extension(header)
                case _:
                    yield self._entry(header, name, size)
                    name, size = "", -1
                    self._skip_content()
        if name or size >= 0:
            raise _damaged("it ends in the middle of an entry")

    def content(self, limit: int) -> bytes:
        """The content of the entry that was given last.

        Raises:
            ImageError: it has more than so many bytes, or is cut off.
        """
        if self._left > limit:
            raise ImageError(f"A file in the archive has {self._left:,} bytes, more than the {limit:,} that are read")
        size, self._left = self._left, 0
        data = self._source.take(size)
        self._source.skip(-size % BLOCK)
        return data

    def _header(self) -> bytes | None:
        """The next header; None at the end, which is two blocks of zeros, or none where somebody saved them."""
        block = self._source.take_some(BLOCK)
        if not any(block):
            if any(self._source.take_some(BLOCK)):
                raise _damaged("there is more after its end")
            return None
        if len(block) < BLOCK:
            raise _cut_off()
        if _number(block[148:156]) != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
            raise _damaged("a header's checksum is wrong")
        return block

    def _entry(self, header: bytes, name: str, size: int) -> Entry:
        flag = header[156:157]
        kind = _KINDS.get(flag, Kind.OTHER)
        length = _number(header[124:136]) if size < 0 else size
        self._left = length if kind in {Kind.FILE, Kind.SPARSE} or flag not in b"123456" else 0
        full = name or _plain_name(header)
        if kind is Kind.FILE and full.endswith("/"):  # as archives older than POSIX write directories
            kind = Kind.DIRECTORY
        return Entry(name=full, kind=kind, size=self._left)

    def _extension(self, header: bytes) -> bytes:
        size = _number(header[124:136])
        if size > LONGEST_EXTENSION:
            raise ImageError(f"A header of the archive has {size:,} bytes, more than any needs")
        data = self._source.take(size)
        self._source.skip(-size % BLOCK)
        return data

    def _skip_content(self) -> None:
        if self._left:
            self._source.skip(self._left + -self._left % BLOCK)
            self._left = 0


def _plain_name(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return _text(name)


def _extended(data: bytes) -> tuple[str, int | None]:
    """The path and the size that a pax header gives, as far as it does."""
    name, size = "", None
    while data.strip(b"\0"):
        matched = _RECORD.match(data)
        length = int(matched[1]) if matched else 0
        record = data[matched.end() if matched else 0 : length]
        if not record.endswith(b"\n") or b"=" not in record or length > len(data):
            raise _damaged("an extended header is none")
        key, _, value = record[:-1].partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size":
            if not (value.isdigit() and len(value) <= 18):
                raise _damaged("an entry's size is no number")
            size = int(value)
        elif key.startswith(b"GNU.sparse."):
            raise ImageError("The archive holds a sparse file, which is not read")
        data = data[length:]
    return name, size


def _number(field: bytes) -> int:
    """A number as octal digits, or as GNU tar writes large ones."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise _damaged("a header holds no number where one must be")
    return int(digits, 8)


def _text(name: bytes) -> str:
    if len(name) > LONGEST_NAME:
        raise ImageError(f"The archive holds a path of {len(name):,} bytes, more than any has")
    return name.decode("utf-8", "surrogateescape")


def _damaged(why: str) -> ImageError:
    return ImageError(f"The archive is damaged: {why}")


def _cut_off() -> ImageError:
    return ImageError("The archive is cut off", kind=ErrorKind.TRANSIENT)
