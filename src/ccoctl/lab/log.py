"""What the lab remembers of each request: who called what, with which answer."""

from __future__ import annotations

import threading
import time
from collections import deque

import msgspec

from ccoctl.lab.answers import Answer
from ccoctl.lab.asked import Asked
from ccoctl.lab.authorization import resource_of
from ccoctl.lab.operations import is_changing
from ccoctl.lab.principals import Principal

LIMIT = 100_000
"""Requests that are remembered."""
TEXT_LIMIT = 512
"""Characters of each text that are remembered: what is asked is a stranger's."""
RESET = "ConnectionReset"
"""The code of an answer that never arrived."""


class LoggedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer."""

    at: float
    """Seconds since the lab began."""
    access_key: str
    principal: str
    """ARN of who asked; empty for nobody in particular."""
    service: str
    operation: str
    resource: str
    """ARN of what was asked about, or the host and path of a document or a tunnel; `*` where there is no one thing."""
    status: int
    """0 where the connection was reset before anything was done."""
    code: str
    """The error code; empty for a success."""
    reason: str = ""
    """Why a token was refused, or whose it was: what STS tells nobody."""

    @property
    def changing(self) -> bool:
        """True when the operation may change something, whether or not it was allowed to."""
        return is_changing(self.operation)


class RequestLog:
    """The requests so far."""

    def __init__(self) -> None:
        """Begin empty."""
        self._begun = time.monotonic()
        self._calls: deque[LoggedCall] = deque(maxlen=LIMIT)
        self._lock = threading.Lock()

    def calls(self) -> tuple[LoggedCall, ...]:
        """In the order in which they were answered."""
        with self._lock:
            return tuple(self._calls)

    def reset(self) -> None:
        """Begin anew."""
        with self._lock:
            self._calls.clear()

    def note(self, request: Asked, principal: Principal | None, answer: Answer | None, reason: str) -> None:
        """Remember a request to one of the services; without an answer the connection was reset."""
        self._add(
            access_key=request.access_key,
            principal=principal.arn if principal is not None else "",
            service=request.service,
            operation=request.operation,
            resource=request.form.get("RoleArn") or request.query.get("RoleArn") or resource_of(request),
            answer=answer,
            reason=reason,
        )

    def viewed(self, domain: str, path: str, answer: Answer) -> None:
        """Remember a viewer's request to a distribution."""
        self._add(service="cdn", operation="GetObject", resource=f"{domain}{path}", answer=answer)

    def refused_tunnel(self, host: str, port: str, why: str) -> None:
        """Remember a client that wanted to leave the lab."""
        answer = Answer(status=403, body=b"<Code>Forbidden</Code>")
        self._add(service="proxy", operation="CONNECT", resource=f"{host}:{port}", answer=answer, reason=why)

    def _add(
        self,
        *,
        service: str,
        operation: str,
        resource: str,
        answer: Answer | None,
        access_key: str = "",
        principal: str = "",
        reason: str = "",
    ) -> None:
        call = LoggedCall(
            at=time.monotonic() - self._begun,
            access_key=access_key,
            principal=principal,
            service=service,
            operation=operation,
            resource=resource[:TEXT_LIMIT],
            status=0 if answer is None else answer.status,
            code=RESET if answer is None else answer.code,
            reason=reason[:TEXT_LIMIT],
        )
        with self._lock:
            self._calls.append(call)
