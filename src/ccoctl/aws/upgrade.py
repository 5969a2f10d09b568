"""The plans of an upgrade: `prepare` adds what the new release wants, `finish` removes what only the old one needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ccoctl.aws import desired, manifests, upgrade_policy
from ccoctl.aws.deletion import deletion
from ccoctl.aws.desired import Settings, Trusted
from ccoctl.aws.resources import Account, Role
from ccoctl.aws.steps import roles
from ccoctl.aws.steps.common import Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.aws.upgrade_names import Serving, described
from ccoctl.aws.upgrade_observe import Held
from ccoctl.aws.upgrade_roles import added_to, like_the_others
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.plan import After, Step, file_step
from ccoctl.errors import ConflictError, Problem, Problems


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What the new release wants, and whom its roles trust."""

    settings: Settings
    requests: tuple[CredentialsRequest, ...]
    trusted: Trusted


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A role that the new release does not need."""

    role: Role
    secret: SecretRef | None
    """The Secret that names it, as far as its description says."""
    replaced: bool = False
    """True where another role serves the same Secret from now on."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a phase, and what those about Secrets need to know."""

    account: Steps
    """What is done to roles."""
    files: tuple[Step, ...] = ()
    """The Secrets, as files."""
    roles: Mapping[SecretRef, Role] = msgspec.field(default_factory=dict)
    """The role that each wanted Secret names; its ARN is known."""
    rights: Mapping[SecretRef, tuple[After, ...]] = msgspec.field(default_factory=dict)
    """Which steps a Secret waits for."""
    dropped: tuple[Dropped, ...] = ()


def trusted(here: Held, given: str = "") -> Trusted:
    """The provider that the roles trust; `given` chooses among several.

    Raises:
        ConflictError: there is no set-up of that name, or none whose issuer is certain.
    """
    where = f"set-up {here.name}"
    if not here.ours:
        remedy = "Check --name and the account; a new set-up is made with `ccoctl aws create-all`."
        raise ConflictError("no role of that name is there, so there is nothing to upgrade", where=where, remedy=remedy)
    arns = tuple(arn for arn in here.providers if not given or arn == given)
    if len(arns) == 1:
        return Trusted(arn=arns[0], host=arns[0].partition(":oidc-provider/")[2])
    if given or not arns:
        what = f"none of its roles trusts {given}" if given else "the OIDC provider that its roles trust is not there"
        raise ConflictError(what, where=where, remedy="See `ccoctl aws plan`, and repair the set-up first.")
    raise ConflictError(
        f"its roles trust {len(arns)} issuers: {', '.join(arns)}",
        where=where,
        remedy="Finish or roll back the migration first, or choose with --identity-provider-arn.",
    )


def prepare(release: Release, here: Held, serving: Serving) -> Drawn:
    """What adds to the account all that the new release wants; nothing that is there is taken away."""
    settings = like_the_others(release.settings, here.ours.values())
    wanted = _wanted(replace(release, settings=settings), here, serving)
    made = {request.secret: _added(wanted[request.secret], request, here, serving) for request in release.requests}
    hidden = [problem for role, problem in here.hidden.items() if role in set(serving.chosen.values())]
    rights = {secret: edges("a Secret never points at a role without its rights", *made[secret].ids) for secret in made}
    return Drawn(
        account=together(*made.values(), Steps(conflicts=tuple(hidden))),
        files=tuple(
            file_step(manifests.secret(request, wanted[request.secret]), rights[request.secret])
            for request in release.requests
        ),
        roles=wanted,
        rights=rights,
        dropped=_dropped(here, serving),
    )


def finish(release: Release, here: Held, serving: Serving, *, keep: Iterable[str] = ()) -> Drawn:
    """What removes all that the new release does not want, once `prepare` has nothing left to do.

    Args:
        release: the new one.
        here: what the account holds.
        serving: who serves whom.
        keep: Secrets, as `namespace/name`, and roles that stay although the release does not ask for them.

    Raises:
        Problems: something that the new release needs is missing, or something to keep is not there.
    """
    if len(here.providers) > 1:
        what = f"its roles trust {len(here.providers)} issuers, and all but one would be cut off"
        raise Problems((Problem(f"set-up {here.name}", what),), remedy="Finish or roll back the migration first.")
    before = prepare(release, here, serving)
    if before.account.steps:
        raise Problems(
            tuple(Problem(str(step.address), f"left to do: {step.summary}") for step in before.account.steps),
            what="The new release does not have all that it needs yet; nothing was changed",
            remedy="Run `ccoctl aws upgrade prepare` first; again, where create-all of the old release ran after it.",
        )
    kept = _kept(before.dropped, tuple(keep))
    gone = tuple(one for one in before.dropped if one not in kept)
    trimmed = [_trimmed(before.roles[request.secret], request, release, here) for request in release.requests]
    said = Steps(
        notes=tuple(f"role {one.role.name} stays, although the release does not ask for it" for one in kept),
        conflicts=before.account.conflicts,
    )
    account = together(*trimmed, _removed(gone, here), said)
    return replace(before, account=account, files=(), rights={}, dropped=gone)


def _wanted(release: Release, here: Held, serving: Serving) -> dict[SecretRef, Role]:
    """The roles as the release wants them, under the names that they have or will have."""
    by_rule = desired.roles(release.settings, here.account, release.trusted, release.requests)
    wanted = {}
    for secret, role in by_rule.items():
        name = serving.chosen[secret]
        there = here.ours.get(name)
        arn = there.arn if there is not None else f"{str(role.arn).removesuffix(role.name)}{name}"
        wanted[secret] = replace(role, name=name, arn=arn)
    return wanted


def _added(wanted: Role, request: CredentialsRequest, here: Held, serving: Serving) -> Steps:
    """Every role that pods of the old release may use gets what the new one wants."""
    there = here.ours.get(wanted.name)
    if there is None:
        first = roles.role_steps(wanted, here.roles.get(wanted.name), here.name)
    else:
        first = added_to(there, wanted)
    more = [added_to(here.ours[name], wanted) for name in serving.others.get(request.secret, ())]
    return together(first, *more)


def _trimmed(role: Role, request: CredentialsRequest, release: Release, here: Held) -> Steps:
    """A role brought to exactly what the release wants; its path and whether it asks for the audience stay."""
    found = here.ours[role.name]
    bound = desired.bind_audience(role, release.trusted, request)
    wanted = replace(bound if upgrade_policy.binds_audience(found.trust) else role, path=found.path)
    return roles.role_steps(wanted, found, here.name, stricter=bound.trust)


def _dropped(here: Held, serving: Serving) -> tuple[Dropped, ...]:
    replaced = {name: secret for secret, more in serving.others.items() for name in more}
    dropped = [Dropped(role=here.ours[name], secret=described(here.ours[name])) for name in serving.dropped]
    return (
        *(Dropped(role=here.ours[name], secret=secret, replaced=True) for name, secret in sorted(replaced.items())),
        *dropped,
    )


def _kept(dropped: tuple[Dropped, ...], keep: tuple[str, ...]) -> tuple[Dropped, ...]:
    kept = tuple(one for one in dropped if one.role.name in keep or (one.secret and str(one.secret) in keep))
    known = {text for one in kept for text in (one.role.name, str(one.secret))}
    if unknown := [text for text in keep if text not in known]:
        raise Problems(tuple(Problem("--keep", f"no role that would be removed is or serves {it!r}") for it in unknown))
    return kept


def _removed(gone: tuple[Dropped, ...], here: Held) -> Steps:
    """The roles, with their policies; each says when it was last used."""
    found = {one.role.name: one.role for one in gone}
    plan = deletion(here.name, "", Account(id=here.account, roles=found)).plan
    return Steps(steps=tuple(_with_last_use(step, found) for step in plan.steps), notes=plan.notes)


def _with_last_use(step: Step, found: Mapping[str, Role]) -> Step:
    if step.id != f"role/{step.address.name}/delete":
        return step
    used = found[step.address.name].last_used
    return replace(step, summary=f"{step.summary}, {f'last used {used}' if used else 'which IAM never saw used'}")


__all__ = ["Drawn", "Dropped", "Release", "finish", "prepare", "trusted"]
