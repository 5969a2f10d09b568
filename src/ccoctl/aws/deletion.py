"""The plan of a deletion: roles, then the provider, then documents, bucket, distribution and its identity.

Only what carries our tag, key and value, is deleted; what stays is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccoctl.aws import calls, names, role_calls
from ccoctl.aws.names import Tags
from ccoctl.aws.resources import Account, Provider, Role
from ccoctl.aws.steps.cloudfront import delete_steps
from ccoctl.aws.steps.common import Resource, Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.diff import Unseen
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Address, Plan
from ccoctl.errors import Problem


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, what will be left and why, and which roles were in use lately."""

    plan: Plan
    left: tuple[Problem, ...]
    used: tuple[tuple[str, str], ...]
    """Role names with when and where they were last assumed."""


def deletion(name: str, bucket: str, found: Account, *, shared: bool = False) -> Deletion:
    """What deletes everything that is ours.

    Args:
        name: of the set-up.
        bucket: its bucket, or the one that it shares.
        found: what there is, the objects of a shared bucket only as far as they are in our folder.
        shared: the bucket and what is in front of it are others', too, and stay.
    """
    roles = [_role(role, name) for _, role in sorted(found.roles.items())]
    last_roles = tuple(f"role/{role.name}/delete" for role in found.roles.values() if names.is_owned(role.tags, name))
    providers = [_provider(provider, name, last_roles) for provider in found.providers]
    last_users = tuple(step for part in providers for step in part.ids) or last_roles
    others = _served_there(name, found)
    documents = _documents(bucket, name, found, last_users, shared=shared)
    # only the deletion of the bucket fails where somebody has joined a shared issuer meanwhile
    emptied = tuple(step.id for step in documents.steps if step.id == "bucket/delete")
    front = Steps() if shared or others else _front(name, found, emptied or last_users)
    steps = together(*roles, *providers, documents, front)
    return Deletion(
        plan=Plan(steps=in_order(steps.steps), notes=(*steps.notes, *found.denied)),
        left=(*found.unseen, *steps.conflicts, *others, *(() if shared else _elsewhere(name, found))),
        used=tuple(
            (role.name, role.last_used)
            for _, role in sorted(found.roles.items())
            if role.last_used and names.is_owned(role.tags, name)
        ),
    )


def _served_there(name: str, found: Account) -> tuple[Problem, ...]:
    """Why the distribution stays: it serves the issuers of others."""
    if found.distribution is None:
        return ()
    where = f"distribution {found.distribution.id}"
    if found.unseen or any(isinstance(tags, Unseen) for tags in found.objects.values()):
        return (Problem(where, "it stays, since whom it serves cannot be seen"),)
    owners = sorted(
        {owner for tags in found.objects.values() if isinstance(tags, Mapping) for owner in names.owners(tags)}
    )
    others = [owner for owner in owners if owner != name]
    if not others:
        return ()
    return (Problem(where, f"it also serves the issuer of {', '.join(others)}"),)


def _elsewhere(name: str, found: Account) -> tuple[Problem, ...]:
    """What a deletion does not look into because it was not told of it."""
    return tuple(
        Problem(
            f"issuer {item.url}",
            "its documents are in a bucket that is shared; name it with --shared-issuer to delete them, too",
        )
        for item in found.providers
        if names.is_owned(item.tags, name) and ".cloudfront." in str(item.url) and str(item.url).endswith(f"/{name}")
    )


def _role(role: Role, name: str) -> Steps:
    resource = Resource(Address("role", role.name), f"role/{role.name}")
    if not names.is_owned(role.tags, name):
        return Steps()
    inline = role.inline_policies
    attached = role.attached_policies
    if isinstance(inline, Unseen):
        resource.note(
            f"its inline policies cannot be listed, since {inline.action} is not allowed; its own one is tried"
        )
        inline = (role.name,)
    first = [
        resource.add(
            f"policy/{policy}",
            Action.DELETE,
            role_calls.delete_role_policy(role.name, policy),
            f"delete the inline policy {policy} of role {role.name}",
        )
        for policy in inline
    ]
    first += [
        resource.add(
            f"attached/{arn}",
            Action.DELETE,
            role_calls.detach_role_policy(role.name, arn),
            f"take the policy {arn} off role {role.name}",
        )
        for arn in (attached if isinstance(attached, tuple) else ())
    ]
    resource.add(
        "delete",
        Action.DELETE,
        role_calls.delete_role(role.name),
        f"delete role {role.name}",
        after=edges("IAM deletes only roles without policies", *first),
    )
    return resource.done()


def _provider(provider: Provider, name: str, last_roles: tuple[str, ...]) -> Steps:
    resource = Resource(Address("OIDC provider", str(provider.arn)), f"provider/{provider.url}")
    if not names.is_owned(provider.tags, name):
        return Steps()
    resource.add(
        "delete",
        Action.DELETE,
        calls.delete_provider(str(provider.arn)),
        f"delete the OIDC provider of {provider.url}",
        after=edges("no role may be left that trusts nobody", *last_roles),
    )
    return resource.done()


def _documents(bucket: str, name: str, found: Account, last_users: tuple[str, ...], *, shared: bool) -> Steps:
    resource = Resource(Address("bucket", bucket), "bucket")
    if found.bucket is None:
        return Steps()
    if not shared and not names.is_owned(found.bucket.tags, name):
        return Steps(
            conflicts=(
                Problem(str(resource.address), f"it does not carry the tag {names.comment(name)}={names.OWNED}"),
            )
        )
    unused = edges("the issuer is in use until roles and provider are gone", *last_users)
    deleted = []
    left = []
    for key, tags in sorted(found.objects.items()):
        if why := _not_ours(tags, name):
            left.append(Problem(f"object {bucket}/{key}", why))
            continue
        deleted.append(
            resource.add(
                f"object/{key}",
                Action.DELETE,
                calls.delete_object(bucket, key),
                f"delete {key} from bucket {bucket}",  # a sentence, no SQL # nosec
                after=unused,
            )
        )
    if shared:
        return together(resource.done(), Steps(conflicts=tuple(left)))
    if left:
        left.append(Problem(str(resource.address), "it holds objects that are not ours"))
    else:
        resource.add(
            "delete",
            Action.DELETE,
            calls.delete_bucket(bucket),
            f"delete bucket {bucket}",
            after=edges("S3 deletes only empty buckets", *deleted) or unused,
        )
    return together(resource.done(), Steps(conflicts=tuple(left)))


def _not_ours(tags: Tags | Unseen, name: str) -> str:
    if isinstance(tags, Unseen):
        return f"whether it is ours cannot be seen, since {tags.action} is not allowed"
    return "" if names.is_owned(tags, name) else f"it does not carry the tag {names.comment(name)}={names.OWNED}"


def _front(name: str, found: Account, last_users: tuple[str, ...]) -> Steps:
    distribution = found.distribution
    if distribution is not None and not (
        isinstance(distribution.tags, Mapping) and names.is_owned(distribution.tags, name)
    ):
        where = f"distribution {distribution.id}"
        why = f"its comment is ours, but it does not carry the tag {names.comment(name)}={names.OWNED}"
        return Steps(conflicts=(Problem(where, why),))
    return delete_steps(distribution, found.access_identities, last_user=last_users)
