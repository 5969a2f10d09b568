"""The claims of a service account token as a type.

Source: RFC 7519 §4.1; OpenID Connect Core 1.0 §2; Kubernetes' pkg/serviceaccount/claims.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

import msgspec

from ccoctl.errors import TokenError, TokenProblem

LATEST = 2**53
"""The largest number that every JSON parser reads alike."""
SUBJECT_LIMIT = 255
"""ASCII characters of a subject (OpenID Connect Core 1.0 §2)."""
AUDIENCE_LIMIT = 255
"""Characters of an audience: the limit of a client id in IAM."""
SUBJECT_PREFIX = "system:serviceaccount:"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says, its times in seconds since 1970."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires: int
    issued_at: int
    not_before: int
    authorized_party: str | None = None
    """`azp`: where it is there, it is what an audience is compared with."""
    others: Mapping[str, object] = {}

    @property
    def lifetime(self) -> int:
        """Seconds from issue to expiry."""
        return self.expires - self.issued_at

    @property
    def service_account(self) -> tuple[str, str] | None:
        """Namespace and name; None where the subject is no service account's."""
        parts = self.subject.removeprefix(SUBJECT_PREFIX).split(":")
        if not self.subject.startswith(SUBJECT_PREFIX) or len(parts) != 2 or not all(parts):
            return None
        return parts[0], parts[1]


def subject_of(namespace: str, name: str) -> str:
    """The `sub` of a service account's tokens."""
    return f"{SUBJECT_PREFIX}{namespace}:{name}"


def claims_of(members: Mapping[str, object]) -> Claims:
    """The claims of a token's payload.

    Raises:
        TokenError: one that is needed is missing, or one is not what it must be.
    """
    rest = dict(members)
    return Claims(
        issuer=_text(rest, "iss", 2048),
        subject=_ascii(rest, "sub", SUBJECT_LIMIT),
        audiences=_audiences(rest),
        expires=_time(rest, "exp"),
        issued_at=_time(rest, "iat"),
        not_before=_time(rest, "nbf"),
        authorized_party=_text(rest, "azp", AUDIENCE_LIMIT) if "azp" in rest else None,
        others=rest,
    )


def _text(members: dict[str, object], name: str, limit: int) -> str:
    value = members.pop(name, None)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise _refusal(f"The claim {name} is missing, or not a text of 1 to {limit} characters")
    return value


def _ascii(members: dict[str, object], name: str, limit: int) -> str:
    value = _text(members, name, limit)
    if not (value.isascii() and value.isprintable()):
        raise _refusal(f"The claim {name} has characters other than printable ASCII")
    return value


def _audiences(members: dict[str, object]) -> tuple[str, ...]:
    value = members.pop("aud", None)
    listed = [value] if isinstance(value, str) else value
    if not _are_texts(listed) or not listed or not all(0 < len(item) <= AUDIENCE_LIMIT for item in listed):
        raise _refusal("The claim aud is missing, or neither a text nor a list of texts")
    return tuple(listed)


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _time(members: dict[str, object], name: str) -> int:
    value = members.pop(name, None)
    if type(value) is not int or not 0 < value < LATEST:  # True is an int to isinstance
        raise _refusal(f"The claim {name} is missing, or not a whole number of seconds since 1970")
    return value


def _refusal(what: str) -> TokenError:
    return TokenError(what, problem=TokenProblem.CLAIMS)
