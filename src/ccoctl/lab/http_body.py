"""The body of an HTTP/1.1 request, bounded; a request that can be read in two ways is not read at all.

Source: RFC 9112, sections 3.2 (target and Host), 6 (message body) and 7.1 (chunked transfer coding).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from typing import Protocol

import msgspec

from ccoctl.errors import CcoctlError

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a request."""
_LINE_LIMIT, _TRAILERS = 1024, 32
"""Bytes of a line between chunks; lines after the last one."""
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class BodyError(CcoctlError):
    """A request is none, is meant for somebody else, or has no end in sight."""

    def __init__(self, status: HTTPStatus) -> None:
        """`status` is the answer."""
        super().__init__(status.phrase)
        self.status = status


class GoneError(CcoctlError, ConnectionError):
    """The client closed the connection before its request was whole."""

    def __init__(self) -> None:
        """There is nobody left to tell."""
        super().__init__("the client is gone")


class Reader(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or fewer at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """A line, or its beginning."""
        ...


class Framing(msgspec.Struct, frozen=True, kw_only=True):
    """How long a body is, by the request's head."""

    length: int
    is_chunked: bool
    waits: bool
    """True when the client sends it only after `100 Continue`."""


def head(headers: Message, target: str, version: str) -> Framing:
    """The framing of a request.

    Raises:
        BodyError: the head says two things, or is meant for somebody else.
    """
    hosts, lengths, encodings = (
        headers.get_all(name) or [] for name in ("Host", "Content-Length", "Transfer-Encoding")
    )
    if len(hosts) > 1 or (not hosts and version == "HTTP/1.1"):
        raise BodyError(HTTPStatus.BAD_REQUEST)
    if not (target.startswith("/") or target == "*"):
        # whoever asks for a whole URL takes us for a proxy of plain HTTP, and must not get what it did not ask for
        raise BodyError(HTTPStatus.FORBIDDEN)
    if len(lengths) + len(encodings) > 1:
        raise BodyError(HTTPStatus.BAD_REQUEST)
    if encodings and encodings[0].strip().lower() != "chunked":
        raise BodyError(HTTPStatus.NOT_IMPLEMENTED)
    length = lengths[0].strip() if lengths else "0"
    if not (length.isascii() and length.isdecimal()):
        raise BodyError(HTTPStatus.BAD_REQUEST)
    if len(length) > 20 or int(length) > BODY_LIMIT:
        raise BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    waits = headers.get("Expect", "").lower() == "100-continue" and version != "HTTP/1.0"
    return Framing(length=int(length), is_chunked=bool(encodings), waits=waits)


def read(source: Reader, framing: Framing, go_on: Callable[[], None]) -> bytes:
    """The whole body; `go_on` tells the client to send it.

    Raises:
        BodyError: it is not chunked as it should be, or is too large.
        GoneError: the connection ended before it did.
    """
    if framing.waits:
        go_on()
    return _chunks(source) if framing.is_chunked else _exactly(source, framing.length)


def _exactly(source: Reader, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise GoneError
    return content


def _chunks(source: Reader) -> bytes:
    pieces: list[bytes] = []
    left = BODY_LIMIT
    while length := _size(source):
        left -= length
        if left < 0:
            raise BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        pieces.append(_exactly(source, length))
        if _exactly(source, 2) != b"\r\n":
            raise BodyError(HTTPStatus.BAD_REQUEST)
    for _ in range(_TRAILERS):
        if _line(source) in {b"\r\n", b"\n"}:
            return b"".join(pieces)
    raise BodyError(HTTPStatus.BAD_REQUEST)


def _size(source: Reader) -> int:
    found = _CHUNK.fullmatch(_line(source))
    if found is None:
        raise BodyError(HTTPStatus.BAD_REQUEST)
    return int(found[1], 16)


def _line(source: Reader) -> bytes:
    line = source.readline(_LINE_LIMIT)
    if not line:
        raise GoneError
    return line
