"""HTTP of the API server's double."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    accept: str
    content_type: str
    bearer: str
    json: dict[str, Any] | None


class Reply(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str]


def reply(
    status: int, body: object, *, content_type: str = "application/json", cache: str = "no-cache, private"
) -> Reply:
    return Reply(status, json.dumps(body).encode(), content_type, {"Cache-Control": cache})


def text(status: int, body: str) -> Reply:
    return Reply(status, body.encode(), "text/plain; charset=utf-8", {"Cache-Control": "no-cache, private"})


def negotiated(found: dict[str, Any], accept: str) -> dict[str, Any]:
    """The whole object, or its metadata alone."""
    if "as=PartialObjectMetadata" not in accept:
        return found
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[Asked], Reply]

    def do_GET(self) -> None:
        self._any()

    def do_POST(self) -> None:
        self._any()

    def do_PUT(self) -> None:
        self._any()

    def do_PATCH(self) -> None:
        self._any()

    def do_DELETE(self) -> None:
        self._any()

    def _any(self) -> None:
        address = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answered = type(self).answer(
            Asked(
                method=self.command,
                path=address.path,
                query=dict(parse_qsl(address.query)),
                accept=self.headers.get("Accept", ""),
                content_type=self.headers.get("Content-Type", ""),
                bearer=self.headers.get("Authorization", "").removeprefix("Bearer "),
                json=json.loads(content) if content else None,
            )
        )
        self.send_response(answered.status)
        headers = {"Content-Type": answered.content_type, "Content-Length": str(len(answered.body))}
        for name, value in (headers | answered.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answered.body)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def handle(self) -> None:
        """A client that goes away is no error of the test's."""
        with contextlib.suppress(ConnectionError):
            super().handle()


@contextmanager
def listening(answer: Callable[[Asked], Reply]) -> Iterator[str]:
    """Serve on loopback until the block ends; gives the address."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
