"""A connection to a host, directly or through the proxy that the environment names."""

from __future__ import annotations

import socket
from base64 import b64encode
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass

from ccoctl.federation.proxies import proxy_for

_HEAD_LIMIT = 16 * 1024
"""Bytes of a proxy's answer."""


def connect(host: str, port: int, *, timeout: float) -> socket.socket:
    """A connected socket.

    Args:
        host: a name or an address.
        port: of the host.
        timeout: seconds without a byte.

    Raises:
        OSError, ValueError: the host or the proxy cannot be reached.
        ProxyError: what the environment names as proxy is none.
    """
    proxy = "" if proxy_bypass(host) else proxy_for("https")
    if not proxy:
        return socket.create_connection((host, port), timeout=timeout)
    return _through(proxy, host, port, timeout)


def _through(proxy: str, host: str, port: int, timeout: float) -> socket.socket:
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"a proxy of the kind {parts.scheme}:// is not supported for this")
    secret = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    named = f"[{host}]" if ":" in host else host
    return tunnel(parts.hostname, parts.port or 80, f"{named}:{port}", timeout=timeout, secret=secret)


def tunnel(proxy: str, port: int, target: str, *, timeout: float, secret: str = "") -> socket.socket:
    """A tunnel to `host:port` through an HTTP proxy (RFC 9110, section 9.3.6).

    Args:
        proxy: the proxy's name or address.
        port: the proxy's.
        target: `host:port`.
        timeout: seconds without a byte.
        secret: `user:password` for the proxy; empty without one.

    Raises:
        OSError, ValueError: the proxy cannot be reached, or makes no tunnel.
    """
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError(f"{target[:80]!a} is no host with a port")
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if secret:
        request += f"Proxy-Authorization: Basic {b64encode(secret.encode()).decode()}\r\n"
    connection = socket.create_connection((proxy, port), timeout=timeout)
    try:
        connection.sendall(f"{request}\r\n".encode())
        status = _answer(connection)
        if status.split(" ")[1:2] != ["200"]:
            raise ValueError(f"the proxy answered {status[:80]!a}")
    except BaseException:
        connection.close()
        raise
    return connection


def _answer(connection: socket.socket) -> str:
    """The status line of a proxy's answer, whose headers are read to their end."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(1)
        if not piece or len(head) > _HEAD_LIMIT:
            raise ValueError("the proxy closed the connection or sent headers without end")
        head += piece
    return head.split(b"\r\n", 1)[0].decode("latin-1")
