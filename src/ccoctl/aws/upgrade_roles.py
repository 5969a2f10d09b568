"""What an upgrade does to one role: `prepare` adds to it what the new release wants, and takes nothing away."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from ccoctl.aws import policy, role_calls, upgrade_policy
from ccoctl.aws.desired import Settings
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.aws.steps.common import Resource, Steps
from ccoctl.engine.call import outputs
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import Action, Address, FieldChange

_RAISE = "ask AWS to raise the quota of the length of trust policies, or take subjects out that nobody uses any more"
_SPLIT = (
    "finish the last upgrade if it was never finished, take statements out that nobody needs any more, or move some "
    "into a managed policy that you attach to the role"
)


def added_to(found: Role, wanted: Role) -> Steps:
    """What makes a role of ours serve the new release beside the old one."""
    resource = Resource(Address("role", found.name), f"role/{found.name}")
    _add_permissions(resource, found, wanted)
    _add_subjects(resource, found, wanted)
    return resource.done()


def _add_permissions(resource: Resource, found: Role, wanted: Role) -> None:
    if not isinstance(wanted.permissions, Policy):
        raise AssertionError("a request always asks for permissions")
    if isinstance(found.permissions, Unseen):
        resource.conflict(
            f"what it may do cannot be seen, since {found.permissions.action} is not allowed, and so nothing can be "
            "added to it without the danger of losing something"
        )
        return
    there = found.permissions or Policy({"Version": "2012-10-17", "Statement": []})
    union = upgrade_policy.permissions(there, wanted.permissions)
    if union.refused:
        resource.conflict(
            f"a statement of its own may deny {', '.join(union.refused)}, which the new release needs, and nothing is "
            "taken away here: remove the denial, or put it into an inline policy of another name"
        )
        return
    if union.waiting:
        resource.note(f"it is denied {', '.join(union.waiting)} only when the upgrade is finished")
    if union.policy is there:
        return
    added = _fitting(resource, union.policy, policy.INLINE_POLICIES_LIMIT, "permissions policy", _SPLIT)
    if added is not None:
        resource.add(
            "policy",
            Action.UPDATE,
            role_calls.put_role_policy(found.name, found.name, added),
            f"let role {found.name} do what the new release needs, too",
            changes=(FieldChange(name="permissions", old=there, new=added),),
        )


def _add_subjects(resource: Resource, found: Role, wanted: Role) -> None:
    union = upgrade_policy.trust(found.trust, wanted.trust)
    if union is found.trust:
        return
    added = _fitting(resource, union, policy.TRUST_POLICY_LIMIT, "trust policy", _RAISE)
    if added is not None:
        resource.add(
            "trust",
            Action.UPDATE,
            role_calls.update_trust(found.name, added, was=found.trust),
            f"let the service accounts of the new release assume role {found.name}, too",
            changes=(FieldChange(name="trust", old=found.trust, new=added),),
        )


def _fitting(resource: Resource, union: Policy, limit: int, what: str, remedy: str) -> Policy | None:
    """The policy, written shorter where it must be; None where it is too long even so, which is a conflict."""
    if policy.size(union.document) <= limit:
        return union
    shorter = upgrade_policy.compact(union)
    size = policy.size(shorter.document)
    if size <= limit:
        resource.note(f"its {what} is written with statements joined, since it would be too long as it is")
        return shorter
    resource.conflict(f"its {what} for both releases has {size} characters, IAM takes {limit}: {remedy}")
    return None


def taken_from(found: Role, wanted: Role) -> tuple[str, ...]:
    """A sentence for whoever makes a role as one release wants it while an upgrade to another is under way."""
    pairs = ((found.permissions, wanted.permissions), (found.trust, wanted.trust))
    lost = [
        what
        for old, new in pairs
        if isinstance(old, Policy) and isinstance(new, Policy) and old != new and not outputs(new.document)
        for what in upgrade_policy.lost(old, new)
    ]
    if not lost:
        return ()
    what = f"these requests do not ask for {', '.join(lost)}, and it loses that"
    return (f"role {found.name}: {what}; where an upgrade is prepared, run `ccoctl aws upgrade prepare` again",)


def like_the_others(settings: Settings, roles: Iterable[Role]) -> Settings:
    """The settings of new roles: what nobody says is as all roles that are there have it."""
    there = tuple(roles)
    boundaries, paths = {role.boundary for role in there}, {role.path for role in there}
    lengths = {role.max_session_duration for role in there}
    tags = set.intersection(*(set(role.tags.items()) for role in there)) if there else set()
    inherited = {key: value for key, value in tags if not key.lower().startswith("aws:")}
    return replace(
        settings,
        boundary=settings.boundary or _same(boundaries),
        role_path=settings.role_path or _same(paths),
        tags={**inherited, **settings.tags},
        max_session_duration=settings.max_session_duration or _length(lengths),
        bind_audience=settings.bind_audience
        or (bool(there) and all(upgrade_policy.binds_audience(role.trust) for role in there)),
    )


def _same(values: Collection[object]) -> str:
    return str(next(iter(values))) if len(values) == 1 else ""


def _length(values: Collection[object]) -> int | None:
    value = next(iter(values)) if len(values) == 1 else None
    return value if isinstance(value, int) and value != 3600 else None


__all__ = ["added_to", "like_the_others", "taken_from"]
