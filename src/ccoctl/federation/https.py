"""A document over HTTPS, bounded in size and time, without redirects.

STS gives an issuer's documents about 5 seconds (IAM user guide, troubleshooting OIDC federation).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from ccoctl.engine.clock import Clock, SystemClock
from ccoctl.engine.retry import Patience, RetryPolicy, delay
from ccoctl.errors import DocumentError, ErrorKind, ProxyError
from ccoctl.federation.connect import connect as connect_by_environment
from ccoctl.signing.discovery import url_problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PATIENCE = 5.0
"""Seconds for a whole document."""
HTTPS_PORT = 443
HEAD_LIMIT = 64 * 1024
"""Bytes of an answer beside the document itself: status line, headers, framing."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")
_NOT_KEPT = re.compile(r"(?:^|[\s,])(no-store|no-cache|private)(?:$|[\s,=])")

Connect = Callable[[str, int, float], socket.socket]


class Fetched(msgspec.Struct, frozen=True):
    """A document as it was served."""

    body: bytes
    max_age: int | None
    """Seconds that it may be kept; None where the server does not say."""


class Get(Protocol):
    """Fetches a document of at most so many bytes."""

    def __call__(self, url: str, limit: int) -> Fetched:
        """Raises DocumentError: it cannot be had."""
        ...


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    return connect_by_environment(host, port, timeout=timeout)


class HttpsGet:
    """Fetches over HTTPS, the server's certificate verified."""

    def __init__(self, *, ca_bundle: str = "", connect: Connect = _connect, patience: float = PATIENCE) -> None:
        """By default as the environment says: its proxy, its bundle of certificate authorities."""
        self._ca_bundle = ca_bundle
        self._connect = connect
        self._patience = patience
        self._context: ssl.SSLContext | None = None

    def __call__(self, url: str, limit: int) -> Fetched:
        """The document.

        Raises:
            DocumentError: the URL is no plain https one; no answer in time, another status than 200, an answer that is
                encoded or cut off, more bytes than `limit`.
        """
        if reason := url_problem(url):
            raise DocumentError(f"The URL {reason}", where=ascii(url[:200]))
        attempt = _Attempt(url, limit, self._connect, self._trusted(), self._patience)
        # whoever sends a byte now and then is never late for a socket's time-out, so the whole is bounded, too
        thread = threading.Thread(target=attempt.run, daemon=True, name="https-get")
        thread.start()
        thread.join(self._patience)
        return attempt.result()

    def _trusted(self) -> ssl.SSLContext:
        if self._context is None:
            bundle = self._ca_bundle or os.environ.get("AWS_CA_BUNDLE") or None
            try:
                self._context = ssl.create_default_context(cafile=bundle)
            except OSError as error:
                remedy = "Check --ca-bundle and AWS_CA_BUNDLE."
                raise DocumentError(f"{bundle} is no bundle of certificates: {error}", remedy=remedy) from error
        return self._context


PASSING = Patience(first=0.25, longest=5.0, total=20.0)
"""A server that is busy says so for a moment; one that is down is told before anybody thinks of something else."""


class Again:
    """Fetches again what failed in a way that may pass."""

    def __init__(self, get: Get, *, patience: Patience = PASSING, clock: Clock | None = None) -> None:
        """`patience` is for a document; with 0 seconds it is asked for once."""
        self._get = get
        self._policy = RetryPolicy(transient=patience)
        self._clock = clock or SystemClock()

    def __call__(self, url: str, limit: int) -> Fetched:
        """The document.

        Raises:
            DocumentError: it cannot be had, nor could it a moment ago.
        """
        begun, attempt = self._clock.now(), 0
        while True:
            attempt += 1
            try:
                return self._get(url, limit)
            except DocumentError as error:
                elapsed = self._clock.now() - begun
                pause = delay(self._policy, ErrorKind.TRANSIENT, attempt=attempt, elapsed=elapsed, chance=1.0)
                if pause is None or not error.may_pass:
                    raise
            self._clock.pause(pause, threading.Event())


class _Failing(ValueError):
    """The server says that the fault is its own (RFC 9110, section 15.6)."""


class _Attempt:
    """One fetch, on a thread of its own that whoever waits can leave behind."""

    def __init__(self, url: str, limit: int, connect: Connect, context: ssl.SSLContext, patience: float) -> None:
        self._url, self._limit, self._patience = url, limit, patience
        self._open = connect
        self._context = context
        self._fetched: Fetched | None = None
        self._failure = f"there was no answer within {patience:g} seconds"
        self._may_pass = False
        self._remedy = "Look at it with curl: it must be there for the whole world, over HTTPS, without a redirect."
        self._lock = threading.Lock()
        self._is_over = False
        self._socket: socket.socket | None = None

    def run(self) -> None:
        try:
            self._ended(self._fetch())
        except ProxyError as error:
            self._remedy = error.remedy
            self._ended(None, error.what)
        except (OSError, ValueError, HTTPException) as error:
            # a stranger's server may have worded it
            text = str(error)[:200] or type(error).__name__
            failure = "".join(character if character.isprintable() else "?" for character in text)
            # a certificate that does not hold is an OSError, too
            may_pass = isinstance(error, OSError | _Failing) and not isinstance(error, ssl.CertificateError)
            self._ended(None, failure, may_pass=may_pass)

    def _ended(self, fetched: Fetched | None, failure: str = "", *, may_pass: bool = False) -> None:
        """What became of it; nothing counts that comes when nobody waits any more, and the connection was cut."""
        with self._lock:
            if not self._is_over:
                self._fetched, self._failure, self._may_pass = fetched, failure, may_pass

    def result(self) -> Fetched:
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # wakes the thread, which then ends; past SSLSocket's own, which would take the session from it
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        if self._fetched is not None:
            return self._fetched
        what = f"The document cannot be had: {self._failure}"
        raise DocumentError(what, where=self._url, remedy=self._remedy, may_pass=self._may_pass)

    def _hold(self, connection: socket.socket) -> None:
        with self._lock:
            self._socket = connection
            if self._is_over:
                raise ValueError("nobody waits for it any more")

    def _fetch(self) -> Fetched:
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        request = (
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n"
            "Accept-Encoding: identity\r\nUser-Agent: ccoctl-python\r\nConnection: close\r\n\r\n"
        )
        with (
            self._open(host, parts.port or HTTPS_PORT, self._patience) as plain,
            self._context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as secured,
        ):
            self._hold(secured)
            secured.do_handshake()
            secured.sendall(request.encode("ascii"))
            bounded = _Bounded(secured, 2 * self._limit + HEAD_LIMIT)
            response = HTTPResponse(bounded, method="GET")  # type: ignore[arg-type] # it asks for makefile alone
            response.begin()
            return self._read(response)

    def _read(self, response: HTTPResponse) -> Fetched:
        if 300 <= response.status < 400:
            raise ValueError(f"the server redirects (HTTP {response.status}), which is not followed")
        if response.status != 200:
            kind = _Failing if response.status >= 500 else ValueError
            raise kind(f"the server answered HTTP {response.status} {response.reason[:80]}")
        if (encoding := response.getheader("Content-Encoding", "identity").lower()) != "identity":
            raise ValueError(f"the server encodes it as {encoding[:40]}, which was not asked for")
        body = response.read(self._limit + 1)
        if len(body) > self._limit:
            raise ValueError(f"it has more than {self._limit:,} bytes")
        if (length := response.getheader("Content-Length", "")).isdecimal() and len(body) < int(length[:20]):
            raise ValueError("the connection was closed before its end")
        return Fetched(body, _max_age(response.getheader("Cache-Control", "")))


class _Bounded(io.RawIOBase):
    """The bytes of a connection up to a limit: no more are read, whatever lengths an answer claims.

    `http.client` takes a chunk of the length -1 for all there is, and headers as long as they come.
    """

    def __init__(self, connection: socket.socket, limit: int) -> None:
        self._connection = connection
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._connection.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise ValueError("the answer is too long, or has no end")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def _max_age(directives: str) -> int | None:
    directives = directives.lower()
    if _NOT_KEPT.search(directives):
        return 0
    found = _MAX_AGE.search(directives)
    return int(found[1]) if found else None
