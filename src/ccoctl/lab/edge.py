"""The endpoint: each request is identified, delayed, authorised, put right where moto is wrong, answered and logged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from ccoctl.lab import buckets, distributions, roles
from ccoctl.lab.access_identities import AccessIdentities
from ccoctl.lab.answers import Answer
from ccoctl.lab.asked import Asked, asked, is_changing
from ccoctl.lab.authorization import authorize

LAB_ROOT = "/_lab/"
"""Below it the lab itself answers: `calls`, `reset`, `user`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """One request and its answer."""

    at: float
    """Seconds since the lab began."""
    access_key: str
    service: str
    operation: str
    status: int
    code: str
    """The error code; empty for a success."""

    @property
    def changing(self) -> bool:
        """True when the operation may change something, whether or not it was allowed to."""
        return is_changing(self.operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How this AWS behaves."""

    enforce_iam: bool = False
    latency: float = 0.0
    """Seconds before each call is looked at."""
    distribution_delay: float = 0.2
    """Seconds until a distribution is deployed."""


class Edge:
    """A WSGI application around moto's."""

    def __init__(self, conditions: Conditions) -> None:
        """Begin with an empty account."""
        self.conditions = conditions
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._identities = AccessIdentities()
        self._log: list[LoggedCall] = []
        # moto's models are not made for several threads at a time
        self._lock = threading.RLock()
        self._begun = time.monotonic()
        self._never = threading.Event()
        distributions.mend()
        distributions.deploy_within(conditions.distribution_delay)

    def calls(self) -> tuple[LoggedCall, ...]:
        """The requests so far, in the order in which they were answered."""
        with self._lock:
            return tuple(self._log)

    def reset(self) -> None:
        """Empty the account and the log."""
        with self._lock:
            moto_api_backend.reset()
            self._identities.reset()
            self._log.clear()
            distributions.deploy_within(self.conditions.distribution_delay)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO", "").startswith(LAB_ROOT):
            return self._own(environ["PATH_INFO"].removeprefix(LAB_ROOT)).send(start_response)
        request = asked(environ)
        if self.conditions.latency:
            self._never.wait(self.conditions.latency)
        with self._lock:
            answer = self._answer(request, environ)
            self._log.append(
                LoggedCall(
                    at=time.monotonic() - self._begun,
                    access_key=request.access_key,
                    service=request.service,
                    operation=request.operation,
                    status=answer.status,
                    code=answer.code,
                )
            )
        return answer.send(start_response)

    def _answer(self, request: Asked, environ: dict[str, Any]) -> Answer:
        refused = authorize(request) if self.conditions.enforce_iam else None
        if refused is None and request.service == "iam":
            refused = roles.check(request)
        if refused is None and request.service == "s3":
            refused = buckets.check(request)
        if refused is None and request.service == "cloudfront":
            refused = distributions.check(request)
            refused = refused or self._identities.handle(request, distributions.identities_in_use(request))
        if refused is not None:
            return refused
        is_new = request.operation == "CreateBucket" and not buckets.exists(request)
        answer = _ask(self._moto, environ)
        if answer.status < 300:
            if is_new:
                buckets.created(request)
            if request.service == "cloudfront":
                distributions.after(request)
        return answer

    def _own(self, name: str) -> Answer:
        if name == "calls":
            body = json.dumps([asdict(call) for call in self.calls()]).encode()
            return Answer(status=200, body=body, headers={"Content-Type": "application/json"})
        if name == "reset":
            self.reset()
            return Answer(status=200)
        return Answer(status=404)


def _ask(application: Callable[[dict[str, Any], Any], Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """What an application answers, as a value."""
    said: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], None]:
        said.update(status=int(status.split(" ", 1)[0]), headers=dict(headers))
        return lambda _data: None

    body = application(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    framing = {"transfer-encoding"} if environ["REQUEST_METHOD"] == "HEAD" else {"transfer-encoding", "content-length"}
    headers = {name: value for name, value in said["headers"].items() if name.lower() not in framing}
    return Answer(status=said["status"], body=content, headers=headers)
