"""A migration between the two issuers that a set-up's bucket can have: its own address, and a distribution's.

While it lasts both are served: the public issuer's documents are at the root of the bucket, the private one's in a
folder of it, which is the distribution's origin path. Both ends of it are what `create-all` makes, so that every other
command, and the Go tool, knows them: a root that everybody reads, or a root that the distribution alone reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from ccoctl.aws import desired, names
from ccoctl.aws.desired import Issuer, Settings, Trusted, future_issuer
from ccoctl.aws.migration_trust import trusts
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Account, Distribution, Document, Provider
from ccoctl.engine.call import at_path
from ccoctl.signing import discovery

FOLDER = "cloudfront"
"""Where the distribution's documents are while both issuers are served."""
ORIGIN_PATH = f"/{FOLDER}"
UNUSED_SINCE = "ccoctl/unused-since"
"""Tag of a provider: when the cluster was first seen to sign for the other issuer; it is the cloud that keeps it."""
IN_USE = "in-use"
"""The tag's value for an issuer that the cluster may sign for: overwriting needs no right to untag."""
NEVER_USED = "never-used"
"""Its value for one that was registered a moment ago, and that nobody was told to sign for yet."""


class Side(Enum):
    """One of the two issuers."""

    PUBLIC = "public"
    """Served by the bucket itself."""
    PRIVATE = "private"
    """Served by a distribution, from a bucket that is closed to everybody else."""

    @property
    def other(self) -> Side:
        """The other one."""
        return Side.PRIVATE if self is Side.PUBLIC else Side.PUBLIC


def origin_path(front: Distribution | None) -> str:
    """What a distribution puts before each path; empty where it serves the root, or where there is none."""
    origins = at_path((front.config if front is not None else None) or {}, "Origins.Items")
    origin = origins[0] if isinstance(origins, list) and origins else {}
    return str(origin.get("OriginPath", "")) if isinstance(origin, Mapping) else ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds of a set-up that may be between its two issuers."""

    account: Account
    """Its roles are all of ours, those of dropped requests included."""
    moved: Mapping[str, Document] = msgspec.field(default_factory=dict)
    """The documents in the folder, by their key below it."""
    strangers: Mapping[str, Policy] = msgspec.field(default_factory=dict)
    """Trust policies, by name, of the account's other roles: workloads may use the cluster's issuer, too."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, seen as two issuers."""

    settings: Settings
    found: Found

    @property
    def front(self) -> Distribution | None:
        """The distribution."""
        return self.found.account.distribution

    @property
    def origin_path(self) -> str:
        """What the distribution puts before each path; empty where it serves the root, or where there is none."""
        return origin_path(self.front)

    def issuer(self, side: Side) -> Issuer:
        """The issuer of a side; a distribution's may be yet to come."""
        if side is Side.PUBLIC:
            return Issuer(host=self.settings.bucket_host)
        return Issuer(host=self.front.domain_name) if self.front is not None else future_issuer()

    def trusted(self, side: Side) -> Trusted:
        """The provider of a side as trust policies name it."""
        issuer = self.issuer(side)
        arn = desired.provider_arn(self.settings.partition.id, self.found.account.id, issuer)
        return Trusted(arn=arn, host=issuer.name)

    def provider(self, side: Side) -> Provider | None:
        """The provider of a side, where it is registered."""
        url = self.issuer(side).url
        return next((item for item in self.found.account.providers if item.url == url), None)

    def trusting(self, side: Side) -> tuple[str, ...]:
        """The roles of ours that trust a side."""
        arn = self.trusted(side).arn
        roles = self.found.account.roles
        return tuple(name for name, role in sorted(roles.items()) if isinstance(arn, str) and trusts(role.trust, arn))

    def strangers(self, side: Side) -> tuple[str, ...]:
        """The account's other roles that trust a side."""
        arn = self.trusted(side).arn
        listed = sorted(self.found.strangers.items())
        return tuple(name for name, policy in listed if isinstance(arn, str) and trusts(policy, arn))

    def unused_since(self, side: Side) -> str:
        """When the cluster was first seen to sign for the other side, ISO 8601, or NEVER_USED; empty when unknown."""
        provider = self.provider(side)
        said = provider.tags.get(UNUSED_SINCE, "") if provider is not None else ""
        return "" if said == IN_USE else said

    def published(self, documents: Mapping[str, Document]) -> str:
        """The issuer that a discovery document names; empty where there is none."""
        document = documents.get(discovery.PATH)
        issuer = (document.body or {}).get("issuer") if document is not None else None
        return issuer if isinstance(issuer, str) else ""

    @property
    def root(self) -> Side | None:
        """Whose documents are at the root of the bucket."""
        there = self.published(self.found.account.documents)
        return next((side for side in Side if there and self.issuer(side).url == there), None)

    def is_served(self, side: Side) -> bool:
        """True when the documents of a side are where the world looks for them; it may not see them yet."""
        if side is Side.PUBLIC or self.front is None:
            return side is Side.PUBLIC and self.root is side
        if self.origin_path:
            return self.published(self.found.moved) == self.issuer(side).url
        return self.root is side

    def is_settled(self, side: Side) -> bool:
        """True when a side can be used and the other one by nobody: what is left of that one can go."""
        return self.provider(side) is not None and self.is_served(side) and not self.is_trusted(side.other)

    def is_trusted(self, side: Side) -> bool:
        """True when a role lets tokens of a side in, ours or, as long as its provider is there, anybody's."""
        return bool(self.trusting(side) or (self.provider(side) is not None and self.strangers(side)))

    def is_ours(self, provider: Provider) -> bool:
        """True when a provider carries our tag."""
        return names.is_owned(provider.tags, self.settings.name)


__all__ = ["FOLDER", "IN_USE", "NEVER_USED", "ORIGIN_PATH", "UNUSED_SINCE", "Found", "Side", "Situation", "origin_path"]
