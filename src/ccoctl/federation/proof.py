"""The proof that a federation works as wanted, as data: checks, exchanges that were tried, findings."""

from __future__ import annotations

from enum import Enum

import msgspec


class Verdict(Enum):
    """How a check ended."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "not checked"
    """It could not be looked at; `Check.detail` says why."""


class Part(Enum):
    """Which link of the chain of trust a check is about: the picture marks it."""

    ACCOUNT = "account"
    """The account as a whole."""
    KEY = "signing key"
    ISSUER = "issuer"
    """The issuer's documents."""
    PROVIDER = "identity provider"
    ROLES = "roles"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must hold, and whether it does."""

    name: str
    verdict: Verdict
    detail: str
    """What was seen; where it is wrong, with the way out."""
    part: Part = Part.ACCOUNT


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a role's permissions policy."""

    effect: str
    actions: tuple[str, ...]
    resource: str
    condition: str = ""
    """As JSON; empty without one."""


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """What one CredentialsRequest gets: who may assume which role, and what that role may do."""

    secret: str
    """`namespace/name` of the Secret."""
    role: str
    """The role's name."""
    role_arn: str
    """Empty where there is no such role."""
    service_accounts: tuple[str, ...]
    """Each `namespace/name`."""
    permissions: tuple[Permission, ...]


class Attempt(Enum):
    """What kind of token was tried on a role."""

    OWN_ROLE = "own role"
    OTHER_ROLE = "another component's role"
    OTHER_NAMESPACE = "a namesake in another namespace"
    OTHER_KEY = "signed with another key"
    EXPIRED = "expired"
    OTHER_AUDIENCE = "for another audience"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One token that was handed to the cloud for one role, and the answer."""

    attempt: Attempt
    service_account: str
    """`namespace/name` that the token was issued for."""
    role: str
    granted: bool
    identity: str = ""
    """Who the credentials said they are, when they were granted and asked."""
    code: str = ""
    """The cloud's error code, when it refused."""
    message: str = ""
    wanted: bool
    """Whether it had to be granted."""
    answered: bool = True
    """False where the cloud gave no verdict: it could not be reached, or refused for a reason of its own."""
    mistaken: bool = False
    """True where the credentials were granted and are not the role's: `identity` is someone else."""

    @property
    def right(self) -> bool:
        """True when the cloud answered as it must."""
        return self.answered and self.granted == self.wanted and not self.mistaken


class Severity(Enum):
    """How much a finding matters."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that works and yet deserves a look."""

    severity: Severity
    where: str
    what: str
    remedy: str = ""


class Standing(Enum):
    """What a proof amounts to."""

    HOLDS = "holds"
    UNPROVEN = "is not proven"
    """Nothing was seen to be wrong, and not everything could be looked at."""
    BROKEN = "does not hold"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """All that was looked at and tried for one set-up."""

    name: str
    region: str
    issuer: str
    """Empty where it is not known."""
    provider_arn: str
    kid: str
    at: str
    """When, ISO 8601 in UTC."""
    checks: tuple[Check, ...]
    components: tuple[Component, ...]
    exchanges: tuple[Exchange, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def holds(self) -> bool:
        """True when every check and every exchange is as it must be; findings do not count."""
        return all(check.verdict is Verdict.OK for check in self.checks) and all(item.right for item in self.exchanges)

    @property
    def standing(self) -> Standing:
        """Whether it holds, does not, or could not be told."""
        if self.holds:
            return Standing.HOLDS
        is_wrong = any(check.verdict is Verdict.WRONG for check in self.checks)
        is_wrong = is_wrong or any(item.answered and not item.right for item in self.exchanges)
        return Standing.BROKEN if is_wrong else Standing.UNPROVEN
