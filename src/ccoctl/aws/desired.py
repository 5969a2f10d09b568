"""What is wanted on AWS, from the requests, the signing key and the options."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names, policy
from ccoctl.aws.names import Tags
from ccoctl.aws.partition import Partition
from ccoctl.aws.resources import Bucket, Distribution, Document, OriginAccess, Provider, PublicAccess, Role
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.call import Output, Template, text
from ccoctl.engine.diff import ANY
from ccoctl.errors import Problem
from ccoctl.signing import discovery

AUDIENCES = ("openshift", "sts.amazonaws.com")
"""The audiences that the provider accepts, in the Go tool's order."""
TOKEN_AUDIENCE = "openshift"  # noqa: S105 - an audience, no password # nosec B105
CACHE_CONTROL = "public, max-age=300"
"""Short, so that a key that is rotated in is seen soon."""

DISTRIBUTION_CREATE = "distribution/create"
PROVIDER_CREATE = "provider/create"
ISSUER_PLACEHOLDER = "<enter_cloudfront_distribution_url_here>"

_OAI_REGIONS = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "af-south-1", "me-south-1"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1", "me-central-1"),
        *("eu-central-2", "eu-south-2", "ap-south-2"),
        *("ap-east-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
        *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3"),
        *("cn-north-1", "cn-northwest-1"),
    }
)
"""The regions opened before December 2022; later ones know origin access controls only (CloudFront developer guide)."""


class Flavor(Enum):
    """What kind of cluster the files are for."""

    OPENSHIFT = "openshift"
    KUBERNETES = "kubernetes"
    """Any other: API servers that an administrator starts, and components that are annotated by hand."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a set-up, checked. What is not said (None, empty) stays as it is found."""

    name: str
    region: str
    partition: Partition
    private: bool = False
    access: OriginAccess | None = None
    boundary: str = ""
    role_path: str = ""
    tags: Tags = msgspec.field(default_factory=dict)
    max_session_duration: int | None = None
    """Seconds."""
    bind_audience: bool = False
    shared: str = ""
    """The name of the issuer that several clusters share, a path each; empty for one of its own."""
    issuer_url: str = ""
    """The issuer, where its documents are served by somebody else; empty where they are ours to publish."""
    flavor: Flavor = Flavor.OPENSHIFT

    @property
    def site(self) -> str:
        """The name that bucket, distribution and its identity go by."""
        return self.shared or self.name

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return names.bucket_name(self.site)

    @property
    def folder(self) -> str:
        """Where the documents are in a shared bucket; empty in one of its own."""
        return self.name if self.shared else ""

    @property
    def path(self) -> str:
        """What the issuer's URL has behind the host; empty for an issuer of its own."""
        return f"/{self.name}" if self.shared else ""

    @property
    def bucket_host(self) -> str:
        """The bucket's regional domain name."""
        return f"{self.bucket}.s3.{self.region}.{self.partition.dns_suffix}"

    @property
    def all_tags(self) -> dict[str, str]:
        """The ownership tags and the user's own, ours winning."""
        return self._tags(self.name)

    @property
    def site_tags(self) -> dict[str, str]:
        """The same, of what several clusters may share."""
        return self._tags(self.site)

    def _tags(self, name: str) -> dict[str, str]:
        own = names.owned_tags(name)
        return {**own, **{key: value for key, value in self.tags.items() if key not in own}}

    @property
    def origin_access(self) -> OriginAccess:
        """As chosen, else the identity wherever the region has ever known it."""
        if self.access is not None:
            return self.access
        return OriginAccess.OAI if self.region in _OAI_REGIONS else OriginAccess.OAC


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cluster's documents are served; a distribution's name is known only once it is there."""

    host: str | Output
    path: str = ""
    """Begins with a slash; empty where the issuer is alone on its host."""

    @property
    def name(self) -> str | Template:
        """Host and path: what the provider's ARN ends in, and what condition keys begin with."""
        return text(self.host, self.path)

    @property
    def url(self) -> str | Template:
        """The `iss` of the tokens."""
        return text("https://", self.host, self.path, placeholder=f"{ISSUER_PLACEHOLDER}{self.path}")

    @property
    def jwks_uri(self) -> str | Template:
        """Where the JWKS is."""
        end = f"{self.path}/{discovery.KEYS}"
        return text("https://", self.host, end, placeholder=f"{ISSUER_PLACEHOLDER}{end}")


def future_issuer(path: str = "") -> Issuer:
    """The issuer behind a distribution that is yet to be made."""
    domain = Output(step=DISTRIBUTION_CREATE, path="Distribution.DomainName", placeholder="<enter_issuer_url_here>")
    return Issuer(host=domain, path=path)


def issuer_elsewhere(url: str) -> Issuer:
    """The issuer of a URL that somebody else serves."""
    host, slash, path = url.removeprefix("https://").partition("/")
    return Issuer(host=host, path=slash + path)


def bucket(settings: Settings) -> Bucket:
    """The bucket, its policy aside in a private set-up: that one names what CloudFront answers."""
    public = None if settings.private else policy.public_read(settings.bucket, settings.partition.id)
    return Bucket(
        name=settings.bucket,
        region=settings.region,
        tags=settings.site_tags,
        public_access=PublicAccess(block_policies=settings.private),
        policy=public,
    )


def documents(settings: Settings, issuer: Issuer, jwks: Mapping[str, Any]) -> tuple[Document, ...]:
    """The discovery document and the JWKS."""
    bodies = {
        discovery.PATH: discovery.document(issuer.url, issuer.jwks_uri, algorithms=_algorithms(jwks)),
        discovery.KEYS: jwks,
    }
    return tuple(
        Document(
            key=key,
            folder=settings.folder,
            body=body,
            content_type="application/json",
            cache_control=CACHE_CONTROL,
            tags=settings.all_tags,
        )
        for key, body in bodies.items()
    )


def _algorithms(jwks: Mapping[str, Any]) -> tuple[str, ...]:
    """What the keys sign with; RS256 where nothing is published yet."""
    return tuple(sorted({key["alg"] for key in jwks.get("keys", ()) if isinstance(key.get("alg"), str)})) or ("RS256",)


def distribution(settings: Settings) -> Distribution:
    """The distribution in front of a private bucket."""
    return Distribution(
        comment=names.comment(settings.site),
        origin=settings.bucket_host,
        enabled=True,
        tags=settings.site_tags,
        access=settings.origin_access,
    )


def provider_arn(partition: str, account: str, issuer: Issuer) -> str | Output | Template:
    """The ARN that IAM gives to the issuer's provider; nobody's account is known in a dry run."""
    if account:
        return text(f"arn:{partition}:iam::{account}:oidc-provider/", issuer.name)
    return Output(
        step=PROVIDER_CREATE, path="OpenIDConnectProviderArn", placeholder="<enter_identity_provider_arn_here>"
    )


def provider(settings: Settings, account: str, issuer: Issuer) -> Provider:
    """The IAM OIDC provider of the issuer."""
    return Provider(
        url=issuer.url,
        arn=provider_arn(settings.partition.id, account, issuer),
        audiences=frozenset(AUDIENCES),
        tags=settings.all_tags,
    )


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider that roles trust, and the issuer's host and path, with which condition keys begin."""

    arn: str | Output | Template
    host: str | Output | Template


def roles(
    settings: Settings, account: str, trusted: Trusted, requests: tuple[CredentialsRequest, ...]
) -> dict[SecretRef, Role]:
    """One role for each request, in the requests' order."""
    named = names.role_names(settings.name, [request.secret for request in requests])
    return {request.secret: _role(settings, account, trusted, request, named[request.secret]) for request in requests}


def _role(
    settings: Settings, account: str, trusted: Trusted, request: CredentialsRequest, name: names.RoleName
) -> Role:
    audiences = (TOKEN_AUDIENCE,) if settings.bind_audience else ()
    path = settings.role_path or "/"
    return Role(
        name=name,
        path=settings.role_path or ANY,
        trust=policy.trust(trusted.arn, trusted.host, request.subjects, audiences),
        permissions=policy.permissions(request.spec.statements),
        description=f"OpenShift role for {request.secret}",
        tags=settings.all_tags,
        boundary=settings.boundary or ANY,
        max_session_duration=settings.max_session_duration or ANY,
        arn=f"arn:{settings.partition.id}:iam::{account}:role{path}{name}"
        if account
        else Output(step=f"role/{name}/create", path="Role.Arn", placeholder=""),
    )


def bind_audience(role: Role, trusted: Trusted, request: CredentialsRequest) -> Role:
    """The same role whose trust policy also names the tokens' audience."""
    return replace(role, trust=policy.trust(trusted.arn, trusted.host, request.subjects, (TOKEN_AUDIENCE,)))


def size_problems(settings: Settings, requests: tuple[CredentialsRequest, ...]) -> tuple[Problem, ...]:
    """Policies that IAM would refuse for their size, measured with an account and a host of the usual length."""
    host = settings.issuer_url.removeprefix("https://") or (
        f"d0123456789abc.cloudfront.net{settings.path}" if settings.private or settings.shared else settings.bucket_host
    )
    account = "123456789012"
    trusted = Trusted(arn=f"arn:{settings.partition.id}:iam::{account}:oidc-provider/{host}", host=host)
    wanted = roles(settings, account, trusted, requests)
    return tuple(problem for request in requests for problem in _oversized(request, wanted[request.secret]))


def _oversized(request: CredentialsRequest, role: Role) -> list[Problem]:
    trust = policy.size(role.trust.document)
    found = []
    if trust > policy.TRUST_POLICY_LIMIT:
        found.append(
            Problem(
                str(request.source),
                f"the trust policy of role {role.name} has {trust} characters, IAM takes {policy.TRUST_POLICY_LIMIT}: "
                f"{len(request.service_accounts)} service accounts are too many for one request",
            )
        )
    inline = policy.size(role.permissions.document) if isinstance(role.permissions, policy.Policy) else 0
    if inline > policy.INLINE_POLICIES_LIMIT:
        found.append(
            Problem(
                str(request.source),
                f"the permissions policy of role {role.name} has {inline} characters, IAM takes "
                f"{policy.INLINE_POLICIES_LIMIT}: split the request or use wildcards in its actions",
            )
        )
    return found
