"""Delete everything on AWS that is ours under one name."""

from __future__ import annotations

import msgspec

from ccoctl.aws import names
from ccoctl.aws.deletion import Deletion, deletion
from ccoctl.aws.desired import Settings
from ccoctl.aws.observe import observe_for_deletion
from ccoctl.aws.partition import partition_of
from ccoctl.aws.reader import reader
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Outcome, Result, WriteFile
from ccoctl.errors import CcoctlError, Problem, Problems


def check(name: str, region: str, *, shared: str = "", issuer_url: str = "") -> Settings:
    """The settings of a deletion; `shared`: the issuer that it shares; `issuer_url`: one that somebody else serves.

    Raises:
        Problems: no set-up can have that name or region.
    """
    problems = [*names.name_problems(name), *names.shared_problems(shared, name)]
    try:
        partition = partition_of(region)
    except Problems as error:
        raise Problems((*problems, *error.problems)) from error
    if problems:
        raise Problems(tuple(problems))
    return Settings(name=name, region=region, partition=partition, shared=shared, issuer_url=issuer_url)


def prepare(settings: Settings, cloud: Cloud, *, concurrency: int = 10, tell: Tell | None = None) -> Deletion:
    """What would be deleted and what would stay; nothing is changed.

    Raises:
        CloudError: the account cannot be looked at.
    """
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        found = observe_for_deletion(asked, settings)
    return deletion(settings.name, settings.bucket, found, shared=bool(settings.shared))


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion ended with."""

    deletion: Deletion
    result: Result
    appeared: tuple[Problem, ...] = ()
    """What was not there when the deletion was planned, and is now."""

    @property
    def left(self) -> tuple[Problem, ...]:
        """What is still there and why: foreign things, and steps that failed or were not done."""
        undone = tuple(
            Problem(str(outcome.step.address), str(outcome.error or _not_done(outcome)))
            for outcome in self.result.outcomes
            if outcome.state.value != "done"
        )
        return (*self.deletion.left, *undone, *self.appeared)


def _not_done(outcome: Outcome) -> str:
    return f"not done, because {outcome.because} failed" if outcome.because else "not done, because the run was stopped"


def carry_out(
    prepared: Deletion,
    cloud: Cloud,
    settings: Settings,
    *,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Deleted:
    """Do every step of the deletion, and look whether somebody made more of it meanwhile."""
    result = execute(
        prepared.plan, cloud, write_file=_no_file, concurrency=concurrency, listener=listener, attempts=attempts
    )
    look = bool(prepared.plan.steps) and result.ok
    appeared = _appeared(prepared, cloud, settings, concurrency) if look else ()
    return Deleted(deletion=prepared, result=result, appeared=appeared)


def _appeared(prepared: Deletion, cloud: Cloud, settings: Settings, concurrency: int) -> tuple[Problem, ...]:
    """What is there now and was not planned for. What was deleted may be listed for a while, and counts for nothing."""
    known = {step.address for step in prepared.plan.steps}
    try:
        now = prepare(settings, cloud, concurrency=concurrency).plan.steps
    except CcoctlError as error:
        return (Problem(f"--name {settings.name}", f"whether more was made meanwhile cannot be seen: {error.what}"),)
    new = dict.fromkeys(step.address for step in now if step.address not in known)
    return tuple(
        Problem(str(address), "somebody made it during the deletion; run the command again") for address in new
    )


def _no_file(work: WriteFile, _content: str) -> None:
    raise AssertionError(f"a deletion writes no file: {work.path}")
