"""An embedded AWS in this process, on a free port of the loopback interface."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from ccoctl.lab.authorization import ADMINISTRATOR
from ccoctl.lab.edge import Conditions, Edge, LoggedCall

HOST = "127.0.0.1"


class _Handler(MotoRequestHandler):
    """Keeps connections open, as AWS does, and writes no access log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The lab has its own log."""


class EmbeddedAws:
    """A running one."""

    account_id = DEFAULT_ACCOUNT_ID

    def __init__(self, edge: Edge, server: BaseWSGIServer) -> None:
        """Made by `embedded_aws`."""
        self._edge = edge
        self.endpoint_url = f"http://{HOST}:{server.server_port}"

    def environment(self) -> dict[str, str]:
        """The administrator's variables: with them every SDK and the AWS CLI speak to this AWS."""
        return self._environment(ADMINISTRATOR, "lab")

    def calls(self) -> tuple[LoggedCall, ...]:
        """The requests so far."""
        return self._edge.calls()

    def reset(self) -> None:
        """Empty the account and the log."""
        self._edge.reset()

    def user(
        self, name: str, *, actions: Sequence[str] = (), document: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """A new IAM user who may do these actions on everything, or what a policy document says; its variables."""
        backend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        policy = document or {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
        backend.create_user("us-east-1", name)
        backend.put_user_policy(name, "allowed", json.dumps(policy))
        made = backend.create_access_key(name)
        return self._environment(made.access_key_id, made.secret_access_key)

    def _environment(self, access_key: str, secret: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }


@contextmanager
def embedded_aws(
    *, enforce_iam: bool = False, latency: float = 0.0, distribution_delay: float = 0.2
) -> Iterator[EmbeddedAws]:
    """Serve an AWS until the block ends. moto keeps one state for a process: two at a time share an account."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    edge = Edge(Conditions(enforce_iam=enforce_iam, latency=latency, distribution_delay=distribution_delay))
    edge.reset()
    server = make_server(HOST, 0, edge, threaded=True, request_handler=_Handler)
    server.block_on_close = False  # type: ignore[attr-defined] # of socketserver's threading mix-in
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-aws", daemon=True)
    thread.start()
    try:
        yield EmbeddedAws(edge, server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
