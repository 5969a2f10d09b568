"""AssumeRoleWithWebIdentity as AWS decides it, a pure function of token, documents, account and clock.

The order of checks: parameters; shape of the token; provider registered; documents and key; signature; times; issuer
and audience; trust policy; duration; session policy. Source: STS API reference, AssumeRoleWithWebIdentity; IAM user
guide, "Available keys for AWS OIDC federation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from ccoctl.aws.conditions import Context
from ccoctl.aws.evaluate import Question, decide
from ccoctl.aws.web_identity import StsError, WebIdentityRequest, refuse
from ccoctl.errors import CcoctlError, DocumentError, TokenError, TokenProblem
from ccoctl.federation.claims import Claims
from ccoctl.federation.token import Token, parse
from ccoctl.federation.verify import KeySet, check_audience, check_signature, check_times
from ccoctl.signing.strictjson import parse_object

ACTION = "sts:AssumeRoleWithWebIdentity"
DEFAULT_DURATION = 3600
"""Seconds."""
SESSION_POLICY_LIMIT = 2048
"""Characters."""

_ROLE_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII
)


class RegisteredProvider(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM OIDC provider, as STS looks at it."""

    arn: str
    url: str
    """With its scheme."""
    audiences: frozenset[str]

    @property
    def host(self) -> str:
        """Host and path: what condition keys begin with."""
        return self.url.removeprefix("https://")


class AssumableRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role, as STS looks at it."""

    arn: str
    trust: Mapping[str, Any]
    max_session_duration: int
    """Seconds."""


class Account(Protocol):
    """What STS knows of the account that a role is in."""

    def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
        """The provider that is registered for an issuer."""

    def role(self, arn: str) -> AssumableRole | None:
        """The role of that ARN."""

    def keys(self, issuer: str, token: Token) -> KeySet:
        """The keys that an issuer publishes, looked at anew where the token's kid is not among them.

        Raises:
            CcoctlError: the documents cannot be had, or cannot be trusted.
        """


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that is allowed."""

    role_arn: str
    session_name: str
    duration: int
    """Seconds."""
    claims: Claims
    provider: RegisteredProvider
    session_policies: tuple[Mapping[str, Any], ...]
    policy_arns: tuple[str, ...]
    packed_policy_size: int | None
    """Percent of what fits; None without a session policy."""
    least_token_size: int = 0
    """Bytes that the session token is to have at least."""


def exchange(request: WebIdentityRequest, account: Account, *, now: float) -> Grant:
    """What STS grants for a request.

    Raises:
        StsError: it refuses; `reason` says more than AWS does.
    """
    target = _ROLE_ARN.fullmatch(request.role_arn)
    if target is None:
        raise refuse("ValidationError", "Request ARN is invalid", reason="the RoleArn is not the ARN of a role")
    token = _token(request)
    issuer = token.claims.issuer
    provider = account.provider(target["partition"], target["account"], issuer)
    if provider is None or provider.url != issuer:  # character by character, whatever the account finds alike
        message = f"No OpenIDConnect provider found in your account for {ascii(issuer[:200])[1:-1]}"
        raise refuse("InvalidIdentityToken", message, reason="no such provider is registered")
    _check_token(token, provider, account, now)
    role = _trusting(request, account.role(request.role_arn), provider, token.claims, now)
    duration = DEFAULT_DURATION if request.duration is None else request.duration
    if duration > role.max_session_duration:
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise refuse("ValidationError", message, reason=f"the role allows {role.max_session_duration} seconds")
    policies = _session_policies(request)
    return Grant(
        role_arn=role.arn,
        session_name=request.session_name,
        duration=duration,
        claims=token.claims,
        provider=provider,
        session_policies=policies,
        policy_arns=request.policy_arns,
        packed_policy_size=_packed(request),
        least_token_size=request.least_token_size,
    )


def condition_keys(provider: RegisteredProvider, claims: Claims, session_name: str, now: float) -> Context:
    """The condition keys that a trust policy may look at."""
    audience = claims.audiences if claims.authorized_party is None else (claims.authorized_party,)
    keys = {
        f"{provider.host}:sub": (claims.subject,),
        f"{provider.host}:aud": audience,
        "sts:rolesessionname": (session_name,),
        "aws:federatedprovider": (provider.arn,),
        "aws:currenttime": (str(int(now)),),
        "aws:epochtime": (str(int(now)),),
        "aws:securetransport": ("true",),
    }
    if claims.authorized_party is not None:
        keys[f"{provider.host}:oaud"] = claims.audiences
    for name in ("amr", "email"):
        value = claims.others.get(name)
        listed = value if isinstance(value, list) else [value]
        if texts := tuple(item for item in listed if isinstance(item, str)):
            keys[f"{provider.host}:{name}"] = texts
    return {key.lower(): values for key, values in keys.items()}


def _token(request: WebIdentityRequest) -> Token:
    try:
        return parse(request.token)
    except TokenError as error:
        raise _of_token(error) from None


def _check_token(token: Token, provider: RegisteredProvider, account: Account, now: float) -> None:
    try:
        keys = account.keys(provider.url, token)
        check_signature(token, keys)
        check_times(token.claims, now)
        check_audience(token.claims, provider.audiences)
    except TokenError as error:
        raise _of_token(error, token.claims, now) from None
    except CcoctlError as error:
        if isinstance(error, DocumentError) and error.may_pass:
            raise refuse("IDPCommunicationError", _NO_PROVIDER, reason=str(error)) from None
        raise refuse("InvalidIdentityToken", _NO_KEY, reason=str(error)) from None


def _trusting(
    request: WebIdentityRequest, role: AssumableRole | None, provider: RegisteredProvider, claims: Claims, now: float
) -> AssumableRole:
    if role is None:
        raise refuse("AccessDenied", _NOT_AUTHORIZED, status=403, reason="there is no such role")
    question = Question(
        action=ACTION,
        principals=frozenset({("Federated", provider.arn)}),
        context=condition_keys(provider, claims, request.session_name, now),
    )
    decision = decide([role.trust], question)
    if not decision.allowed:
        reason = f"the role's trust policy does not let {claims.subject!a} in: {decision.why}"
        raise refuse("AccessDenied", _NOT_AUTHORIZED, status=403, reason=reason)
    return role


def _session_policies(request: WebIdentityRequest) -> tuple[Mapping[str, Any], ...]:
    if request.policy is None:
        return ()
    try:
        document = parse_object(request.policy.encode(), limit=4 * SESSION_POLICY_LIMIT, what="session policy")
    except (CcoctlError, UnicodeEncodeError):
        document = {}
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS or not listed or not all(map(_is_statement, listed)):
        raise refuse("MalformedPolicyDocument", "Syntax errors in policy.", reason="the session policy is no policy")
    return (document,)


def _is_statement(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("Effect") in ("Allow", "Deny")
        and ("Action" in entry) != ("NotAction" in entry)
        and ("Resource" in entry) != ("NotResource" in entry)
        and not {"Principal", "NotPrincipal"} & entry.keys()
    )


def _packed(request: WebIdentityRequest) -> int | None:
    """How full the session's policy space is; AWS packs in a way of its own, so this is an estimate."""
    if request.policy is None and not request.policy_arns:
        return None
    used = len((request.policy or "").encode()) + sum(map(len, request.policy_arns))
    percent = -(-100 * used // SESSION_POLICY_LIMIT)
    if percent > 100:
        message = f"PackedPolicySize is {percent}% of the allowed packed size"
        raise refuse("PackedPolicyTooLarge", message, reason="session policy and policy ARNs are too large together")
    return percent


def _of_token(error: TokenError, claims: Claims | None = None, now: float = 0) -> StsError:
    code, message = _ANSWERS.get(error.problem, ("InvalidIdentityToken", _INVALID))
    if claims is not None and error.problem is TokenProblem.EXPIRED:
        message = _EXPIRED.format(now=int(now), expires=claims.expires)
    return refuse(code, message, reason=error.what)


_VERSIONS = ("2008-10-17", "2012-10-17")
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
_NO_PROVIDER = "Error communicating to identity provider"
"""A try later may be answered (STS API reference, AssumeRoleWithWebIdentity, Errors)."""
_NOT_AUTHORIZED = f"Not authorized to perform {ACTION}"
_INVALID = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_EXPIRED = "Token expired: current date/time {now} must be before the expiration date/time {expires}"
_ANSWERS: Mapping[TokenProblem, tuple[str, str]] = {
    TokenProblem.EXPIRED: ("ExpiredTokenException", "Token expired"),
    TokenProblem.AUDIENCE: ("InvalidIdentityToken", "Incorrect token audience"),
    TokenProblem.KEY: ("InvalidIdentityToken", _NO_KEY),
    TokenProblem.ALGORITHM: ("InvalidIdentityToken", _NO_KEY),
    TokenProblem.SIGNATURE: ("InvalidIdentityToken", _NO_KEY),
    TokenProblem.CLAIMS: ("InvalidIdentityToken", "Missing or invalid required claim(s) in the ID Token"),
    TokenProblem.NOT_YET: ("InvalidIdentityToken", "Token is not yet valid"),
    TokenProblem.LIFETIME: ("InvalidIdentityToken", "The ID Token's lifetime is longer than is allowed"),
}
"""The error codes of STS's model with the words that users report; AWS documents no words."""
