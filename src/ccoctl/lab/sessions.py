"""Credentials that the lab's STS gave out, and who they make of their bearer."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable

import msgspec

from ccoctl.aws.exchange import Grant
from ccoctl.lab import accounts
from ccoctl.lab.accounts import Document

_TOKEN_BYTES = 180
"""Of a session token, unless a request asks for a longer one."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One assumed role."""

    access_key: str
    secret_key: str
    token: str
    expires: float
    """Seconds since 1970."""
    grant: Grant
    role_id: str

    @property
    def arn(self) -> str:
        """The ARN of the session (STS API reference, AssumedRoleUser): it does not hold the role's path."""
        _, partition, _, _, account, name = self.grant.role_arn.split(":", 5)
        role = name.rpartition("/")[2]
        return f"arn:{partition}:sts::{account}:assumed-role/{role}/{self.grant.session_name}"

    @property
    def user_id(self) -> str:
        """The role's id and the session's name."""
        return f"{self.role_id}:{self.grant.session_name}"

    def policies(self) -> tuple[tuple[Document, ...], ...]:
        """Groups of policies, each of which must allow what the session does; as they are now."""
        if accounts.role_id(self.grant.role_arn) != self.role_id:
            return ((),)  # the role is gone; another one of its name is nothing to this session
        own = accounts.role_policies(self.grant.role_arn)
        if not self.grant.session_policies and not self.grant.policy_arns:
            return own
        partition = self.grant.role_arn.split(":")[1]
        return (*own, (*self.grant.session_policies, *accounts.managed_documents(partition, self.grant.policy_arns)))


class Sessions:
    """All sessions that have not expired."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def start(self, grant: Grant) -> Session:
        """New credentials for a grant."""
        now = self._clock()
        session = Session(
            access_key=f"ASIA{base64.b32encode(secrets.token_bytes(10)).decode()}",
            secret_key=base64.b64encode(secrets.token_bytes(30)).decode(),
            token=base64.b64encode(secrets.token_bytes(max(_TOKEN_BYTES, grant.least_token_size))).decode(),
            expires=now + grant.duration,
            grant=grant,
            role_id=accounts.role_id(grant.role_arn),
        )
        with self._lock:
            self._sessions[session.access_key] = session
            if len(self._sessions) % 1000 == 0:
                self._sessions = {key: item for key, item in self._sessions.items() if item.expires > now}
        return session

    def find(self, access_key: str) -> Session | None:
        """The session of an access key, expired or not."""
        return self._sessions.get(access_key)

    def expired(self, session: Session) -> bool:
        """True when its time is over."""
        return self._clock() >= session.expires

    def reset(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._sessions.clear()
