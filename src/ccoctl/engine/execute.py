"""Carries a plan out: each step as soon as what it needs is done, several at a time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Answer
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Event, Listener, PlanEnded, PlanStarted, StepEnded, StepStarted, silent
from ccoctl.engine.graph import dependents, heights
from ccoctl.engine.perform import Performer, WriteText
from ccoctl.engine.plan import Outcome, Plan, Result, State, Step
from ccoctl.errors import CcoctlError, InterruptedRunError

_POLL = 0.5
"""Seconds; how often the waiting main thread looks up, so that Ctrl-C is heard on every platform."""


def execute(
    plan: Plan,
    cloud: Cloud,
    *,
    write_file: WriteText,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Result:
    """Do every step of a plan, at most `concurrency` at a time.

    A failed step stops what needs it and nothing else. Ctrl-C, or setting `attempts.stop`, starts nothing new and lets
    running calls end. What became of each step is in the result; nothing is raised for a step.
    """
    how = attempts or Attempts()
    run = _Run(plan=plan, how=how, tell=_Serial(listener))
    run.tell(PlanStarted(plan))
    performer = Performer(cloud=cloud, write_file=write_file, how=how, tell=run.tell, answers=run.answers)
    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="step") as pool:
        try:
            run.drive(pool, performer, concurrency)
        except KeyboardInterrupt:
            how.stop.set()
            run.drain()
    result = run.result()
    run.tell(PlanEnded(interrupted=result.interrupted))
    return result


class _Serial:
    """Gives events to a listener one at a time, whatever thread they come from."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._listener(event)


@dataclass(slots=True)
class _Run:
    """The state of one execution; only the main thread changes it."""

    plan: Plan
    how: Attempts
    tell: Callable[[Event], None]
    answers: dict[str, Answer] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    running: dict[Future[tuple[Answer, int]], Step] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    """How many needs of a step are not done yet."""
    ready: list[tuple[int, int, Step]] = field(default_factory=list)
    """A heap: the longest chain below first, then the plan's order."""
    below: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    order: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def drive(self, pool: ThreadPoolExecutor, performer: Performer, concurrency: int) -> None:
        """Start what is ready and take in what has ended, until nothing runs and nothing can start."""
        self.below = dependents(self.plan.steps)
        height = heights(self.plan.steps)
        self.order = {step.id: (-height[step.id], number) for number, step in enumerate(self.plan.steps)}
        self.missing = {step.id: len(step.needs) for step in self.plan.steps}
        for step in self.plan.steps:
            if not step.needs:
                self._is_ready(step)
        while True:
            while self.ready and len(self.running) < concurrency and not self.how.stop.is_set():
                step = heapq.heappop(self.ready)[2]
                self.tell(StepStarted(step))
                self.running[pool.submit(performer.do, step)] = step
            if not self.running:
                return
            self._take_in(wait(self.running, timeout=_POLL, return_when=FIRST_COMPLETED).done)

    def drain(self) -> None:
        """Let what runs come to its end, starting nothing; a second Ctrl-C ends this, too."""
        while self.running:
            self._take_in(wait(self.running, timeout=_POLL, return_when=FIRST_COMPLETED).done)

    def _is_ready(self, step: Step) -> None:
        heapq.heappush(self.ready, (*self.order[step.id], step))

    def _take_in(self, ended: set[Future[tuple[Answer, int]]]) -> None:
        for future in sorted(ended, key=lambda item: self.order[self.running[item].id]):
            step = self.running.pop(future)
            error = future.exception()
            if error is None:
                self.answers[step.id], attempts = future.result()
                self._end(Outcome(step=step, state=State.DONE, attempts=attempts))
                for follower in self.below[step.id]:
                    self.missing[follower.id] -= 1
                    if not self.missing[follower.id] and follower.id not in self.outcomes:
                        self._is_ready(follower)
            elif isinstance(error, InterruptedRunError):
                self._end(Outcome(step=step, state=State.SKIPPED))
            else:
                self._fail(step, error)

    def _fail(self, step: Step, error: BaseException) -> None:
        told = error if isinstance(error, Exception) else CcoctlError(f"{type(error).__name__}: {error}")
        self._end(Outcome(step=step, state=State.FAILED, error=told))
        lost = list(self.below[step.id])
        while lost:
            follower = lost.pop()
            if follower.id not in self.outcomes:
                self._end(Outcome(step=follower, state=State.SKIPPED, because=step.id))
                lost += self.below[follower.id]

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.step.id] = outcome
        self.tell(StepEnded(outcome))

    def result(self) -> Result:
        """What became of every step, in the plan's order; what was never started is skipped because of nobody."""
        for step in self.plan.steps:
            if step.id not in self.outcomes:
                self._end(Outcome(step=step, state=State.SKIPPED))
        return Result(
            outcomes=tuple(self.outcomes[step.id] for step in self.plan.steps),
            answers=dict(self.answers),
            interrupted=self.how.stop.is_set(),
        )
