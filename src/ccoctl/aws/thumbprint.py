"""The thumbprint of an issuer's host: optional, and bounded in time.

Source: IAM user guide, "Obtain the thumbprint for an OpenID Connect identity provider": the SHA-1 of the certificate
furthest up the chain as served. AWS verifies S3 and CloudFront by its own roots and does not look at it.
"""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
from base64 import b64encode
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ccoctl.engine.call import Answer

TIMEOUT = 5.0
"""Seconds without a byte."""
PATIENCE = 10.0
"""Seconds for the whole; the thumbprint is not worth a longer wait."""
HTTPS_PORT = 443
_LINE_LIMIT = 65536


def thumbprint(host: str, *, ca_bundle: str = "") -> Answer:
    """`Thumbprints` with one entry; where the host cannot be reached or trusted, `Skipped` with the reason alone."""
    found: list[Answer] = []
    # whoever sends a byte now and then is never late for a socket's time-out, so the whole is bounded, too
    looking = threading.Thread(target=lambda: found.append(_looked_up(host, ca_bundle)), daemon=True)
    looking.start()
    looking.join(PATIENCE)
    return found[0] if found else {"Skipped": f"{host} did not answer within {PATIENCE:.0f} seconds"}


def _looked_up(host: str, ca_bundle: str) -> Answer:
    try:
        return {"Thumbprints": [_of_chain(host, ca_bundle)]}
    except (OSError, ValueError) as error:
        return {"Skipped": f"{host} could not be reached: {error}"}


def _of_chain(host: str, ca_bundle: str) -> str:
    context = ssl.create_default_context(cafile=ca_bundle or os.environ.get("AWS_CA_BUNDLE") or None)
    with _connect(host) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
        chain = _served_chain(secured)
    # SHA-1 is what IAM takes; it is no signature here
    return hashlib.sha1(chain[-1], usedforsecurity=False).hexdigest().upper()


def _served_chain(secured: ssl.SSLSocket) -> list[bytes]:
    """The chain as served, leaf first. Python has it as public API since 3.13, and underneath before."""
    if hasattr(secured, "get_unverified_chain"):
        chain: list[bytes] = secured.get_unverified_chain()
        return chain
    inner = secured._sslobj  # type: ignore[attr-defined] # no public way before 3.13
    return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain()]


def _connect(host: str) -> socket.socket:
    proxy = getproxies().get("https", "")
    if not proxy or proxy_bypass(host):
        return socket.create_connection((host, HTTPS_PORT), timeout=TIMEOUT)
    return _through(proxy if "://" in proxy else f"http://{proxy}", host)


def _through(proxy: str, host: str) -> socket.socket:
    """A tunnel to the host through an HTTP proxy (RFC 9110, section 9.3.6)."""
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"a proxy of the kind {parts.scheme}:// is not supported for this")
    request = f"CONNECT {host}:{HTTPS_PORT} HTTP/1.1\r\nHost: {host}:{HTTPS_PORT}\r\n"
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request += f"Proxy-Authorization: Basic {b64encode(secret.encode()).decode()}\r\n"
    connection = socket.create_connection((parts.hostname, parts.port or 80), timeout=TIMEOUT)
    try:
        connection.sendall(f"{request}\r\n".encode())
        status = _answer(connection)
        if status.split(" ")[1:2] != ["200"]:
            raise ValueError(f"the proxy answered {status[:80]!r}")
    except BaseException:
        connection.close()
        raise
    return connection


def _answer(connection: socket.socket) -> str:
    """The status line of a proxy's answer, whose headers are read to their end."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(1)
        if not piece or len(head) > _LINE_LIMIT:
            raise ValueError("the proxy closed the connection or sent headers without end")
        head += piece
    return head.split(b"\r\n", 1)[0].decode("latin-1")
