"""What happens while a plan is carried out. Progress displays, logs and JSON are listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ccoctl.engine.plan import Outcome, Plan, Step


@dataclass(frozen=True, slots=True)
class PlanStarted:
    """The first event: nothing was done yet."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The step's needs are met and it runs now."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """A wait asked and the answer is not the wanted one yet."""

    step: Step
    seen: str
    elapsed: float
    """Seconds since the wait began."""
    deadline: float
    """Seconds after which it fails."""


@dataclass(frozen=True, slots=True)
class StepRetried:
    """An attempt failed in a way that is worth another one."""

    step: Step
    attempt: int
    """The attempt that failed, from 1."""
    delay: float
    """Seconds until the next one."""
    reason: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The step is done, failed or skipped."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PlanEnded:
    """The last event."""

    interrupted: bool


Event: TypeAlias = PlanStarted | StepStarted | StepWaiting | StepRetried | StepEnded | PlanEnded
Listener: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The listener of a run that nobody watches."""
