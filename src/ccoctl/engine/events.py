"""What happens while a plan is carried out. Progress displays, logs and JSON are listeners."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ccoctl.engine.plan import Outcome, Plan, Step


class PlanStarted(msgspec.Struct, frozen=True):
    """The first event: nothing was done yet."""

    plan: Plan


class StepStarted(msgspec.Struct, frozen=True):
    """The step's needs are met and it runs now."""

    step: Step


class StepWaiting(msgspec.Struct, frozen=True):
    """A wait asked and the answer is not the wanted one yet."""

    step: Step
    seen: str
    elapsed: float
    """Seconds since the wait began."""
    deadline: float
    """Seconds after which it fails."""


class StepRetried(msgspec.Struct, frozen=True):
    """An attempt failed in a way that is worth another one."""

    step: Step
    attempt: int
    """The attempt that failed, from 1."""
    delay: float
    """Seconds until the next one."""
    reason: str


class StepEnded(msgspec.Struct, frozen=True):
    """The step is done, failed or skipped."""

    outcome: Outcome


class PlanEnded(msgspec.Struct, frozen=True):
    """The last event."""

    interrupted: bool


Event: TypeAlias = PlanStarted | StepStarted | StepWaiting | StepRetried | StepEnded | PlanEnded
Listener: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The listener of a run that nobody watches."""
