"""The lab's one port: plain HTTP for its endpoint, and CONNECT with TLS for the names of AWS.

A client with HTTPS_PROXY set asks for a tunnel to a name; the tunnel ends here, with a certificate of the lab's own
authority for that name, and what comes through it is served like everything else.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import socketserver
import struct
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote

from ccoctl.errors import CcoctlError
from ccoctl.federation.clock import WallClock
from ccoctl.lab.authority import Authority
from ccoctl.lab.http_body import BodyError, head, read

IDLE = 120.0
"""Seconds that a connection may be silent."""
TUNNEL = "ccoctl.tunnel"
"""In a WSGI environment: the name that the client asked a tunnel to; empty without one."""

_LINE_ENDS = re.compile(r"[\r\n]+")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ResetRequestedError(CcoctlError):
    """The application wants the client's connection to be reset instead of an answer."""

    def __init__(self) -> None:
        """The client is told nothing."""
        super().__init__("the connection is reset")


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
            context = self.server.authority.context(self.server.certificate(self._tunnel))
            secured = context.wrap_socket(self.connection, server_side=True)
        except OSError:  # ssl.SSLError is one
            return False
        self.connection = secured
        self.rfile = secured.makefile("rb")
        self.wfile = secured.makefile("wb", buffering=0)  # type: ignore[assignment] # write() is all that is used
        return True

    def parse_request(self) -> bool:
        """Read the head; the target stays as it was sent: a key in a bucket may begin with a slash."""
        is_sound = super().parse_request()
        if is_sound:
            self.path = self.requestline.split()[1]
        return is_sound

    def handle_expect_100(self) -> bool:
        """Nothing yet: whether the body is wanted is seen when its length is."""
        return True

    def _go_on(self) -> None:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _serve(self) -> None:
        try:
            body = read(self.rfile, head(self.headers, self.path, self.request_version), self._go_on)
        except BodyError as error:
            self.close_connection = True
            self._send(error.status, [], b"")
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
        is_bodiless = status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        headers = [(name, value) for name, value in headers if name.lower() != "date"]
        headers += [("Date", formatdate(self.server.clock(), usegmt=True))]
        given = {name.lower() for name, _ in headers if not is_bodiless}
        own = [] if "content-length" in given or is_bodiless else [len(content)]
        lines = [f"{self.protocol_version} {status} {_phrase(status)}"]
        lines += [
            f"{name}: {value}" for name, value in headers if not (is_bodiless and name.lower() == "content-length")
        ]
        lines += [f"Content-Length: {length}" for length in own]
        lines += ["Connection: close"] if self.close_connection else []
        # a line end in a value, say of an object's metadata, must not begin another header
        head = "".join(f"{_LINE_ENDS.sub(' ', line)}\r\n" for line in [*lines, ""]).encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" or is_bodiless else head + content)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")  # not urlsplit, which takes the start of `//key` for a host
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
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
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
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

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
        *,
        certificate: Callable[[str], str],
        clock: Callable[[], float],
    ) -> None:
        self.application = application
        self.clock = clock
        self.authority = authority
        self.refuses = refuses
        self.certificate = certificate
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and remember it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every connection: one that is kept alive would else outlive the server."""
        with self._lock:
            still_open = tuple(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class HttpServer:
    """A running server."""

    def __init__(
        self,
        address: tuple[str, int],
        application: Application,
        authority: Authority,
        refuses: Callable[[str, str], str],
        *,
        certificate: Callable[[str], str] = str,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Serve at once.

        Args:
            address: host and port; port 0 for a free one.
            application: answers requests.
            authority: vouches for the names that tunnels are asked to.
            refuses: gives the reason why there is no tunnel to a host and port; empty where there is.
            certificate: gives the name in the certificate that is shown at a host.
            clock: seconds since 1970, which every answer is dated by; None for the machine's.

        Raises:
            OSError: the address is taken.
        """
        self._server = _Server(
            address, application, authority, refuses, certificate=certificate, clock=clock or WallClock().now
        )
        self.port: int = self._server.server_address[1]
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-aws", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Take no more requests, and end every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


__all__ = ["TUNNEL", "HttpServer", "ResetRequestedError"]
