"""The strict STS: web identity tokens are checked as AWS checks them, and answered in the query protocol."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from ccoctl.aws.exchange import AssumableRole, RegisteredProvider, exchange
from ccoctl.aws.web_identity import StsError, parse_request
from ccoctl.federation.documents import IssuerCache
from ccoctl.federation.token import Token
from ccoctl.federation.verify import KeySet
from ccoctl.lab import accounts
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.consistency import Consistency
from ccoctl.lab.principals import Principal
from ccoctl.lab.sessions import Session, Sessions

_VERSION = "2011-06-15"
_XMLNS = f"https://sts.amazonaws.com/doc/{_VERSION}/"
_FIELDS = 64
"""Parameters of a request; no honest one has more."""


class StrictSts:
    """Answers AssumeRoleWithWebIdentity and GetCallerIdentity; what it looks at is the account as it is now."""

    def __init__(
        self,
        sessions: Sessions,
        issuers: IssuerCache,
        consistency: Consistency,
        lock: AbstractContextManager[object],
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives seconds since 1970; `lock` is held where the account is looked at, never where we wait."""
        self._lock = lock
        self._sessions = sessions
        self._issuers = issuers
        self._consistency = consistency
        self._clock = clock

    def assume(self, asked: Asked) -> tuple[Answer, str]:
        """The answer to AssumeRoleWithWebIdentity, and for the lab's own log the reason behind it."""
        try:
            pairs = [*_pairs(asked.body.decode()), *_pairs(asked.target.partition("?")[2])]
        except ValueError:
            message = "The request is no list of parameters"
            return self._refused(asked, 400, "MalformedQueryString", message), message
        if wrong := _protocol_problem(asked.method, dict(pairs).get("Version", "")):
            status, code, message = wrong
            return self._refused(asked, status, code, message), message
        try:
            grant = exchange(parse_request(pairs), self, now=self._clock())
        except StsError as error:
            return self._refused(asked, error.status, error.code, error.message), error.reason
        with self._lock:
            session = self._sessions.start(grant)
        return _answer("AssumeRoleWithWebIdentity", _granted(session)), f"granted to {grant.claims.subject}"

    def caller(self, asked: Asked, principal: Principal) -> Answer:
        """The answer to GetCallerIdentity."""
        if principal.is_anonymous:
            return self._refused(asked, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        result = (
            f"<Arn>{escape(principal.arn)}</Arn><UserId>{escape(principal.user_id)}</UserId>"
            f"<Account>{accounts.ACCOUNT}</Account>"
        )
        return _answer("GetCallerIdentity", result)

    def unknown(self, asked: Asked) -> Answer:
        """The answer to everything else: it would hand out credentials that nothing was checked for."""
        message = (
            f"The lab's STS does not answer {asked.operation[:80]}: "
            "it has AssumeRoleWithWebIdentity and GetCallerIdentity"
        )
        return self._refused(asked, 400, "InvalidAction", message)

    def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
        """The provider that is registered for an issuer."""
        with self._lock:
            found = accounts.provider(partition, account, url)
        return None if found is None or self._consistency.is_fresh(found.host) else found

    def role(self, arn: str) -> AssumableRole | None:
        """The role of that ARN."""
        with self._lock:
            found = accounts.role(arn)
        return None if found is None or self._consistency.is_fresh(arn.rpartition("/")[2]) else found

    def keys(self, issuer: str, token: Token) -> KeySet:
        """The issuer's keys, as they are published."""
        return self._issuers.keys(issuer, token.header.kid)

    def _refused(self, asked: Asked, status: int, code: str, message: str) -> Answer:
        return refusal("sts", asked.method, status, code, message)


def _protocol_problem(method: str, version: str) -> tuple[int, str, str] | None:
    """HTTP status, code and words of a refusal; the query protocol has GET and POST, and an operation its version."""
    if method not in {"GET", "POST"}:
        return 405, "MethodNotAllowed", "The query protocol has the methods GET and POST"
    if version == _VERSION:
        return None
    shown = ascii(version[:40])[1:-1] or "NO_VERSION_SPECIFIED"
    return 400, "InvalidAction", f"Could not find operation AssumeRoleWithWebIdentity for version {shown}"


def _pairs(encoded: str) -> list[tuple[str, str]]:
    """Parameters as they were sent, twice where they were sent twice.

    Raises:
        ValueError: it is no form, or one that is too long to be honest.
    """
    if not encoded:
        return []
    return parse_qsl(encoded, keep_blank_values=True, strict_parsing=True, max_num_fields=_FIELDS, errors="strict")


def _granted(session: Session) -> str:
    grant = session.grant
    packed = grant.packed_policy_size
    audience = grant.claims.authorized_party or grant.claims.audiences[0]
    return (
        f"<SubjectFromWebIdentityToken>{escape(grant.claims.subject)}</SubjectFromWebIdentityToken>"
        f"<Audience>{escape(audience)}</Audience>"
        f"<AssumedRoleUser><Arn>{escape(session.arn)}</Arn>"
        f"<AssumedRoleId>{escape(session.user_id)}</AssumedRoleId></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{session.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret_key}</SecretAccessKey><SessionToken>{session.token}</SessionToken>"
        f"<Expiration>{_time(session.expires)}</Expiration></Credentials>"
        + ("" if packed is None else f"<PackedPolicySize>{packed}</PackedPolicySize>")
        + f"<Provider>{escape(grant.provider.arn)}</Provider>"
    )


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _answer(operation: str, result: str) -> Answer:
    request_id = secrets.token_hex(16)
    body = (
        f'<{operation}Response xmlns="{_XMLNS}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Answer(status=200, body=body.encode(), headers={"x-amzn-RequestId": request_id})
