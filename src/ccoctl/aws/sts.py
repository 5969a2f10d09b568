"""STS as whoever holds a token sees it: a token for credentials, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ccoctl.aws import calls
from ccoctl.engine.attempt import Attempts, with_retries
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.errors import CloudError, ErrorKind

SESSION_NAME = "ccoctl-verify"

_PARTS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What STS gives for a token; never shown."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)


class Aws(Protocol):
    """A cloud that also speaks in the name of others."""

    def perform(self, call: Call) -> Answer:
        """As `engine.cloud.Cloud`."""
        ...

    def bearing(self, credentials: Credentials) -> Cloud:
        """The same AWS, asked with these credentials."""
        ...


class Sts:
    """Exchanges tokens."""

    def __init__(self, aws: Aws, *, patience: float) -> None:
        """`patience`: the seconds that a refusal is waited out where a grant is expected, because IAM needs a while."""
        self._aws = aws
        self._attempts = Attempts(policy=RetryPolicy(not_yet=Patience(first=0.5, longest=4.0, total=patience)))

    def stop(self) -> None:
        """Wait for nothing any more: whoever does ends with InterruptedRunError."""
        self._attempts.stop.set()

    def assume(self, role_arn: str, token: str, *, expected: bool) -> Credentials:
        """Credentials that are good for a quarter of an hour, and may do nothing.

        Raises:
            CloudError: STS refuses, or gave no verdict.
            InterruptedRunError: it was stopped while it waited.
        """
        call = calls.assume_role_with_web_identity(role_arn, SESSION_NAME, token, may_be_new=expected)
        answer, _ = with_retries(self._aws, call, self._attempts)
        given = answer.get("Credentials")
        parts = [str(given.get(name, "")) if isinstance(given, Mapping) else "" for name in _PARTS]
        if not all(parts):
            raise CloudError("STS answered without credentials", kind=ErrorKind.PERMANENT, operation=call.name)
        return Credentials(*parts)

    def identity(self, credentials: Credentials) -> str:
        """The ARN that credentials stand for.

        Raises:
            CloudError: they are not valid, or there was no answer.
            InterruptedRunError: it was stopped while it waited.
        """
        answer, _ = with_retries(self._aws.bearing(credentials), calls.get_caller_identity(), self._attempts)
        return str(answer.get("Arn", ""))
