"""The resources on AWS: one type for wanted and found, whose fields say what a difference of them means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from ccoctl.aws.names import Tags
from ccoctl.aws.policy import Policy
from ccoctl.engine.call import Output, Template
from ccoctl.engine.diff import Any_, Identity, Immutable, Observed, Owned, Unseen
from ccoctl.errors import Problem


class OriginAccess(Enum):
    """How CloudFront proves to S3 that it may read a private bucket."""

    OAI = "oai"
    """Origin access identity: what the Go tool makes and the documented permissions cover."""
    OAC = "oac"
    """Origin access control: its successor, and the only one in regions opened since December 2022."""


class PublicAccess(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket's public access block. ACLs never make anything public here; a policy may, in a public bucket."""

    block_policies: bool
    block_acls: bool = True


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """The bucket that serves the issuer's documents."""

    name: Identity[str]
    region: Immutable[str]
    tags: Owned[Tags]
    public_access: Owned[PublicAccess | Unseen | None]
    policy: Owned[Policy | Unseen | None]
    empty: Observed[bool] = True


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the bucket; `body` is the parsed JSON."""

    key: Identity[str]
    """Below the issuer."""
    folder: Identity[str] = ""
    """Where the issuer's documents are in a bucket that several clusters share; empty in one of its own."""
    body: Owned[Mapping[str, Any] | None]
    """None where what is published is no JSON object."""
    content_type: Owned[str]
    cache_control: Owned[str]
    tags: Owned[Tags | Unseen]
    etag: Observed[str] = ""
    raw: Observed[bytes] = b""
    """What is published, as it was read."""

    @property
    def object_key(self) -> str:
        """The key of the object in the bucket."""
        return f"{self.folder}/{self.key}" if self.folder else self.key


class AccessIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """An origin access identity or control; found by its comment or name, since neither takes tags."""

    kind: Identity[OriginAccess]
    id: Observed[str | Output]
    etag: Observed[str] = ""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudFront distribution in front of a private bucket."""

    comment: Identity[str]
    origin: Immutable[str]
    """The bucket's regional domain name."""
    enabled: Owned[bool]
    tags: Owned[Tags | Unseen]
    id: Observed[str] = ""
    arn: Observed[str] = ""
    domain_name: Observed[str] = ""
    status: Observed[str] = ""
    etag: Observed[str] = ""
    access: Observed[OriginAccess] = OriginAccess.OAI
    config: Observed[Mapping[str, Any] | None] = None
    """The DistributionConfig as CloudFront answered it: an update sends it back whole."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """The IAM OIDC provider of the issuer."""

    url: Identity[str | Template]
    arn: Observed[str | Output | Template]
    audiences: Owned[frozenset[str]]
    tags: Owned[Tags]


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """The IAM role of one CredentialsRequest."""

    name: Identity[str]
    path: Immutable[str | Any_]
    trust: Owned[Policy]
    permissions: Owned[Policy | Unseen | None]
    """The inline policy of the role's own name."""
    description: Owned[str]
    tags: Owned[Tags]
    boundary: Owned[str | Any_]
    """ARN of the permissions boundary; empty without one."""
    max_session_duration: Owned[int | Any_]
    """Seconds."""
    arn: Observed[str | Output | Template] = ""
    inline_policies: Observed[tuple[str, ...] | Unseen] = ()
    attached_policies: Observed[tuple[str, ...] | Unseen] = ()
    last_used: Observed[str] = ""
    """When and where it was last assumed, as IAM tracks it; empty when never."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in an AWS account for one name; an empty one is what a dry run starts from."""

    id: str = ""
    """The account's number; empty when nobody was asked."""
    bucket: Bucket | None = None
    documents: Mapping[str, Document] = msgspec.field(default_factory=dict)
    """By key: the discovery document and the JWKS, as they are published."""
    objects: Mapping[str, Tags | Unseen] = msgspec.field(default_factory=dict)
    """Tags by key of every object in the bucket; looked up for a deletion only."""
    access_identities: tuple[AccessIdentity, ...] = ()
    distribution: Distribution | None = None
    providers: tuple[Provider, ...] = ()
    roles: Mapping[str, Role] = msgspec.field(default_factory=dict)
    """By name."""
    denied: tuple[str, ...] = ()
    """What could not be looked at, as sentences that name the missing permission."""
    unseen: tuple[Problem, ...] = ()
    """What has our name and may not be looked at, so that nobody can say whether it is ours."""


Further: TypeAlias = Mapping[str, Policy | Unseen | None]
"""By name: inline policies of a role besides that of its own name."""


class Unwanted(msgspec.Struct, frozen=True, kw_only=True):
    """Roles of ours that nobody wants."""

    roles: tuple[Role, ...] = ()
    """Without their policies, which were not looked at."""
    hidden: Mapping[str, Unseen] = msgspec.field(default_factory=dict)
    """By name: roles of which it cannot be seen whether they are ours."""
    unlisted: Unseen | None = None
    """Set where the account's roles may not be listed."""
