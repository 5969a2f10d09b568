"""The files of the output directory as part of a plan: those that are there as wanted are left out of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from ccoctl.engine.call import outputs
from ccoctl.engine.plan import FieldChange, Plan, Step, WriteFile
from ccoctl.errors import FileError
from ccoctl.files import read_if_present
from ccoctl.workflows.places import refuse_blocked, refuse_links, sweep_below, write_below

LIMIT = 1024 * 1024
"""Bytes read of an existing file to compare it."""
_EVERYWHERE = ("any", "manifests/any", "issuer/any", "issuer/.well-known/any", "kubernetes/any")
"""Files of a set-up, one for each directory; a plan does not name those that are there as wanted."""

_ENTRY = r"(?P<key> *[A-Za-z_]+(?:: | = ))(?P<value>.*)"
_KINDS = (
    r"arn:[a-z-]+:iam::[0-9]{12}:role/[\x21-\x7e]{1,576}",
    r"https://[a-z0-9./-]{1,255}",
    r"/[\w./-]{1,255}",
)
"""Values of our files that differ from one to another: a role, an issuer, and where a token is."""


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
    try:
        refuse_links(directory, work.path / "any")
        data = read_if_present(directory / work.path, limit=LIMIT)
    except FileError:
        return step
    if data is None:
        return step
    there = data.decode("utf-8", "replace")
    if there == work.content:
        return None
    change = FieldChange(name="content", old=_shown(there, str(work.content)), new=work.content)
    return replace(step, summary=f"replace {work.path}, which differs", changes=(change,))


def _shown(there: str, wanted: str) -> str:
    """What is there, as far as it can be of an earlier file of ours; any other line may be secret."""
    same = frozenset(wanted.splitlines())
    values = {found["key"]: found["value"] for line in same if (found := re.fullmatch(_ENTRY, line))}
    shown: list[str] = []
    for is_ours, group in groupby(there.splitlines(), lambda line: line in same or _is_alike(line, values)):
        lines = list(group)
        shown += lines if is_ours else [f"(not shown, since it may be secret: {len(lines)} of its lines)"]
    return "\n".join([*shown, ""])


def _is_alike(line: str, values: Mapping[str, str]) -> bool:
    """True for a line of ours with another value of its kind."""
    found = re.fullmatch(_ENTRY, line)
    if found is None or found["key"] not in values:
        return False
    return any(re.fullmatch(kind, values[found["key"]]) and re.fullmatch(kind, found["value"]) for kind in _KINDS)


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
