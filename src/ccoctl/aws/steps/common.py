"""What the files beside this one share: building steps, and what stands in the way of a plan."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccoctl.aws import names
from ccoctl.aws.names import Tags
from ccoctl.engine.call import Call
from ccoctl.engine.diff import Difference
from ccoctl.engine.plan import Action, Address, After, FieldChange, Step, Wait
from ccoctl.errors import Problem


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """Steps, what a person should know beside them, and conflicts that forbid to carry them out."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    conflicts: tuple[Problem, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the steps."""
        return tuple(step.id for step in self.steps)


def together(*parts: Steps) -> Steps:
    """Several groups as one, in order."""
    return Steps(
        steps=tuple(step for part in parts for step in part.steps),
        notes=tuple(note for part in parts for note in part.notes),
        conflicts=tuple(problem for part in parts for problem in part.conflicts),
    )


class Resource(msgspec.Struct):
    """Collects the steps of one resource."""

    address: Address
    prefix: str
    """What the ids of its steps begin with."""
    steps: list[Step] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    conflicts: list[Problem] = msgspec.field(default_factory=list)

    def add(
        self,
        verb: str,
        action: Action,
        work: Call | Wait,
        summary: str,
        *,
        after: Iterable[After] = (),
        changes: Iterable[FieldChange] = (),
    ) -> str:
        """Add a step; its id is the answer."""
        step = Step(
            id=f"{self.prefix}/{verb}",
            address=self.address,
            action=action,
            summary=summary,
            work=work,
            after=tuple(after),
            changes=tuple(changes),
        )
        self.steps.append(step)
        return step.id

    def note(self, sentence: str) -> None:
        """Say something beside the steps."""
        self.notes.append(f"{self.address}: {sentence}")

    def conflict(self, what: str) -> None:
        """Say why this cannot become what is wanted."""
        self.conflicts.append(Problem(str(self.address), what))

    def done(self) -> Steps:
        """What was collected; nothing is to be done to a resource in conflict."""
        steps = () if self.conflicts else tuple(self.steps)
        return Steps(steps=steps, notes=tuple(self.notes), conflicts=tuple(self.conflicts))


def after(reason: str, *steps: str) -> tuple[After, ...]:
    """Edges to steps, all for one reason; ids that are empty stand for steps that are not needed."""
    return tuple(After(step=step, reason=reason) for step in steps if step)


def merged(wanted: Tags, found: object) -> Tags:
    """The tags as they would be: ours added to what others put there."""
    return {**found, **wanted} if isinstance(found, dict) else wanted


def missing(wanted: Tags, found: Tags) -> Tags:
    """The wanted tags that are not there as wanted."""
    return {key: value for key, value in wanted.items() if found.get(key) != value}


def change_of(difference: Difference, *fields: str) -> tuple[FieldChange, ...]:
    """The changes of some fields."""
    return tuple(change for change in difference.changed if change.name in fields)


def not_seen(difference: Difference, name: str) -> bool:
    """True when a field could not be read."""
    return any(change.name == name for change in difference.unseen)


def ownership_conflict(tags: Tags, name: str) -> str:
    """Why a resource of our name is not ours; empty when it is."""
    if names.is_owned(tags, name):
        return ""
    others = [owner for owner in names.owners(tags) if owner != name]
    if others:
        return f"it belongs to {', '.join(others)}, as its tag says"
    return f"it exists and does not carry the tag {names.TAG_PREFIX}{name}={names.OWNED}, so it is not ours to change"
