"""The resources on AWS: one type for wanted and found, whose fields say what a difference of them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ccoctl.aws.names import Tags
from ccoctl.aws.policy import Policy
from ccoctl.engine.call import Output, Template
from ccoctl.engine.diff import Any_, Unseen, identity, immutable, observed, owned
from ccoctl.errors import Problem


class OriginAccess(Enum):
    """How CloudFront proves to S3 that it may read a private bucket."""

    OAI = "oai"
    """Origin access identity: what the Go tool makes and the documented permissions cover."""
    OAC = "oac"
    """Origin access control: its successor, and the only one in regions opened since December 2022."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAccess:
    """A bucket's public access block. ACLs never make anything public here; a policy may, in a public bucket."""

    block_policies: bool
    block_acls: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The bucket that serves the issuer's documents."""

    name: str = identity()
    region: str = immutable()
    tags: Tags = owned()
    public_access: PublicAccess | Unseen | None = owned()
    policy: Policy | Unseen | None = owned()
    empty: bool = observed(default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An object of the bucket; `body` is the parsed JSON."""

    key: str = identity()
    """Below the issuer."""
    folder: str = identity(default="")
    """Where the issuer's documents are in a bucket that several clusters share; empty in one of its own."""
    body: Mapping[str, Any] | None = owned()
    """None where what is published is no JSON object."""
    content_type: str = owned()
    cache_control: str = owned()
    tags: Tags | Unseen = owned()
    etag: str = observed(default="")
    raw: bytes = observed(default=b"")
    """What is published, as it was read."""

    @property
    def object_key(self) -> str:
        """The key of the object in the bucket."""
        return f"{self.folder}/{self.key}" if self.folder else self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessIdentity:
    """An origin access identity or control; found by its comment or name, since neither takes tags."""

    kind: OriginAccess = identity()
    id: str | Output = observed()
    etag: str = observed(default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The CloudFront distribution in front of a private bucket."""

    comment: str = identity()
    origin: str = immutable()
    """The bucket's regional domain name."""
    enabled: bool = owned()
    tags: Tags | Unseen = owned()
    id: str = observed(default="")
    arn: str = observed(default="")
    domain_name: str = observed(default="")
    status: str = observed(default="")
    etag: str = observed(default="")
    access: OriginAccess = observed(default=OriginAccess.OAI)
    config: Mapping[str, Any] | None = observed(default=None)
    """The DistributionConfig as CloudFront answered it: an update sends it back whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The IAM OIDC provider of the issuer."""

    url: str | Template = identity()
    arn: str | Output | Template = observed()
    audiences: frozenset[str] = owned()
    tags: Tags = owned()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """The IAM role of one CredentialsRequest."""

    name: str = identity()
    path: str | Any_ = immutable()
    trust: Policy = owned()
    permissions: Policy | Unseen | None = owned()
    """The inline policy of the role's own name."""
    description: str = owned()
    tags: Tags = owned()
    boundary: str | Any_ = owned()
    """ARN of the permissions boundary; empty without one."""
    max_session_duration: int | Any_ = owned()
    """Seconds."""
    arn: str | Output | Template = observed(default="")
    inline_policies: tuple[str, ...] | Unseen = observed(default=())
    attached_policies: tuple[str, ...] | Unseen = observed(default=())
    last_used: str = observed(default="")
    """When and where it was last assumed, as IAM tracks it; empty when never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found in an AWS account for one name; an empty one is what a dry run starts from."""

    id: str = ""
    """The account's number; empty when nobody was asked."""
    bucket: Bucket | None = None
    documents: Mapping[str, Document] = field(default_factory=dict)
    """By key: the discovery document and the JWKS, as they are published."""
    objects: Mapping[str, Tags | Unseen] = field(default_factory=dict)
    """Tags by key of every object in the bucket; looked up for a deletion only."""
    access_identities: tuple[AccessIdentity, ...] = ()
    distribution: Distribution | None = None
    providers: tuple[Provider, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By name."""
    denied: tuple[str, ...] = ()
    """What could not be looked at, as sentences that name the missing permission."""
    unseen: tuple[Problem, ...] = ()
    """What has our name and may not be looked at, so that nobody can say whether it is ours."""
