"""A server that answers TokenRequests as a kube-apiserver does, in the shapes recorded from a real one."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from ccoctl.federation.issue import ServiceAccount, Signer, SigningKey, TokenRequest, issue

_TOKEN = re.compile(r"/api/v1/namespaces/([^/]+)/serviceaccounts/([^/]+)/token")


@dataclass
class ApiServer:
    """Its signing key and issuer, whom it knows, and what it was asked."""

    key: SigningKey
    issuer: str
    accounts: frozenset[str]
    now: float
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    forbidden: bool = False
    nonsense: bool = False

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        """Status and body for a POST."""
        self.asked.append((path, body))
        found = _TOKEN.fullmatch(path)
        if self.nonsense:
            return 201, ["no object at all"]
        if found is None:
            return _status(404, "NotFound", "the server could not find the requested resource")
        namespace, name = found.groups()
        if self.forbidden:
            return _status(403, "Forbidden", f'serviceaccounts "{name}" is forbidden: User "u" cannot create resource')
        if f"{namespace}/{name}" not in self.accounts:
            return _status(404, "NotFound", f'serviceaccounts "{name}" not found')
        spec = body["spec"]
        request = TokenRequest(
            account=ServiceAccount(namespace, name, "4ab8595a-4b42-44b8-bb89-5b34084b0cd7"),
            audiences=tuple(spec["audiences"]),
            lifetime=spec["expirationSeconds"],
        )
        token = issue(Signer(self.key), request, issuer=self.issuer, now=int(self.now), token_id="an-id")
        return 201, {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-23T20:42:21Z"},
            "spec": {**spec, "boundObjectRef": None},
            "status": {"token": token, "expirationTimestamp": "2026-11-23T21:42:21Z"},
        }


def _status(code: int, reason: str, message: str) -> tuple[int, object]:
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


@contextmanager
def serving(server: ApiServer, kubeconfig: Path) -> Iterator[Path]:
    """Serve on loopback until the block ends; gives the kubeconfig that leads there."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = server.answer(self.path.partition("?")[0], body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "demo",
                    "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "admin"}}],
                    "clusters": [
                        {"name": "demo", "cluster": {"server": f"http://127.0.0.1:{running.server_address[1]}"}}
                    ],
                    "users": [{"name": "admin", "user": {"token": "of-the-administrator"}}],
                }
            )
        )
        yield kubeconfig
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
