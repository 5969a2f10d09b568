"""The files of the output directory as part of a plan: those that are there as wanted are left out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from ccoctl.engine.call import outputs
from ccoctl.engine.plan import FieldChange, Plan, Step, WriteFile
from ccoctl.errors import FileError
from ccoctl.files import read_bytes
from ccoctl.workflows.places import refuse_blocked, sweep_below, write_below

LIMIT = 1024 * 1024
"""Bytes read of an existing file to compare it."""
_EVERYWHERE = ("any", "manifests/any", "issuer/any", "issuer/.well-known/any", "kubernetes/any")
"""Files of a set-up, one for each directory; a plan does not name those that are there as wanted."""


def only_changes(plan: Plan, directory: Path) -> Plan:
    """The plan without the files that are there as wanted; those that differ say how."""
    return replace(plan, steps=tuple(kept for step in plan.steps if (kept := _compared(step, directory)) is not None))


def without_files(plan: Plan) -> Plan:
    """The plan as far as it is about the account."""
    return replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step.work, WriteFile)))


def _compared(step: Step, directory: Path) -> Step | None:
    work = step.work
    if not isinstance(work, WriteFile) or outputs(work.content):
        return step
    path = directory / work.path
    if not path.exists():
        return step
    try:
        there = read_bytes(path, limit=LIMIT).decode("utf-8", "replace")
    except FileError:
        return step
    if there == work.content:
        return None
    change = FieldChange(name="content", old=there, new=work.content)
    return replace(step, summary=f"replace {work.path}, which differs", changes=(change,))


def writer(plan: Plan, directory: Path) -> Callable[[WriteFile, str], None]:
    """What writes a plan's files below a directory.

    Raises:
        Problems: it is seen now, before the plan's first call, that some of them cannot be written.
    """
    names = [step.work.path for step in plan.steps if isinstance(step.work, WriteFile)]
    refuse_blocked(directory, names)
    sweep_below(directory, (*_EVERYWHERE, *names))

    def write(work: WriteFile, content: str) -> None:
        write_below(directory, work.path, content.encode(), mode=work.mode, replace=work.may_replace)

    return write
