"""All that is wanted of an account, whether it is there already or not: what an export describes.

A plan holds what differs. A template or a Terraform configuration has to hold everything, always: what it leaves out,
its tool deletes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ccoctl.aws import desired
from ccoctl.aws.desired import Issuer, Settings, Trusted
from ccoctl.aws.mode import mode
from ccoctl.aws.names import Tags
from ccoctl.aws.resources import Account, Bucket, Distribution, Document, Provider, Role
from ccoctl.aws.steps import cloudfront
from ccoctl.aws.steps.cloudfront import Access
from ccoctl.aws.steps.common import merged
from ccoctl.aws.steps.roles import settled
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.diff import ANY, Unseen
from ccoctl.errors import ConflictError
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk

_DEFAULT_SESSION = 3600
"""Seconds; what IAM gives a role that asks for nothing else."""

T = TypeVar("T", Bucket, Distribution, Provider, Role)


class ExportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export."""

    path: PurePosixPath
    text: str
    mode: int = 0o644


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export: the file that is printed, those that go beside it, and what a person should know."""

    main: ExportFile
    beside: tuple[ExportFile, ...] = ()
    notes: tuple[str, ...] = ()
    ending: str = ""
    """What the name of the printed file must end in for its reader to find it; empty where any name will do."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What serves the documents, where it is this cluster's own."""

    bucket: Bucket
    access: Access | None = None
    """How CloudFront reads the bucket; None in a public set-up, as is the distribution."""
    distribution: Distribution | None = None


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """Everything wanted; what is there keeps the tags and settings that are nobody's wish."""

    settings: Settings
    """With `private` as it really is."""
    issuer: Issuer
    provider: Provider
    roles: Mapping[SecretRef, Role]
    documents: tuple[Document, ...]
    """Whoever serves them."""
    site: Site | None = None
    """None where the issuer is shared with other clusters, or served by somebody else."""
    found: Account

    @property
    def found_provider(self) -> Provider | None:
        """The issuer's provider, if it is registered."""
        return next((one for one in self.found.providers if one.url == self.issuer.url), None)


def whole(settings: Settings, requests: tuple[CredentialsRequest, ...], key: Jwk | None, found: Account) -> Whole:
    """What is wanted in an account in which nothing stands in the way (a plan was drawn for it).

    Raises:
        ConflictError: there is no key to publish.
    """
    decided = mode(settings, found)
    arn = desired.provider_arn(settings.partition.id, found.id, decided.issuer)
    host = decided.issuer.name
    provider = desired.provider(settings, found.id, decided.issuer)
    there = next((one for one in found.providers if one.url == provider.url), None)
    if there is not None:
        provider = replace(_tagged(provider, there.tags), audiences=provider.audiences | there.audiences)
    return Whole(
        settings=decided.settings,
        issuer=decided.issuer,
        provider=provider,
        roles=_roles(settings, requests, Trusted(arn=arn, host=host), found),
        documents=desired.documents(decided.settings, decided.issuer, _keys(key, found)),
        site=None if settings.shared or settings.issuer_url else _site(decided.settings, found),
        found=found,
    )


def check_shared(whole: Whole) -> None:
    """What several clusters share belongs into none of their templates, so it must be there already.

    Raises:
        ConflictError: it is not.
    """
    shared = whole.settings.shared
    if shared and (whole.found.bucket is None or whole.found.distribution is None):
        raise ConflictError(
            "the issuer that several clusters share is not there yet, and this export holds what is the cluster's own",
            where=f"--shared-issuer {shared}",
            remedy="Make it with the first cluster: `ccoctl aws create-all --shared-issuer`, or --format cli.",
        )


def _keys(key: Jwk | None, found: Account) -> Mapping[str, Any]:
    """The JWKS: what is published stays whole, as the plan has seen that our key is in it."""
    published = found.documents.get(discovery.KEYS)
    if published is not None and published.body and published.body.get("keys"):
        return published.body
    if key is None:
        raise ConflictError(
            "there is no key to publish",
            remedy="Make a pair with `ccoctl aws create-key-pair`, or name its public half with --public-key-file.",
        )
    return jwks.document(jwks.Jwks((key,)))


def _site(settings: Settings, found: Account) -> Site:
    bucket = desired.bucket(settings)
    access: Access | None = None
    distribution: Distribution | None = None
    if settings.private:
        access = cloudfront.access(settings, found)
        bucket = replace(bucket, policy=cloudfront.bucket_policy(settings, access, found))
        distribution = desired.distribution(settings)
        if found.distribution is not None:
            distribution = _tagged(replace(distribution, id=found.distribution.id), found.distribution.tags)
    if found.bucket is not None:
        bucket = _tagged(bucket, found.bucket.tags)
    return Site(bucket=bucket, access=access, distribution=distribution)


def _roles(
    settings: Settings, requests: tuple[CredentialsRequest, ...], trusted: Trusted, found: Account
) -> dict[SecretRef, Role]:
    wanted = desired.roles(settings, found.id, trusted, requests)
    for request in requests:
        role = wanted[request.secret]
        if (there := found.roles.get(role.name)) is not None:
            stricter = desired.bind_audience(role, trusted, request).trust
            kept = settled(role, there, stricter)
            if kept.max_session_duration == _DEFAULT_SESSION and settings.max_session_duration is None:
                kept = replace(kept, max_session_duration=ANY)  # so that it reads as before the role was made
            wanted[request.secret] = _tagged(kept, there.tags)
    return wanted


def _tagged(wanted: T, there: object) -> T:
    """The resource with the tags that others gave it; those of AWS itself nobody may set."""
    own: Tags | Unseen = wanted.tags
    tags = merged(own if not isinstance(own, Unseen) else {}, there)
    return replace(wanted, tags={key: value for key, value in tags.items() if not key.lower().startswith("aws:")})
