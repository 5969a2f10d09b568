"""A server that answers AWS's clients whatever it likes, and a relay that spoils what an honest AWS answered."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.federation.servers import Server, serving

NAMESPACE = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'


@dataclass(frozen=True)
class Message:
    """A request or an answer."""

    head: bytes
    """Up to the empty line, and that one, too."""
    body: bytes

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def name(self) -> str:
        """What a request asks for: its action, or its path."""
        action = re.match(rb"Action=(\w+)", self.body)
        return action[1].decode() if action else " ".join(self.head.decode("latin-1").split(" ")[:2])

    @property
    def has_xml(self) -> bool:
        return self.body.lstrip().startswith(b"<")


Spoil = Callable[[Server, socket.socket, Message], None]
"""Answers on a connection, given what the honest answer would be."""


def received(connection: socket.socket, *, until_closed: bool = False) -> Message:
    """A whole message; one without a length ends with the connection where that is said."""
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(65536)):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    wanted = int(length[1]) if length else None
    while (wanted is None and until_closed) or len(body) < (wanted or 0):
        if not (piece := connection.recv(65536)):
            break
        body += piece
    return Message(head + b"\r\n\r\n", body)


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def say(*pieces: bytes) -> Spoil:
    """Says that, whatever was asked."""

    def spoil(_server: Server, connection: socket.socket, _honest: Message) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return spoil


def without_end(start: bytes, piece: bytes, *, pause: float = 0.0, most: int = 0) -> Spoil:
    """Says a piece again and again until the client goes away; `most` bytes of it at most where that is said."""

    def spoil(server: Server, connection: socket.socket, _honest: Message) -> None:
        connection.sendall(start)
        sent = 0
        while not server.stop.wait(pause) if pause else not server.stop.is_set():
            connection.sendall(piece)
            sent += len(piece)
            if most and sent >= most:
                return

    return spoil


@dataclass
class Relay:
    """Between a command and an honest AWS: the answers to some requests are spoilt, those to others pass."""

    port: int
    """Where the honest AWS is."""
    spoil: Spoil | None = None
    at: int = -1
    """The number of the request, from 0, whose answer is spoilt; -1 for all."""
    only: str = ""
    """A part of the name of the requests that are meant."""
    requests: list[Message] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, server: Server, connection: socket.socket) -> None:
        asked = received(connection)
        if not asked.head.strip():
            return
        with self._lock:
            number = len(self.requests)
            self.requests.append(asked)
        head, body = self._honest(asked)
        honest = Message(head, body)
        spoil = self.spoil
        if spoil is not None and self.at in {-1, number} and self.only in asked.name:
            spoil(server, connection, honest)
        else:
            connection.sendall(_closing(head) + body)

    def _honest(self, asked: Message) -> tuple[bytes, bytes]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as there:
            there.sendall(asked.head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + asked.body)
            got = received(there, until_closed=asked.method != "HEAD")
        return got.head, got.body


@contextlib.contextmanager
def relaying(endpoint: str) -> Iterator[tuple[Relay, str]]:
    """A relay to the AWS at that URL, and its own URL."""
    relay = Relay(int(endpoint.rpartition(":")[2]))
    with serving(relay) as server:
        yield relay, f"http://127.0.0.1:{server.port}"


def _closing(head: bytes) -> bytes:
    return re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def _with_body(honest: Message, body: bytes) -> bytes:
    head = re.sub(rb"(?i)\r\n(content-length|transfer-encoding): [^\r]*", b"", honest.head)
    return _closing(head).replace(b"\r\n", b"\r\nContent-Length: %d\r\n" % len(body), 1) + body


def changed(change: Callable[[bytes], bytes]) -> Spoil:
    """The honest answer with another body; one that has none stays."""

    def spoil(_server: Server, connection: socket.socket, honest: Message) -> None:
        connection.sendall(_with_body(honest, change(honest.body)) if honest.body else _closing(honest.head))

    return spoil


def _half(_server: Server, connection: socket.socket, honest: Message) -> None:
    whole = _closing(honest.head) + honest.body
    connection.sendall(whole[: len(whole) - max(1, len(honest.body) // 2)])


_LEAF = re.compile(rb"<(\w+)>([^<>]*)</\1>")
HTML = b"<html><body><h1>Log in to this network</h1></body></html>"
PAGE = b"<!DOCTYPE html>\n<html><body>Log in<br></body></html>"
BOMB = (
    b"<!DOCTYPE a ["
    + b"".join(
        b'<!ENTITY %s "%s">' % (name, (b"&%s;" % inner) * 10)
        for name, inner in ((b"b", b"c"), (b"c", b"d"), (b"d", b"e"), (b"e", b"f"))
    )
    + b'<!ENTITY f "nonsense">]>'
)
LOUD = "\x1b]0;owned\x07\x1b[31m red \x9b31m \u202e".encode()
LOUD_ERROR = (
    b"<ErrorResponse><Error><Code>Bad\xc2\x9b31m</Code><Message>be\xc2\x9b31mcause \xe2\x80\xaeof me</Message></Error>"
    b"</ErrorResponse>"
)

SPOILT: dict[str, Spoil] = {
    "cut off in the middle": _half,
    "cut off, and its length fits": changed(lambda body: body[: len(body) // 2]),
    "a web page": say(answer(HTML)),
    "a web page with status 404": say(answer(PAGE, "404 Not Found")),
    "a web page with status 403": say(answer(PAGE, "403 Forbidden")),
    "a web page with status 503": say(answer(PAGE, "503 Service Unavailable")),
    "JSON": say(answer(b'{"message": "hello"}')),
    "nothing": say(answer()),
    "nothing with status 404": say(answer(b"", "404 Not Found")),
    "another document": changed(lambda _: b"<Nonsense><Roles/></Nonsense>"),
    "an empty document": changed(lambda body: re.sub(rb"(?s)(<\w+)([^>]*)>.*", rb"\1\2/>", body)),
    "members missing": changed(lambda body: _LEAF.sub(b"", body)),
    "members doubled": changed(lambda body: _LEAF.sub(rb"<\1>\2</\1><\1>\2</\1>", body)),
    "members nested": changed(lambda body: _LEAF.sub(rb"<\1><\1>\2</\1></\1>", body)),
    "members of another type": changed(lambda body: _LEAF.sub(rb"<\1>nonsense</\1>", body)),
    "members without end": changed(
        lambda body: _LEAF.sub(lambda leaf: leaf[0].replace(b"</", b"x" * 9999 + b"</"), body)
    ),
    "another account": changed(lambda body: re.sub(rb"\b[0-9]{12}\b", b"999999999999", body)),
    "another partition": changed(
        lambda body: body.replace(b"arn:aws:", b"arn:aws-cn:").replace(b"arn%3Aaws%3A", b"arn%3Aaws-cn%3A")
    ),
    "names of somebody else": changed(lambda body: body.replace(b"demo", b"evil")),
    "entities": changed(lambda body: BOMB + _LEAF.sub(rb"<\1>&b;</\1>", body)),
    "invalid UTF-8": changed(lambda body: _LEAF.sub(b"<\\1>\xff\xfe</\\1>", body)),
    "NULs": changed(lambda body: body.replace(b">", b">\0")),
    "an error that is loud": say(answer(LOUD_ERROR, "400 Bad Request")),
    "an error of another shape": say(answer(b"<Error><Code>1</Code><Code>2</Code></Error>", "400 Bad Request")),
    "an error that nests": say(answer(b"<Error>" * 5000 + b"</Error>" * 5000, "400 Bad Request")),
    "a redirect": say(answer(b"", "307 Temporary Redirect", Location="http://localhost:1/elsewhere")),
    "a redirect of AWS's": say(
        answer(
            b"<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>evil.example</Endpoint></Error>",
            "301 Moved Permanently",
            Location="http://localhost:1/elsewhere",
            x_amz_bucket_region="evil.example/#",
        )
    ),
    "policies that are none": changed(
        lambda body: re.sub(rb"(?s)(Document>)[^<]*", rb"\1%7B%22Statement%22%3A%5B1%2C", body)
    ),
    "policies that nest": changed(
        lambda body: re.sub(rb"(?s)(Document>)[^<]*", rb'\1{"Statement":' + b"[" * 5000 + b"]" * 5000 + b"}", body)
    ),
    "policies that nest less": changed(
        lambda body: re.sub(rb"(?s)(Document>)[^<]*", rb'\1{"Statement":' + b"[" * 200 + b"]" * 200 + b"}", body)
    ),
    "policies with lone surrogates": changed(
        lambda body: re.sub(rb"(?s)(Document>)[^<]*", rb'\1{"Statement":[{"Sid":"%5Cud800"}]}', body)
    ),
    "no answer": say(),
    "a line that is no HTTP": say(b"220 smtp.example.com ESMTP\r\n"),
    "many headers": say(b"HTTP/1.1 200 OK\r\n" + b"X-More: of this\r\n" * 3000 + b"\r\n"),
    "a header of a megabyte": say(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "a length that is none": say(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\nConnection: close\r\n\r\n<a/>"),
    "chunks that are none": say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n0\r\n\r\n"),
    "half a continuation": say(b"HTTP/1.1 100 Continue\r\n"),
}
"""By what is wrong with them."""
