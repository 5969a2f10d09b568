"""Bring a cluster's roles and Secrets from one release to the next, in two phases: `prepare` adds, `finish` removes."""

from __future__ import annotations

from enum import Enum

import msgspec
from msgspec.structs import replace

from ccoctl.aws.reader import Reader, reader
from ccoctl.aws.steps.common import Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.aws.upgrade import Drawn, Release, finish, prepare, trusted
from ccoctl.aws.upgrade_names import Serving, described, serving
from ccoctl.aws.upgrade_observe import Held, held
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Plan, Result, Step
from ccoctl.errors import Problem, Problems
from ccoctl.workflows import aws_upgrade_cluster as cluster
from ccoctl.workflows import aws_upgrade_told as told
from ccoctl.workflows.aws_order import Checked, Order
from ccoctl.workflows.aws_order import check as check_order
from ccoctl.workflows.aws_upgrade_cluster import UPGRADEABLE, InCluster, in_cluster
from ccoctl.workflows.aws_upgrade_files import OutputDirectory, deletions
from ccoctl.workflows.look_again import look_again
from ccoctl.workflows.output_files import only_changes, writer


class Phase(Enum):
    """The two halves of an upgrade."""

    PREPARE = "prepare"
    FINISH = "finish"


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a phase, checked."""

    phase: Phase
    checked: Checked
    provider_arn: str = ""
    target_version: str = ""
    keep: tuple[str, ...] = ()
    """Secrets and roles that stay although the release does not ask for them."""
    cluster: bool = False
    """Whether the running cluster is looked at and changed, too."""

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """Those of the new release."""
        return tuple(request.secret for request in self.checked.requests)


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A phase that was looked at and can be carried out."""

    upgrade: Upgrade
    drawn: Drawn
    plan: Plan
    """All of it, the step that lets the cluster go on included."""

    @property
    def work(self) -> Plan:
        """The plan without the step that lets the cluster go on."""
        return replace(self.plan, steps=tuple(step for step in self.plan.steps if step.id != UPGRADEABLE))

    @property
    def last(self) -> Plan:
        """That step alone; its needs are met by then."""
        alone = [replace(step, after=()) for step in self.plan.steps if step.id == UPGRADEABLE]
        return Plan(steps=tuple(alone))


class Upgraded(msgspec.Struct, frozen=True, kw_only=True):
    """What a phase ended with."""

    ready: Ready
    """As it was looked at last."""
    result: Result


def check(
    phase: Phase,
    order: Order,
    *,
    provider_arn: str = "",
    target_version: str = "",
    keep: tuple[str, ...] = (),
    in_cluster: bool = False,
) -> Upgrade:
    """Everything that can be wrong with the options, found in one go.

    Raises:
        Problems: with all of it.
        FileError: the directory of requests cannot be read.
    """
    problems: list[Problem] = []
    if target_version and not cluster.numbers(target_version):
        problems.append(Problem("--target-version", f"{target_version!r} is no version like 4.19 or 4.19.3"))
    try:
        checked = check_order(order)
    except Problems as error:
        raise Problems((*error.problems, *problems)) from error
    if problems:
        raise Problems(tuple(problems))
    return Upgrade(
        phase=phase,
        checked=checked,
        provider_arn=provider_arn,
        target_version=target_version,
        keep=keep,
        cluster=in_cluster,
    )


def look(upgrade: Upgrade, cloud: Cloud, *, concurrency: int = 10, tell: Tell | None = None) -> Ready:
    """Look at the account, the cluster and the files, and draw the phase; nothing is changed.

    Raises:
        Problems: something stands in the way, all of it at once.
        ConflictError: there is no set-up of that name.
        CloudError: account or cluster cannot be looked at.
    """
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        here = held(asked, upgrade.checked.settings.name)
        found = _cluster(upgrade, here, asked) if upgrade.cluster else None
    served = serving(here.name, upgrade.secrets, here.ours, found.roles(here.account) if found else None)
    release = Release(
        settings=upgrade.checked.settings,
        requests=upgrade.checked.requests,
        trusted=trusted(here, upgrade.provider_arn),
    )
    if upgrade.phase is Phase.PREPARE:
        return _prepared(upgrade, release, here, served, found)
    return _finished(upgrade, release, here, served, found)


def carry_out(
    ready: Ready,
    cloud: Cloud,
    *,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Upgraded:
    """Do every step; what was prepared is looked at again, and only then may the cluster go on.

    A failed step is in the result, not raised.

    Raises:
        Problems: something is left to do, because somebody else changed it meanwhile.
    """
    directory = ready.upgrade.checked.order.output_dir
    there = OutputDirectory(cloud, directory)

    def run(plan: Plan) -> Result:
        return execute(
            plan,
            there,
            write_file=writer(plan, directory),
            concurrency=concurrency,
            listener=listener,
            attempts=attempts,
        )

    result = run(ready.work)
    if not result.ok or ready.upgrade.phase is Phase.FINISH:
        return Upgraded(ready=ready, result=result)
    again = look_again(
        lambda: look(ready.upgrade, cloud, concurrency=concurrency), lambda seen: not _left_to_do(seen), attempts
    )
    if left := _left_to_do(again):
        told = ": the cluster was not told that it may be upgraded" if ready.upgrade.target_version else ""
        raise Problems(
            tuple(Problem(str(step.address), f"left to do: {step.summary}") for step in left),
            what=f"What was done a moment ago is not there{told}",
            remedy="See who else changes it, and run the command again.",
        )
    if not again.last.steps:
        return Upgraded(ready=again, result=result)
    last = run(again.last)
    outcomes, answers = (*result.outcomes, *last.outcomes), {**result.answers, **last.answers}
    return Upgraded(ready=again, result=Result(outcomes=outcomes, answers=answers, interrupted=last.interrupted))


def _left_to_do(ready: Ready) -> tuple[Step, ...]:
    """What would be changed; what may not be read is written by every run."""
    idle = {Action.READ, Action.WAIT, Action.REWRITE}
    return tuple(step for step in ready.work.steps if step.action not in idle)


def _cluster(upgrade: Upgrade, here: Held, asked: Reader) -> InCluster:
    """The Secrets of the new release, and those of the roles that are there."""
    served = [secret for role in here.ours.values() if (secret := described(role)) is not None]
    return in_cluster(
        asked,
        [*upgrade.secrets, *served],
        is_last=upgrade.phase is Phase.FINISH,
        is_told=bool(upgrade.target_version),
    )


def _prepared(upgrade: Upgrade, release: Release, here: Held, served: Serving, found: InCluster | None) -> Ready:
    drawn = prepare(release, here, served)
    steps = [*drawn.account.steps, *drawn.files]
    account = drawn.account
    if found is not None:
        secrets = cluster.applied(drawn, found)
        said = Steps(notes=cluster.moved(drawn, found), conflicts=cluster.strangers(secrets, found, here))
        account = together(account, said)
        steps += secrets
    plan = _plan(upgrade, account, steps)
    notes = (
        *plan.notes,
        *told.renamed(release.settings.name, drawn),
        *told.spared(drawn, here),
        *told.to_do(upgrade.target_version, in_cluster=upgrade.cluster),
    )
    last = cluster.upgradeable(upgrade.target_version, found, plan.steps) if found and upgrade.target_version else None
    every = (*plan.steps, last) if last is not None else plan.steps
    return Ready(upgrade=upgrade, drawn=drawn, plan=Plan(steps=every, notes=notes))


def _finished(upgrade: Upgrade, release: Release, here: Held, served: Serving, found: InCluster | None) -> Ready:
    keep = upgrade.keep
    kept: dict[str, str] = {}
    if found is not None:
        before = prepare(release, here, served)
        if problems := cluster.not_applied(before, found):
            what = "The new release's Secrets are not in the cluster yet; nothing was changed"
            raise Problems(problems, what=what, remedy="Run `ccoctl aws upgrade prepare` with --kubeconfig first.")
        kept = cluster.asked_for(before.dropped, found)
    drawn = finish(release, here, served, keep=(*keep, *kept))
    wanted = {request.secret for request in release.requests}
    gone = [one.secret for one in drawn.dropped if one.secret is not None and one.secret not in wanted]
    secrets = cluster.removed(drawn.dropped, found) if found is not None else ()
    first = (*secrets, *deletions(gone, wanted, upgrade.checked.order.output_dir))
    steps = [*first, *_after(first, drawn)]
    plan = _plan(upgrade, drawn.account, steps)
    asked = [
        f"request {request} of the cluster still asks for the Secret of role {role}" for role, request in kept.items()
    ]
    notes = (*plan.notes, *asked, *(told.without_cluster(drawn) if found is None else ()))
    return Ready(upgrade=upgrade, drawn=drawn, plan=replace(plan, notes=notes))


def _after(first: tuple[Step, ...], drawn: Drawn) -> tuple[Step, ...]:
    """The steps about roles; those that remove one wait for its Secrets, which nothing would lead to afterwards."""
    roles = {one.role.name for one in drawn.dropped}
    waits = edges("no Secret may name a role that is gone", *(step.id for step in first))
    return tuple(
        replace(step, after=(*step.after, *waits)) if step.address.name in roles else step
        for step in drawn.account.steps
    )


def _plan(upgrade: Upgrade, account: Steps, steps: list[Step]) -> Plan:
    """The steps in order, without the files that are there as wanted, unless something stands in the way.

    Raises:
        Problems: all that does.
    """
    if account.conflicts:
        count = len(account.conflicts)
        things = "1 thing stands" if count == 1 else f"{count} things stand"
        raise Problems(account.conflicts, what=f"{things} in the way of the upgrade; nothing was changed")
    plan = Plan(steps=in_order(tuple(steps)), notes=(*upgrade.checked.notes, *account.notes))
    return only_changes(plan, upgrade.checked.order.output_dir)


__all__ = ["Phase", "Ready", "Upgrade", "Upgraded", "carry_out", "check", "look"]
