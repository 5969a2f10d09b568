"""A document over HTTPS, bounded in size and time, without redirects.

STS gives an issuer's documents about 5 seconds (IAM user guide, troubleshooting OIDC federation).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Protocol
from urllib.parse import urlsplit

from ccoctl.errors import DocumentError
from ccoctl.federation.connect import connect as connect_by_environment

PATIENCE = 5.0
"""Seconds for a whole document."""
HTTPS_PORT = 443

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")
_NOT_KEPT = re.compile(r"(?:^|[\s,])(no-store|no-cache|private)(?:$|[\s,=])")

Connect = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True, slots=True)
class Fetched:
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
            DocumentError: no answer in time, another status than 200, more bytes than `limit`.
        """
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


class _Attempt:
    """One fetch, on a thread of its own that whoever waits can leave behind."""

    def __init__(self, url: str, limit: int, connect: Connect, context: ssl.SSLContext, patience: float) -> None:
        self._url, self._limit, self._patience = url, limit, patience
        self._open = connect
        self._context = context
        self._fetched: Fetched | None = None
        self._failure = f"there was no answer within {patience:.0f} seconds"
        self._socket: socket.socket | None = None

    def run(self) -> None:
        try:
            self._fetched = self._fetch()
        except (OSError, ValueError, HTTPException) as error:
            self._failure = str(error) or type(error).__name__

    def result(self) -> Fetched:
        if self._fetched is not None:
            return self._fetched
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then ends
        remedy = "Look at it with curl: it must be there for the whole world, over HTTPS, without a redirect."
        raise DocumentError(f"The document cannot be had: {self._failure}", where=self._url, remedy=remedy)

    def _fetch(self) -> Fetched:
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        with self._open(host, parts.port or HTTPS_PORT, self._patience) as plain:
            self._socket = plain
            with self._context.wrap_socket(plain, server_hostname=host) as secured:
                self._socket = secured
                secured.sendall(
                    f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n"
                    "User-Agent: ccoctl-python\r\nConnection: close\r\n\r\n".encode("ascii")
                )
                response = HTTPResponse(secured, method="GET")
                response.begin()
                return self._read(response)

    def _read(self, response: HTTPResponse) -> Fetched:
        if 300 <= response.status < 400:
            raise ValueError(f"the server redirects (HTTP {response.status}), which is not followed")
        if response.status != 200:
            raise ValueError(f"the server answered HTTP {response.status} {response.reason[:80]}")
        body = response.read(self._limit + 1)
        if len(body) > self._limit:
            raise ValueError(f"it has more than {self._limit:,} bytes")
        if (length := response.getheader("Content-Length", "")).isdecimal() and len(body) < int(length):
            raise ValueError("the connection was closed before its end")
        return Fetched(body, _max_age(response.getheader("Cache-Control", "")))


def _max_age(directives: str) -> int | None:
    directives = directives.lower()
    if _NOT_KEPT.search(directives):
        return 0
    found = _MAX_AGE.search(directives)
    return int(found[1]) if found else None
