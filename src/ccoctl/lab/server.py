"""An embedded AWS in this process, on a free port of the loopback interface."""

from __future__ import annotations

import json
import logging
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ccoctl.federation.connect import tunnel
from ccoctl.federation.https import HttpsGet
from ccoctl.lab.accounts import ACCOUNT, iam
from ccoctl.lab.authority import Authority
from ccoctl.lab.conditions import Conditions, Weather
from ccoctl.lab.edge import Edge
from ccoctl.lab.hosts import host_of
from ccoctl.lab.http import HttpServer
from ccoctl.lab.log import LoggedCall
from ccoctl.lab.principals import ADMINISTRATOR, ADMINISTRATOR_SECRET

HOST = "127.0.0.1"
_BUNDLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""What SDKs, Python, curl and Node read the authorities from that they trust."""


class EmbeddedAws:
    """A running one."""

    account_id = ACCOUNT

    def __init__(self, edge: Edge, port: int, bundle: Path) -> None:
        """Made by `embedded_aws`."""
        self._edge = edge
        self._port = port
        self.ca_bundle = bundle
        """The certificate of the authority that vouches for the names of AWS here."""
        self.endpoint_url = f"http://{HOST}:{port}"

    def environment(self) -> dict[str, str]:
        """The administrator's variables: with them every SDK, the AWS CLI and curl speak to this AWS."""
        return self._environment(ADMINISTRATOR, ADMINISTRATOR_SECRET)

    def calls(self) -> tuple[LoggedCall, ...]:
        """The requests so far."""
        return self._edge.calls()

    def change_weather(self, weather: Weather) -> None:
        """Another weather from now on, also after a reset: a storm that comes, or is over."""
        self._edge.change_weather(weather)

    def reset(self) -> None:
        """Empty the account and the log."""
        self._edge.reset()

    def user(
        self, name: str, *, actions: Sequence[str] = (), document: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """A new IAM user who may do these actions on everything, or what a policy document says; its variables."""
        backend = iam("aws")
        policy = document or {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
        backend.create_user("us-east-1", name)
        backend.put_user_policy(name, "allowed", json.dumps(policy))
        made = backend.create_access_key(name)
        return self._environment(made.access_key_id, made.secret_access_key)

    def get(self) -> HttpsGet:
        """Fetches documents as the world sees them."""
        return HttpsGet(ca_bundle=str(self.ca_bundle), connect=_through(lambda: self._port))

    def _environment(self, access_key: str, secret: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTPS_PROXY": self.endpoint_url,
            "https_proxy": self.endpoint_url,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            **dict.fromkeys(_BUNDLES, str(self.ca_bundle)),
        }


@contextmanager
def embedded_aws(
    conditions: Conditions | None = None, *, port: int = 0, clock: Callable[[], float] | None = None
) -> Iterator[EmbeddedAws]:
    """Serve an AWS until the block ends. moto keeps one state for a process: two at a time share an account.

    Args:
        conditions: how it behaves.
        port: of the loopback interface; 0 for a free one.
        clock: seconds since 1970 that never go back, by which tokens and sessions expire, caches grow old, and what was
            made is seen and deployed; None for the machine's.

    Raises:
        OSError: the port is taken.
    """
    how = conditions or Conditions()

    def wall() -> float:
        """What signatures are dated by, whatever time a test lets it be."""
        return time.time() + how.clock_ahead  # noqa: TID251 - the machine's clock is what clients and lab go by

    steady, clock = clock or time.monotonic, clock or wall
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    listening: list[int] = []
    with tempfile.TemporaryDirectory(prefix="ccoctl-lab-") as folder:
        authority = Authority(Path(folder), time.time())  # noqa: TID251 - clients look at certificates by theirs
        get = HttpsGet(ca_bundle=str(authority.bundle), connect=_through(lambda: listening[0]))
        edge = Edge(how, get, clock, steady, wall)
        edge.reset()
        server = HttpServer((HOST, port), edge, authority, edge.refuses, certificate=_certificate, clock=wall)
        listening.append(server.port)
        try:
            yield EmbeddedAws(edge, server.port, authority.bundle)
        finally:
            server.close()


def _certificate(host: str) -> str:
    """The name in the certificate of a host of AWS."""
    place = host_of(host)
    return place.certificate if place is not None else host


def _through(port: Callable[[], int]) -> Callable[[str, int, float], socket.socket]:
    """Connections to the names of AWS through the lab's own tunnel."""

    def connect(host: str, wanted: int, timeout: float) -> socket.socket:
        return tunnel(HOST, port(), f"{host}:{wanted}", timeout=timeout)

    return connect
