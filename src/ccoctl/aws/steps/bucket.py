"""The bucket: made, tagged, opened or closed, and who may read it."""

from __future__ import annotations

from msgspec.structs import replace

from ccoctl.aws import calls
from ccoctl.aws.names import is_owned
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Bucket, PublicAccess
from ccoctl.aws.steps.common import Resource, Steps, change_of, merged, not_seen, ownership_conflict
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.diff import Difference, compare
from ccoctl.engine.plan import Action, Address, After, FieldChange

TAGGED = "bucket/tags"
CREATED = "bucket/create"
_TAGGED_FIRST = "only what is tagged is ours to change"
_CLAIMED_FIRST = "whoever publishes the issuer says who may read it"


def bucket_steps(wanted: Bucket, found: Bucket | None, name: str, *, claim: str = "") -> Steps:
    """What makes the bucket as wanted.

    `claim` is the step that publishes an issuer where there was none; of two runs at once only one can, and the other
    must not open what that one closes.
    """
    resource = Resource(Address("bucket", wanted.name), "bucket")
    if found is None:
        _create(resource, wanted, claim)
        return resource.done()
    _check(resource, wanted, found, name)
    wanted = replace(wanted, tags=merged(wanted.tags, found.tags))
    _repair(resource, wanted, compare(wanted, found), claim)
    return resource.done()


def _create(resource: Resource, wanted: Bucket, claim: str) -> None:
    made = resource.add(
        "create", Action.CREATE, calls.create_bucket(wanted.name, wanted.region), f"create bucket {wanted.name}"
    )
    tagged = resource.add(
        "tags",
        Action.UPDATE,
        calls.put_bucket_tagging(wanted.name, wanted.tags),
        f"tag bucket {wanted.name} as ours",
        after=edges("the bucket must exist", made),
    )
    first = (*edges(_TAGGED_FIRST, tagged), *edges(_CLAIMED_FIRST, claim))
    opened = _set_public_access(resource, wanted, Action.UPDATE, after=first)
    _set_policy(resource, wanted, Action.UPDATE, after=opened)


def _check(resource: Resource, wanted: Bucket, found: Bucket, name: str) -> None:
    if found.region != wanted.region:
        resource.conflict(f"it is in {found.region}, not in {wanted.region}; use --region {found.region}")
    abandoned = not found.tags and found.empty
    why = ownership_conflict(found.tags, name)
    if why and not abandoned:
        resource.conflict(why)
    elif why:
        resource.note("it is empty and untagged, as an interrupted run leaves it; it is taken over")


def _repair(resource: Resource, wanted: Bucket, difference: Difference, claim: str) -> None:
    tagged = ""
    if changes := change_of(difference, "tags"):
        tagged = resource.add(
            "tags",
            Action.UPDATE,
            calls.put_bucket_tagging(wanted.name, wanted.tags),
            f"tag bucket {wanted.name} as ours",
            changes=changes,
        )
    first = (*edges(_TAGGED_FIRST, tagged), *edges(_CLAIMED_FIRST, claim))
    if isinstance(wanted.public_access, PublicAccess) and wanted.public_access.block_policies:
        # a block that meets a public policy keeps origin access identities out, too (S3 user guide,
        # RestrictPublicBuckets): the policy goes first
        named = _repair_policy(resource, wanted, difference, after=first)
        _repair_public_access(resource, wanted, difference, after=named)
    else:
        opened = _repair_public_access(resource, wanted, difference, after=first)
        _repair_policy(resource, wanted, difference, after=opened)
    for field in difference.unseen:
        resource.note(f"its {field.name.replace('_', ' ')} is written again unseen, since {field.old} is not allowed")


def _repair_public_access(
    resource: Resource, wanted: Bucket, difference: Difference, *, after: tuple[After, ...]
) -> tuple[After, ...]:
    changes = change_of(difference, "public_access")
    if not changes and not not_seen(difference, "public_access"):
        return after
    return _set_public_access(resource, wanted, _action(changes), after=after, changes=changes)


def _repair_policy(
    resource: Resource, wanted: Bucket, difference: Difference, *, after: tuple[After, ...]
) -> tuple[After, ...]:
    changes = change_of(difference, "policy")
    if wanted.policy is None or not (changes or not_seen(difference, "policy")):
        return after
    return _set_policy(resource, wanted, _action(changes), after=after, changes=changes)


def _action(changes: tuple[FieldChange, ...]) -> Action:
    return Action.UPDATE if changes else Action.REWRITE


def _set_public_access(
    resource: Resource,
    wanted: Bucket,
    action: Action,
    *,
    after: tuple[After, ...],
    changes: tuple[FieldChange, ...] = (),
) -> tuple[After, ...]:
    access = wanted.public_access
    if not isinstance(access, PublicAccess):
        return after
    what = "block all public access to" if access.block_policies else "allow public policies, but no public ACLs, on"
    done = resource.add(
        "public-access",
        action,
        calls.put_public_access_block(wanted.name, access),
        f"{what} bucket {wanted.name}",
        after=after,
        changes=changes,
    )
    return edges("S3 refuses a public policy while it blocks them", done)


def _set_policy(
    resource: Resource,
    wanted: Bucket,
    action: Action,
    *,
    after: tuple[After, ...],
    changes: tuple[FieldChange, ...] = (),
) -> tuple[After, ...]:
    if not isinstance(wanted.policy, Policy):
        return after
    done = resource.add(
        "policy",
        action,
        calls.put_bucket_policy(wanted.name, wanted.policy),
        f"set who may read bucket {wanted.name}",
        after=after,
        changes=changes,
    )
    return edges("a block must not meet a public policy", done)


def owned(found: Bucket | None, name: str) -> bool:
    """True when the bucket is there and carries our tag."""
    return found is not None and is_owned(found.tags, name)
