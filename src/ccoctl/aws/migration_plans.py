"""The steps of a migration: both issuers served and trusted; and, once one is used by nobody, only the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ccoctl.aws import calls, desired, names, policy, role_calls
from ccoctl.aws import migration_calls as real
from ccoctl.aws import migration_serving as serving
from ccoctl.aws import migration_trust as trust
from ccoctl.aws.migration import IN_USE, NEVER_USED, ORIGIN_PATH, UNUSED_SINCE, Side, Situation
from ccoctl.aws.migration_calls import Source
from ccoctl.aws.migration_serving import behind
from ccoctl.aws.resources import PublicAccess
from ccoctl.aws.steps import bucket, cloudfront, provider
from ccoctl.aws.steps.common import Resource, Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import with_placeholders
from ccoctl.engine.plan import Action, Address, FieldChange
from ccoctl.errors import Problem
from ccoctl.signing.jwks import Jwks


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A token that must be good for a role."""

    source: Source
    role: str
    service_account: str
    """`namespace/name`."""


def both(situation: Situation, target: Side, trials: Iterable[Trial] = ()) -> Steps:
    """What makes the target as good as the issuer in use, which is not touched in any way that it would feel.

    Each phase is verified before the next: documents are seen by the world before a provider is registered, it is there
    before a role trusts it, and tokens are exchanged before anything relies on that.
    """
    keys, body, said = serving.key_set(situation)
    conflicts = Steps(conflicts=(*_unready(situation), *said.conflicts))
    if conflicts.conflicts:
        return conflicts
    served, seen = _both_served(situation, target, keys, body)
    registered = _registered(situation, target, seen)
    trusted = _trusting_both(situation, target)
    trusted = behind(trusted, *edges("only a provider that is there can be trusted", *seen, *registered.ids))
    exchanged = tried(situation, target, trials)
    exchanged = behind(exchanged, *edges("the role must trust the issuer", *seen, *registered.ids, *trusted.ids))
    marked = behind(_marked(situation, target), *edges("it must be good first", *trusted.ids, *exchanged.ids))
    marked = behind(marked, *edges("it must be registered first", *seen, *registered.ids))
    notes = tuple(
        f"role {name} is not ours and trusts {shown(situation, target.other)}: its owner must let it trust "
        f"{shown(situation, target)}, too, before the migration can be finished"
        for name in situation.strangers(target.other)
        if name not in situation.strangers(target)
    )
    return together(served, registered, trusted, exchanged, marked, Steps(notes=notes))


def only(situation: Situation, target: Side, checks: Steps, trials: Iterable[Trial] = ()) -> Steps:
    """What takes the other issuer away, once nobody uses it; `checks` are done before anything else."""
    keys, body, said = serving.key_set(situation)
    conflicts = (*_unfinished(situation, target), *said.conflicts)
    if conflicts:
        return Steps(conflicts=conflicts)
    first = together(checks, _seen(situation, target, keys), tried(situation, target, trials))
    checked = edges("the issuer that stays is looked at first", *first.ids)
    dropped = behind(_dropped(situation, target.other), *checked)
    gone = behind(
        _unregistered(situation, target.other), *checked, *edges("no role may trust what is not there", *dropped.ids)
    )
    unused = (*first.ids, *dropped.ids, *gone.ids)
    if target is Side.PRIVATE:
        return together(first, dropped, gone, *_private_only(situation, keys, body, unused))
    return together(first, dropped, gone, *_public_only(situation, unused))


def shown(situation: Situation, side: Side) -> str:
    """A side's issuer for people."""
    if side is Side.PRIVATE and situation.front is None:
        return "the issuer of the distribution to come"
    return str(situation.issuer(side).url)


def _unready(situation: Situation) -> tuple[Problem, ...]:
    """What has to be put right before a migration can begin."""
    settings, account = situation.settings, situation.found.account
    if not any(situation.provider(side) for side in Side):
        what = "IAM knows neither issuer; put the set-up right with `ccoctl aws create-all` first"
        return (Problem(f"issuer of {settings.name}", what),)
    trusting = {*situation.trusting(Side.PUBLIC), *situation.trusting(Side.PRIVATE)}
    what = "it trusts neither issuer; put it right with `ccoctl aws create-all` first"
    return tuple(Problem(f"role {name}", what) for name in sorted(account.roles) if name not in trusting)


def _both_served(
    situation: Situation, target: Side, keys: Jwks, body: Mapping[str, Any]
) -> tuple[Steps, tuple[str, ...]]:
    """Both issuers' documents in their places, and the ids of the steps that see them there."""
    granted = cloudfront.access(situation.settings, situation.found.account)
    opened = _opened(situation, granted)
    moved = serving.moved_documents(situation, body)
    if situation.front is None:
        front = serving.new_front(situation, granted)
    else:
        there_first = edges("the documents must be where the distribution will look", *moved.ids)
        front = behind(serving.front_steps(situation, situation.front, ORIGIN_PATH), *there_first)
    first = together(granted.steps, opened, front, moved)
    private = _seen(situation, Side.PRIVATE, keys) if target is Side.PRIVATE or first.steps else Steps()
    private = behind(private, *edges("it is served first", *first.ids))
    root = serving.root_documents(situation, Side.PUBLIC, body)
    root = behind(root, *edges("the other issuer must no longer need the root", *front.ids, *private.ids))
    public = _seen(situation, Side.PUBLIC, keys) if target is Side.PUBLIC or opened.steps or root.steps else Steps()
    public = behind(public, *edges("it is served first", *opened.ids, *root.ids))
    written = together(first, root)
    held = serving.unchanged(situation, body, Side.PUBLIC) if written.steps else Steps()
    held = behind(held, *edges("whoever rotates must be able to see the other issuer", *written.ids))
    return together(first, private, root, public, held), (*private.ids, *public.ids, *held.ids)


def _opened(situation: Situation, granted: cloudfront.Access) -> Steps:
    """The bucket as both need it: everybody may read it, and CloudFront besides."""
    settings, account = replace(situation.settings, private=False), situation.found.account
    readable = serving.for_everybody_and(
        policy.public_read(settings.bucket, settings.partition.id), cloudfront.bucket_policy(settings, granted, account)
    )
    return bucket.bucket_steps(replace(desired.bucket(settings), policy=readable), account.bucket, settings.name)


def _seen(situation: Situation, side: Side, keys: Jwks, place: str = "seen") -> Steps:
    resource = Resource(Address("issuer", shown(situation, side)), f"{place}/{side.value}")
    wait = real.until_seen(situation.issuer(side).url, tuple(key.kid for key in keys.keys))
    resource.add("documents", Action.WAIT, wait, "wait until the world sees its documents")
    return resource.done()


def _registered(situation: Situation, target: Side, seen: tuple[str, ...]) -> Steps:
    settings, there = situation.settings, situation.provider(target)
    issuer = situation.issuer(target)
    wanted = desired.provider(settings, situation.found.account.id, issuer)
    if there is None:
        wanted = replace(wanted, tags={**wanted.tags, UNUSED_SINCE: NEVER_USED})
    return provider.provider_steps(wanted, there, settings.name, issuer, published=seen, answering=seen)


def _marked(situation: Situation, target: Side) -> Steps:
    """The note, kept as a tag, that the cluster may sign for an issuer from now on; nothing where it always could."""
    old = situation.unused_since(target)
    if situation.provider(target) is not None and not old:
        return Steps()
    resource = Resource(Address("OIDC provider", str(with_placeholders(situation.issuer(target).name))), "provider")
    resource.add(
        "in-use",
        Action.UPDATE,
        real.note_use(situation.trusted(target).arn, IN_USE),
        "note that the cluster may sign for this issuer from now on",
        changes=(FieldChange(name=UNUSED_SINCE, old=old or NEVER_USED, new=IN_USE),),
    )
    return resource.done()


def _trusting_both(situation: Situation, target: Side) -> Steps:
    there, new = situation.trusted(target.other), situation.trusted(target)
    parts = []
    for name, role in sorted(situation.found.account.roles.items()):
        resource = Resource(Address("role", name), f"role/{name}")
        wanted = trust.also(role.trust, there, new)
        if wanted != role.trust:
            if (size := trust.size(wanted)) > policy.TRUST_POLICY_LIMIT:
                resource.conflict(
                    f"its trust policy would have {size} characters with both issuers, IAM takes "
                    f"{policy.TRUST_POLICY_LIMIT}: let the request have fewer service accounts first"
                )
            _set_trust(resource, name, role.trust, wanted, "let role {} be assumed with tokens of both issuers")
        parts.append(resource.done())
    return together(*parts)


def _set_trust(resource: Resource, name: str, old: policy.Policy, new: policy.Policy, summary: str) -> None:
    resource.add(
        "trust",
        Action.UPDATE,
        role_calls.update_trust(name, new, was=old),
        summary.format(name),
        changes=(FieldChange(name="trust", old=old, new=new),),
    )


def tried(situation: Situation, side: Side, trials: Iterable[Trial]) -> Steps:
    """Real tokens exchanged, one for each service account of each role."""
    parts = []
    for trial in trials:
        role = situation.found.account.roles.get(trial.role)
        if role is None:
            continue
        resource = Resource(Address("role", trial.role), f"role/{trial.role}/exchange/{trial.source.name.lower()}")
        resource.add(
            trial.service_account,
            Action.READ,
            real.exchange(trial.source, situation.issuer(side).url, trial.service_account, role.arn),
            f"exchange a token of {trial.service_account} from the {trial.source.value}",
        )
        parts.append(resource.done())
    return together(*parts)


def _unfinished(situation: Situation, target: Side) -> tuple[Problem, ...]:
    """What forbids to take the other issuer away."""
    stays, goes = shown(situation, target), shown(situation, target.other)
    found: list[Problem] = []
    if situation.provider(target) is None or not situation.is_served(target):
        what = f"{stays} is not ready to be used; run the command without --finish first"
        found.append(Problem(f"issuer of {situation.settings.name}", what))
    trusting = situation.trusting(target)
    roles = sorted(situation.found.account.roles)
    found += [Problem(f"role {name}", f"it does not trust {stays} yet") for name in roles if name not in trusting]
    ready = situation.strangers(target)
    found += [
        Problem(f"role {name}", f"it is not ours and trusts {goes} alone; its owner must let it trust {stays}, too")
        for name in situation.strangers(target.other)
        if name not in ready
    ]
    return tuple(found)


def _dropped(situation: Situation, gone: Side) -> Steps:
    arn, parts = str(with_placeholders(situation.trusted(gone).arn)), []
    for name in situation.trusting(gone):
        resource = Resource(Address("role", name), f"role/{name}")
        old = situation.found.account.roles[name].trust
        summary = f"let role {{}} no longer be assumed with tokens of {shown(situation, gone)}"
        _set_trust(resource, name, old, trust.without(old, arn), summary)
        parts.append(resource.done())
    return together(*parts)


def _unregistered(situation: Situation, gone: Side) -> Steps:
    there = situation.provider(gone)
    if there is None:
        return Steps()
    resource = Resource(Address("OIDC provider", str(there.arn)), f"provider/{gone.value}")
    if situation.is_ours(there):
        resource.add("delete", Action.DELETE, calls.delete_provider(str(there.arn)), "delete the OIDC provider")
    else:
        resource.note(f"it does not carry the tag {names.comment(situation.settings.name)}={names.OWNED}; it stays")
    return resource.done()


def _private_only(
    situation: Situation, keys: Jwks, body: Mapping[str, Any], unused: tuple[str, ...]
) -> tuple[Steps, ...]:
    """The root for the distribution, the folder emptied, the bucket closed."""
    settings, account, there = situation.settings, situation.found.account, situation.front
    nobody = edges("nobody may need the other issuer any more", *unused)
    root = behind(serving.root_documents(situation, Side.PRIVATE, body), *nobody)
    front = serving.front_steps(situation, there, "") if there is not None else Steps()
    front = behind(front, *nobody, *edges("the documents must be where the distribution will look", *root.ids))
    again = _seen(situation, Side.PRIVATE, keys, "root") if root.steps or front.steps else Steps()
    again = behind(again, *edges("it is served from there first", *root.ids, *front.ids))
    emptied = edges("the distribution must no longer look there", *front.ids, *again.ids)
    granted = cloudfront.access(settings, account)
    closed = replace(
        desired.bucket(settings),
        public_access=PublicAccess(block_policies=True),
        policy=cloudfront.bucket_policy(settings, granted, account),
    )
    return (
        root,
        front,
        again,
        behind(serving.without_moved(situation), *nobody, *emptied),
        granted.steps,
        behind(bucket.bucket_steps(closed, account.bucket, settings.name), *nobody),
    )


def _public_only(situation: Situation, unused: tuple[str, ...]) -> tuple[Steps, ...]:
    """The distribution, its identity and the folder deleted; the bucket readable by everybody, and named to nobody."""
    settings, account, there = replace(situation.settings, private=False), situation.found.account, situation.front
    nobody = edges("nobody may need the other issuer any more", *unused)
    opened = bucket.bucket_steps(desired.bucket(settings), account.bucket, settings.name)
    if there is not None and (why := _kept(situation)):
        return (behind(opened, *nobody), Steps(notes=(f"distribution {there.id}: {why}; it stays",)))
    front = cloudfront.delete_steps(there, account.access_identities, last_user=unused)
    emptied = behind(serving.without_moved(situation), *nobody)
    return (front, emptied, behind(opened, *nobody))


def _kept(situation: Situation) -> str:
    tags = situation.front.tags if situation.front is not None else {}
    if not isinstance(tags, dict):
        return "whether it is ours cannot be seen"
    return "" if names.is_owned(tags, situation.settings.name) else "it does not carry our tag"


__all__ = ["Trial", "both", "only", "shown", "tried"]
