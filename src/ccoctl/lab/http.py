"""The lab's one port: plain HTTP for its endpoint, and CONNECT with TLS for the names of AWS.

A client with HTTPS_PROXY set asks for a tunnel to a name; the tunnel ends here, with a certificate of the lab's own
authority for that name, and what comes through it is served like everything else.
"""

from __future__ import annotations

import io
import socket
import socketserver
import struct
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from ccoctl.lab.authority import Authority

IDLE = 120.0
"""Seconds that a connection may be silent."""
BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a request."""
TUNNEL = "ccoctl.tunnel"
"""In a WSGI environment: the name that the client asked a tunnel to; empty without one."""

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ResetRequestedError(ConnectionError):
    """The application wants the client's connection to be reset instead of an answer."""


class _TooLargeError(ValueError):
    """A request's body has no end in sight."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE
    server: _Server
    _tunnel = ""

    def do_CONNECT(self) -> None:
        """Open a tunnel to a name that the lab answers for, and end it here."""
        host, _, port = self.path.rpartition(":")
        refused = "no tunnel in a tunnel" if self._tunnel else self.server.refuses(host.lower(), port)
        if refused:
            self.close_connection = True
            self._send(HTTPStatus.FORBIDDEN, [("Content-Type", "text/plain")], f"{refused}\n".encode())
            return
        self.send_response_only(HTTPStatus.OK, "Connection established")
        self.end_headers()
        self._tunnel = host.lower()
        self.close_connection = not self._secure()

    def _secure(self) -> bool:
        """Go on with TLS; False where the client does not want to, say because it does not know our authority."""
        try:
            context = self.server.authority.context(self._tunnel)
            secured = context.wrap_socket(self.connection, server_side=True)
        except OSError:  # ssl.SSLError is one
            return False
        self.connection = secured
        self.rfile = secured.makefile("rb")
        self.wfile = secured.makefile("wb", buffering=0)  # type: ignore[assignment] # write() is all that is used
        return True

    def _serve(self) -> None:
        try:
            body = self._body()
        except _TooLargeError:
            self.close_connection = True
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [], b"")
            return
        said: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            said.append((int(status.split(" ", 1)[0]), headers))

        try:
            content = b"".join(self.server.application(self._environ(body), start_response))
        except ResetRequestedError:
            self._reset()
            return
        status, headers = said[-1]
        self._send(status, headers, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _serve  # noqa: N815 - the names that http.server looks for

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        given = {name.lower() for name, _ in headers}
        own = [] if "content-length" in given or status == HTTPStatus.NO_CONTENT else [len(content)]
        lines = [f"{self.protocol_version} {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {length}" for length in own]
        lines += ["Connection: close"] if self.close_connection else []
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + content)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT:
            raise _TooLargeError
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        """A body in chunks (RFC 9112, section 7.1)."""
        body = b""
        while True:
            size = self.rfile.readline(64).split(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise _TooLargeError from None
            if not 0 <= length <= BODY_LIMIT - len(body):
                raise _TooLargeError
            body += self.rfile.read(length)
            self.rfile.readline(64)
            if length == 0:
                return body

    def _environ(self, body: bytes) -> dict[str, Any]:
        parts = urlsplit(self.path)
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self._tunnel else "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query,
            "RAW_URI": self.path,
            "REQUEST_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            TUNNEL: self._tunnel,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if "_" not in name and key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                environ[f"HTTP_{key}"] = f"{environ[f'HTTP_{key}']},{value}" if f"HTTP_{key}" in environ else value
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["CONTENT_TYPE"] = self.headers.get("Content-Type", "")
        environ.setdefault("HTTP_HOST", self._tunnel)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self) -> None:
        """Serve until the connection is closed; a client that leaves is no error."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection, the tunnel's too."""
        try:
            super().finish()
            self.connection.close()
        except OSError:
            pass

    def log_message(self, *_arguments: object) -> None:
        """The lab has its own log."""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        application: Application,
        authority: Authority,
        refuses: Callable[[str, str], str],
    ) -> None:
        self.application = application
        self.authority = authority
        self.refuses = refuses
        super().__init__(address, _Handler)


class HttpServer:
    """A running server."""

    def __init__(
        self,
        address: tuple[str, int],
        application: Application,
        authority: Authority,
        refuses: Callable[[str, str], str],
    ) -> None:
        """Serve at once. `refuses` gives the reason why there is no tunnel to a host and port; empty where there is.

        Raises:
            OSError: the address is taken.
        """
        self._server = _Server(address, application, authority, refuses)
        self.port: int = self._server.server_address[1]
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-aws", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


__all__ = ["TUNNEL", "HttpServer", "ResetRequestedError"]
