"""Does a token hold, and what would STS answer? Asked without handing the token to anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ccoctl import files
from ccoctl.aws.exchange import ACTION, AssumableRole, RegisteredProvider, exchange
from ccoctl.aws.web_identity import StsError, WebIdentityRequest
from ccoctl.errors import CcoctlError, Problem, Problems
from ccoctl.federation.documents import published
from ccoctl.federation.https import Get
from ccoctl.federation.token import Token
from ccoctl.federation.verify import KeySet, key_set, verify
from ccoctl.signing import discovery, jwks
from ccoctl.signing.strictjson import parse_object

SESSION_NAME = "ccoctl"
_ANY_ROLE = "arn:aws:iam::000000000000:role/any"
_LONGEST_SESSION = 43200
_POLICY_LIMIT = 64 * 1024
"""Bytes; IAM takes 8192 characters."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """A role whose trust policy decides in the end."""

    role_arn: str
    policy: Mapping[str, Any]


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is checked against."""

    keys: Callable[[], KeySet]
    """The issuer's keys; raises CcoctlError where they cannot be had."""
    issuer: str | None
    """None to take the token's word for it."""
    audiences: tuple[str, ...]
    """Client ids of the provider."""
    trust: Trust | None = None


class StsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What STS would answer to AssumeRoleWithWebIdentity."""

    status: int = 200
    """Of HTTP."""
    code: str = ""
    message: str = ""
    reason: str = ""
    """What STS would not tell."""

    @property
    def granted(self) -> bool:
        """True when there would be credentials."""
        return self.status == 200


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a token holds, and what STS would make of it."""

    refusal: str
    """Why it does not hold; empty when it does."""
    answer: StsAnswer
    trust_decided: bool
    """False when a role's trust policy has a say still."""

    @property
    def good(self) -> bool:
        """True when nobody refuses it."""
        return not self.refusal and self.answer.granted


def check(text: str, against: Against, *, now: float) -> Checked:
    """Check a token by the constant rules, and as STS does; `now` is in seconds since 1970."""
    keys = _Once(against.keys)
    account = _Account(against, keys)
    role_arn = against.trust.role_arn if against.trust else _ANY_ROLE
    request = WebIdentityRequest(role_arn=role_arn, session_name=SESSION_NAME, token=text)
    try:
        exchange(request, account, now=now)
        answer = StsAnswer()
    except StsError as error:
        answer = StsAnswer(status=error.status, code=error.code, message=error.message, reason=error.reason)
    return Checked(refusal=_refusal(text, against, keys, now), answer=answer, trust_decided=against.trust is not None)


def published_keys(issuer: str, get: Get) -> Callable[[], KeySet]:
    """The keys that an issuer publishes, as the world sees them.

    Raises:
        Problems: the issuer is no URL of one.
    """
    if reason := discovery.url_problem(issuer):
        raise Problems((Problem("--issuer-url", f"{issuer[:200]!a} {reason}"),))
    return lambda: published(issuer, get).keys


def keys_of_file(path: Path) -> Callable[[], KeySet]:
    """The keys of a JWKS file.

    Raises:
        FileError, SigningKeyError: it cannot be read, or is no JWKS.
    """
    keys = key_set(jwks.parse(files.read_bytes(path, limit=jwks.MAX_BYTES), where=str(path)))
    return lambda: keys


def trust_of_file(path: Path, role_arn: str) -> Trust:
    """A role by its trust policy.

    Raises:
        FileError, SigningKeyError: the file cannot be read, or holds no JSON object.
    """
    data = files.read_bytes(path, limit=_POLICY_LIMIT)
    return Trust(
        role_arn=role_arn, policy=parse_object(data, limit=_POLICY_LIMIT, what="trust policy", where=str(path))
    )


def _refusal(text: str, against: Against, keys: _Once, now: float) -> str:
    from ccoctl.federation.token import parse

    try:
        issuer = against.issuer or parse(text).claims.issuer
        verify(text, keys=keys(), issuer=issuer, audiences=against.audiences, now=now)
    except CcoctlError as error:
        return f"{error.what} ({error.where})" if error.where else error.what
    return ""


class _Once:
    """Documents are fetched once, and a failure is the same failure the second time."""

    def __init__(self, keys: Callable[[], KeySet]) -> None:
        self._ask = keys
        self._keys: KeySet | None = None
        self._error: CcoctlError | None = None

    def __call__(self) -> KeySet:
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            self._keys = self._ask() if self._keys is None else self._keys
        except CcoctlError as error:
            self._error = error
            raise
        return self._keys


class _Account:
    """An account with one provider and one role."""

    def __init__(self, against: Against, keys: _Once) -> None:
        self._against = against
        self._keys = keys
        self._provider: RegisteredProvider | None = None

    def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
        """The provider, where the token is its issuer's."""
        if self._against.issuer is not None and url != self._against.issuer:
            return None
        arn = f"arn:{partition}:iam::{account}:oidc-provider/{url.removeprefix('https://')}"
        self._provider = RegisteredProvider(arn=arn, url=url, audiences=frozenset(self._against.audiences))
        return self._provider

    def role(self, arn: str) -> AssumableRole | None:
        """The role; without a trust policy, one that trusts whoever the provider vouches for."""
        trust = self._against.trust.policy if self._against.trust else self._trusting()
        return AssumableRole(arn=arn, trust=trust, max_session_duration=_LONGEST_SESSION)

    def keys(self, issuer: str, token: Token) -> KeySet:
        """The issuer's keys."""
        del issuer, token
        return self._keys()

    def _trusting(self) -> Mapping[str, Any]:
        principal = {"Federated": self._provider.arn if self._provider else ""}
        return {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": ACTION}],
        }
