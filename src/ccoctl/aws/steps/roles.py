"""IAM roles: made, or brought to the wanted state, or refused because they are not ours."""

from __future__ import annotations

from msgspec.structs import replace

from ccoctl.aws import role_calls
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.aws.steps.common import (
    Resource,
    Steps,
    change_of,
    merged,
    missing,
    not_seen,
    ownership_conflict,
)
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.diff import ANY, Difference, Unseen, compare
from ccoctl.engine.plan import Action, Address


def role_steps(wanted: Role, found: Role | None, name: str, *, stricter: Policy | None = None) -> Steps:
    """What makes a role as wanted.

    `stricter` is a trust policy that is as good as the wanted one: where it is found, it stays.
    """
    resource = Resource(Address("role", wanted.name), f"role/{wanted.name}")
    if found is None:
        _create(resource, wanted)
        return resource.done()
    if why := ownership_conflict(found.tags, name):
        resource.conflict(why)
        return resource.done()
    wanted = settled(wanted, found, stricter)
    difference = compare(wanted, found)
    for change in difference.immutable:
        resource.conflict(
            f"its {change.name} is {change.old!r} and cannot become {change.new!r}: leave --role-path out, "
            "or delete the role first"
        )
    _repair(resource, wanted, found, difference)
    _remark(resource, found)
    return resource.done()


def settled(wanted: Role, found: Role, stricter: Policy | None = None) -> Role:
    """The wanted role with what was left open filled in from the found one."""
    return replace(
        wanted,
        path=found.path if wanted.path is ANY else wanted.path,
        boundary=found.boundary if wanted.boundary is ANY else wanted.boundary,
        max_session_duration=found.max_session_duration
        if wanted.max_session_duration is ANY
        else wanted.max_session_duration,
        tags=merged(wanted.tags, found.tags),
        trust=found.trust if _is_as_good(found.trust, wanted.trust, stricter) else wanted.trust,
        arn=found.arn,
    )


def _is_as_good(found: Policy, wanted: Policy, stricter: Policy | None) -> bool:
    """True where the found policy is the stricter one and not the wanted one, as almost every one is."""
    return stricter is not None and found != wanted and found == stricter


def _create(resource: Resource, wanted: Role) -> None:
    made = resource.add("create", Action.CREATE, role_calls.create_role(wanted), f"create role {wanted.name}")
    if isinstance(wanted.permissions, Policy):
        resource.add(
            "policy",
            Action.UPDATE,
            role_calls.put_role_policy(wanted.name, wanted.name, wanted.permissions),
            f"give role {wanted.name} its permissions",
            after=edges("the role must exist", made),
        )


def _repair(resource: Resource, wanted: Role, found: Role, difference: Difference) -> None:
    name = wanted.name
    if changes := change_of(difference, "trust"):
        resource.add(
            "trust",
            Action.UPDATE,
            role_calls.update_trust(name, wanted.trust, was=found.trust),
            f"change who may assume role {name}",
            changes=changes,
        )
    changes = change_of(difference, "permissions")
    unseen = not_seen(difference, "permissions")
    if isinstance(wanted.permissions, Policy) and (changes or unseen):
        resource.add(
            "policy",
            Action.REWRITE if unseen else Action.UPDATE,
            role_calls.put_role_policy(name, name, wanted.permissions),
            f"give role {name} its permissions",
            changes=changes,
        )
    if changes := change_of(difference, "description", "max_session_duration"):
        resource.add(
            "settings",
            Action.UPDATE,
            role_calls.update_role(wanted),
            f"change {' and '.join(change.name.replace('_', ' ') for change in changes)} of role {name}",
            changes=changes,
        )
    if changes := change_of(difference, "boundary"):
        resource.add(
            "boundary",
            Action.UPDATE,
            role_calls.put_boundary(name, str(wanted.boundary)),
            f"set the permissions boundary of role {name}",
            changes=changes,
        )
    if changes := change_of(difference, "tags"):
        resource.add(
            "tags",
            Action.UPDATE,
            role_calls.tag_role(name, missing(wanted.tags, found.tags)),
            f"tag role {name}",
            changes=changes,
        )


def _remark(resource: Resource, found: Role) -> None:
    if isinstance(found.permissions, Unseen):
        resource.note(f"its permissions are written again unseen, since {found.permissions.action} is not allowed")
    for kind, policies in (("inline", found.inline_policies), ("attached", found.attached_policies)):
        extra = [policy for policy in policies if policy != found.name] if isinstance(policies, tuple) else []
        if extra:
            resource.note(f"it also has {kind} policies that are not ours, and they stay: {', '.join(extra)}")
