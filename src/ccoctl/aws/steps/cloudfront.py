"""CloudFront in front of a private bucket: how it reads the bucket, the distribution, and waiting for it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from ccoctl.aws import cloudfront_calls as front
from ccoctl.aws import names, policy
from ccoctl.aws.desired import DISTRIBUTION_CREATE, Settings
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import AccessIdentity, Account, Distribution, OriginAccess
from ccoctl.aws.steps.common import Resource, Steps, change_of, merged, missing, ownership_conflict
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import Call, Output, Value, text
from ccoctl.engine.diff import compare
from ccoctl.engine.plan import Action, Address, Wait

DEPLOY_DEADLINE = 1800.0
"""Seconds; CloudFront takes minutes, seldom more than fifteen."""
IDENTITY_PLACEHOLDER = "<enter_cloudfront_origin_access_identity_here>"
CONTROL_PLACEHOLDER = "<enter_cloudfront_origin_access_control_here>"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The identity or control through which CloudFront reads the bucket."""

    kind: OriginAccess
    id: str | Output
    steps: Steps


def access(settings: Settings, found: Account) -> Access:
    """The identity that is there, or the step that makes one; an existing distribution keeps the kind it has."""
    kind = found.distribution.access if found.distribution else settings.origin_access
    there = next((item for item in found.access_identities if item.kind is kind), None)
    if there is not None:
        return Access(kind=kind, id=there.id, steps=Steps())
    return _make_identity(settings) if kind is OriginAccess.OAI else _make_control(settings)


def _make_identity(settings: Settings) -> Access:
    comment = names.comment(settings.site)
    resource = Resource(Address("origin access identity", comment), "identity")
    made = resource.add(
        "create",
        Action.CREATE,
        front.create_access_identity(settings.site, comment),
        "create the origin access identity",
    )
    made_id = Output(step=made, path="CloudFrontOriginAccessIdentity.Id", placeholder=IDENTITY_PLACEHOLDER)
    return Access(kind=OriginAccess.OAI, id=made_id, steps=resource.done())


def _make_control(settings: Settings) -> Access:
    resource = Resource(Address("origin access control", settings.bucket), "control")
    made = resource.add(
        "create",
        Action.CREATE,
        front.create_access_control(settings.bucket, names.comment(settings.site)),
        "create the origin access control",
    )
    made_id = Output(step=made, path="OriginAccessControl.Id", placeholder=CONTROL_PLACEHOLDER)
    return Access(kind=OriginAccess.OAC, id=made_id, steps=resource.done())


def bucket_policy(settings: Settings, granted: Access, found: Account) -> Policy:
    """What lets CloudFront, and nobody else, read the bucket."""
    if granted.kind is OriginAccess.OAI:
        return policy.identity_read(settings.bucket, settings.partition.id, granted.id)
    arn: str | Output = Output(
        step=DISTRIBUTION_CREATE, path="Distribution.ARN", placeholder="<enter_cloudfront_distribution_arn_here>"
    )
    if found.distribution is not None:
        arn = found.distribution.arn
    return policy.control_read(settings.bucket, settings.partition.id, arn)


def distribution_steps(wanted: Distribution, found: Distribution | None, name: str, granted: Access) -> Steps:
    """What makes the distribution as wanted, and waits until it is deployed."""
    resource = Resource(Address("distribution", wanted.comment), "distribution")
    if found is None:
        _create(resource, wanted, name, granted)
        return resource.done()
    if not isinstance(found.tags, Mapping):
        resource.conflict(f"whether it is ours cannot be seen, since {found.tags.action} is not allowed")
        return resource.done()
    if found.tags and (why := ownership_conflict(found.tags, name)):
        resource.conflict(why)
        return resource.done()
    wanted = replace(wanted, tags=merged(dict(wanted.tags) if isinstance(wanted.tags, Mapping) else {}, found.tags))
    _repair(resource, wanted, found)
    return resource.done()


def _create(resource: Resource, wanted: Distribution, name: str, granted: Access) -> None:
    tags = wanted.tags if isinstance(wanted.tags, Mapping) else {}
    made = resource.add(
        "create",
        Action.CREATE,
        front.create_distribution(config(name, wanted, granted), tags),
        f"create the distribution in front of {wanted.origin}",
    )
    made_id = Output(step=made, path="Distribution.Id", placeholder="<enter_cloudfront_distribution_id_here>")
    resource.add(
        "deployed",
        Action.WAIT,
        deployed(front.get_distribution(made_id)),
        "wait until the distribution is deployed",
    )


def _repair(resource: Resource, wanted: Distribution, found: Distribution) -> None:
    difference = compare(wanted, found)
    for change in difference.immutable:
        resource.conflict(f"its {change.name} is {change.old}, not {change.new}; it serves another bucket")
    tags, there = (item if isinstance(item, Mapping) else {} for item in (wanted.tags, found.tags))
    if changes := change_of(difference, "tags"):
        resource.add(
            "tags",
            Action.UPDATE,
            front.tag_distribution(found.arn, missing(tags, there)),
            "tag the distribution as ours",
            changes=changes,
        )
    enabled = ""
    if changes := change_of(difference, "enabled"):
        enabled = resource.add(
            "enable",
            Action.UPDATE,
            front.update_distribution(found.id, found.etag, {**(found.config or {}), "Enabled": True}),
            "enable the distribution again",
            changes=changes,
        )
    if enabled or found.status != "Deployed":
        resource.add(
            "deployed",
            Action.WAIT,
            deployed(front.get_distribution(found.id)),
            "wait until the distribution is deployed",
            after=edges("it is enabled again first", enabled),
        )


def deployed(question: Call) -> Wait:
    """Waiting for a distribution to be deployed everywhere."""
    return Wait(call=question, path="Distribution.Status", equals="Deployed", deadline=DEPLOY_DEADLINE)


def delete_steps(
    found: Distribution | None, identities: tuple[AccessIdentity, ...], *, last_user: tuple[str, ...]
) -> Steps:
    """Disable, wait, delete the distribution; then its identity."""
    steps: list[Steps] = []
    gone = ""
    if found is not None:
        resource = Resource(Address("distribution", found.id), "distribution")
        gone = _delete_distribution(resource, found, last_user)
        steps.append(resource.done())
    for identity in identities:
        kind = "identity" if identity.kind is OriginAccess.OAI else "control"
        resource = Resource(Address(f"origin access {kind}", str(identity.id)), f"{kind}/{identity.id}")
        call = front.delete_access_identity if identity.kind is OriginAccess.OAI else front.delete_access_control
        resource.add(
            "delete",
            Action.DELETE,
            call(str(identity.id), identity.etag),
            f"delete origin access {kind} {identity.id}",
            after=edges("the distribution uses it", gone) or edges("the roles and the provider go first", *last_user),
        )
        steps.append(resource.done())
    return Steps(steps=tuple(step for part in steps for step in part.steps))


def _delete_distribution(resource: Resource, found: Distribution, last_user: tuple[str, ...]) -> str:
    first = edges("the issuer is in use until roles and provider are gone", *last_user)
    disabled = ""
    if found.enabled:
        disabled = resource.add(
            "disable",
            Action.UPDATE,
            front.update_distribution(found.id, found.etag, {**(found.config or {}), "Enabled": False}),
            f"disable distribution {found.id}",
            after=first,
        )
    etag: str | Output = found.etag
    waited = ""
    if disabled or found.status != "Deployed":
        waited = resource.add(
            "disabled",
            Action.WAIT,
            deployed(front.get_distribution(found.id)),
            f"wait until distribution {found.id} is disabled everywhere",
            after=edges("it is disabled first", disabled) or first,
        )
        etag = Output(step=waited, path="ETag", placeholder="<enter_etag_here>")
    return resource.add(
        "delete",
        Action.DELETE,
        front.delete_distribution(found.id, etag),
        f"delete distribution {found.id}",
        after=() if waited else first,
    )


def config(name: str, wanted: Distribution, granted: Access) -> dict[str, Value]:
    """A DistributionConfig as the Go tool writes it, except for the origin's access control where that is chosen."""
    methods: dict[str, Value] = {"Quantity": 2, "Items": ["HEAD", "GET"]}
    by_identity = granted.kind is OriginAccess.OAI
    origin: dict[str, Value] = {
        "Id": wanted.origin,
        "DomainName": wanted.origin,
        "OriginPath": "",
        "CustomHeaders": {"Quantity": 0},
        "S3OriginConfig": {
            "OriginAccessIdentity": text("origin-access-identity/cloudfront/", granted.id) if by_identity else ""
        },
        "ConnectionAttempts": 3,
        "ConnectionTimeout": 10,
        "OriginShield": {"Enabled": False},
    }
    if not by_identity:
        origin["OriginAccessControlId"] = granted.id
    return {
        "CallerReference": name,
        "Aliases": {"Quantity": 0},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": wanted.origin,
            "TrustedSigners": {"Enabled": False, "Quantity": 0},
            "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
            "ViewerProtocolPolicy": "https-only",
            "AllowedMethods": {**methods, "CachedMethods": methods},
            "SmoothStreaming": False,
            "Compress": False,
            "LambdaFunctionAssociations": {"Quantity": 0},
            "FunctionAssociations": {"Quantity": 0},
            "FieldLevelEncryptionId": "",
            "CachePolicyId": front.CACHING_DISABLED,
        },
        "CacheBehaviors": {"Quantity": 0},
        "CustomErrorResponses": {"Quantity": 0},
        "Comment": wanted.comment,
        "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
        "PriceClass": "PriceClass_All",
        "Enabled": wanted.enabled,
        "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    }
