"""A plan: the steps that lead from what was found to what is wanted, as data in a stable order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePosixPath
from typing import TypeAlias, assert_never

import msgspec

from ccoctl.engine.call import Call, JsonText, Output, Template, at_path, outputs


class Action(Enum):
    """What a step does to its resource; the member's value is the word people and JSON see."""

    CREATE = "create"
    UPDATE = "update"
    REWRITE = "rewrite"
    """Written again without knowing whether it differs, because the caller may not read it."""
    DELETE = "delete"
    WRITE_FILE = "write file"
    READ = "read"
    """Changes nothing: it only learns something that later steps need."""
    WAIT = "wait"


class Address(msgspec.Struct, frozen=True, order=True):
    """What a step is about: the kind of resource and its name, `role demo-openshift-machine-api-…`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One property of a resource that differs; documents are parsed JSON, so that a diff of them reads well."""

    name: str
    old: object
    new: object


class WriteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the output directory, written whole or not at all."""

    path: PurePosixPath
    """Relative to the output directory."""
    content: str | Template | JsonText
    mode: int = 0o644
    may_replace: bool = True
    """False where an existing file of another content is an error instead."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Ask until the answer at `path` is `equals`; the last answer is the step's answer."""

    call: Call
    path: str
    equals: object
    deadline: float
    """Seconds after which the wait fails; the run can be repeated and then goes on waiting."""
    first_interval: float = 0.25
    """Seconds before the second question; later ones are further apart."""
    longest_interval: float = 15.0


Work: TypeAlias = Call | WriteFile | Wait


class After(msgspec.Struct, frozen=True, kw_only=True):
    """An edge that no Output explains, with the reason for it."""

    step: str
    reason: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do. `id` is unique in its plan and stable from run to run."""

    id: str
    address: Address
    action: Action
    summary: str
    """The sentence that tells a person what it does."""
    work: Work
    after: tuple[After, ...] = ()
    changes: tuple[FieldChange, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The ids of the steps that must be done first: those whose Outputs it uses, and those it names."""
        match self.work:
            case Call(parameters=parameters):
                used = outputs(parameters)
            case Wait(call=call):
                used = outputs(call.parameters)
            case WriteFile(content=content):
                used = outputs(content)
            case _:
                assert_never(self.work)
        return tuple(dict.fromkeys([*(output.step for output in used), *(edge.step for edge in self.after)]))


def file_step(work: WriteFile, after: tuple[After, ...] = ()) -> Step:
    """The step that writes a file."""
    return Step(
        id=f"file/{work.path}",
        address=Address("file", str(work.path)),
        action=Action.WRITE_FILE,
        summary=f"write {work.path}",
        work=work,
        after=after,
    )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in a stable order that respects their needs, and what a person should know beside them."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """True when carrying it out would leave everything as it is."""
        return not any(step.action not in {Action.READ, Action.WAIT} for step in self.steps)


class State(Enum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step; `because` is the root cause's id when it was skipped, empty when the run was stopped."""

    step: Step
    state: State
    error: Exception | None = None
    because: str = ""
    attempts: int = 1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a plan: one outcome for each step, in the plan's order, and the answers by step id."""

    outcomes: tuple[Outcome, ...]
    answers: Mapping[str, Mapping[str, object]] = msgspec.field(default_factory=dict)
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """True when every step was done."""
        return all(outcome.state is State.DONE for outcome in self.outcomes)

    def of(self, state: State) -> tuple[Outcome, ...]:
        """The outcomes in a state."""
        return tuple(outcome for outcome in self.outcomes if outcome.state is state)

    def lookup(self, output: Output) -> object:
        """What an Output stands for after the run; None when its step was not done."""
        return at_path(self.answers.get(output.step, {}), output.path)
