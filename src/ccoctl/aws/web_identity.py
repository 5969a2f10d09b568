"""The parameters of AssumeRoleWithWebIdentity, read from the query protocol, and STS's refusals.

Source: the STS service model (2011-06-15) for names, limits and error codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ccoctl.errors import CcoctlError

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_POLICY_ARN = re.compile(r"PolicyArns\.member\.([1-9][0-9]{0,2})\.arn")
_KNOWN = frozenset(
    {
        *("RoleArn", "RoleSessionName", "WebIdentityToken", "ProviderId"),
        *("Policy", "DurationSeconds", "MinimumSessionTokenSize"),
    }
)
_ENVELOPE = frozenset({"Action", "Version"})
_POLICY_CHARACTERS = re.compile(r"[\t\n\r\x20-\xff]+")


class StsError(CcoctlError):
    """STS refuses: its error code, HTTP status and words, and in `reason` what it would not tell."""

    def __init__(self, code: str, status: int, message: str, reason: str) -> None:
        """`reason` is for the owner of the account alone; no answer to a stranger carries it."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.reason = reason


def refuse(code: str, message: str, *, status: int = 400, reason: str = "") -> StsError:
    """A refusal; the reason is the message where there is nothing to add."""
    return StsError(code, status, message, reason or message)


class WebIdentityRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, its parameters within their limits."""

    role_arn: str
    session_name: str
    token: str
    duration: int | None = None
    """Seconds; None for the default."""
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    least_token_size: int = 0
    """Bytes that the session token is to have at least."""


def parse_request(parameters: Sequence[tuple[str, str]]) -> WebIdentityRequest:
    """The request that a form's pairs make.

    Raises:
        StsError: a parameter is missing, there twice, unknown or outside its limits.
    """
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given:
            raise _invalid(f"the parameter {name[:40]!a} is there twice")
        given[name] = value
    arns = tuple(_policy_arns(given))
    if unknown := given.keys() - _KNOWN - _ENVELOPE - {name for name in given if _POLICY_ARN.fullmatch(name)}:
        raise _invalid(f"there is no parameter {min(unknown)[:40]!a}")
    if "ProviderId" in given:
        raise _invalid("ProviderId is not for OpenID Connect tokens")
    return WebIdentityRequest(
        role_arn=_text(given, "RoleArn", "roleArn", 20, 2048),
        session_name=_session_name(given),
        token=_text(given, "WebIdentityToken", "webIdentityToken", 4, 20_000),
        duration=_whole(given, "DurationSeconds", "durationSeconds", 900, 43200),
        policy=_policy(given),
        policy_arns=arns,
        least_token_size=_whole(given, "MinimumSessionTokenSize", "minimumSessionTokenSize", 0, 4096) or 0,
    )


def _text(given: dict[str, str], name: str, member: str, least: int, most: int) -> str:
    value = given.get(name)
    if value is None:
        raise _invalid(f"Value null at '{member}' failed to satisfy constraint: Member must not be null")
    for wrong, limit in (
        (len(value) < least, f"greater than or equal to {least}"),
        (len(value) > most, f"less than or equal to {most}"),
    ):
        if wrong:
            raise _invalid(f"Value at '{member}' failed to satisfy constraint: Member must have length {limit}")
    return value


def _session_name(given: dict[str, str]) -> str:
    value = _text(given, "RoleSessionName", "roleSessionName", 2, 64)
    if not _SESSION_NAME.fullmatch(value):
        raise _invalid(
            "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"[\w+=,.@-]*"
        )
    return value


def _whole(given: dict[str, str], name: str, member: str, least: int, most: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and least <= int(value) <= most):
        raise _invalid(f"Value at '{member}' failed to satisfy constraint: Member must be from {least} to {most}")
    return int(value)


def _policy(given: dict[str, str]) -> str | None:
    if "Policy" not in given:
        return None
    value = _text(given, "Policy", "policy", 1, 2048)
    if not _POLICY_CHARACTERS.fullmatch(value):
        raise _invalid("Value at 'policy' failed to satisfy constraint: it has characters that no policy has")
    return value


def _policy_arns(given: dict[str, str]) -> list[str]:
    numbered = sorted((int(found[1]), value) for name, value in given.items() if (found := _POLICY_ARN.fullmatch(name)))
    if len(numbered) > 10:
        raise _invalid("Value at 'policyArns' failed to satisfy constraint: there are more than 10")
    if any(not 20 <= len(arn) <= 2048 for _, arn in numbered):
        raise _invalid("Value at 'policyArns' failed to satisfy constraint: an ARN has 20 to 2048 characters")
    return [arn for _, arn in numbered]


def _invalid(what: str) -> StsError:
    return refuse("ValidationError", f"1 validation error detected: {what}")
