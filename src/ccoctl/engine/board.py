"""Which steps may start now, which run, and what became of the others: the executor's state, without its threads."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ccoctl.engine.graph import graph
from ccoctl.engine.plan import Outcome, Plan, State, Step


class Board:
    """The steps of one run. Whoever uses it from several threads does so one at a time."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is started; the steps without needs are ready.

        Raises:
            ValueError: the plan's steps make no acyclic graph; that is a bug of the planner.
        """
        drawn = graph(plan.steps)
        self._steps = plan.steps
        self._below = drawn.below
        self._urgency = {step.id: (-drawn.heights[step.id], number) for number, step in enumerate(plan.steps)}
        self._missing = {name: len(needed) for name, needed in drawn.needs.items()}
        self._outcomes: dict[str, Outcome] = {}
        self._ready: list[tuple[int, int, Step]] = []
        """A heap: the longest chain below first, then the plan's order."""
        self.running = 0
        """How many steps were started and have not ended."""
        for step in plan.steps:
            if not self._missing[step.id]:
                self._push(step)

    def start(self) -> Step | None:
        """The step that more others wait for than for any other that is ready; it runs from now on."""
        if not self._ready:
            return None
        self.running += 1
        return heapq.heappop(self._ready)[2]

    def end(self, outcome: Outcome) -> tuple[Outcome, ...]:
        """Take in what became of a step that ran: it, and after a failure the steps that are lost because of it."""
        self.running -= 1
        self._outcomes[outcome.step.id] = outcome
        if outcome.state is State.DONE:
            self._release(outcome.step)
        return (outcome, *(self._lose(outcome.step) if outcome.state is State.FAILED else ()))

    def close(self) -> tuple[Outcome, ...]:
        """The steps that were never started, because the run was stopped: skipped because of nobody."""
        left = [step for step in self._steps if step.id not in self._outcomes]
        return self._skip(left, because="")

    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of every step, in the plan's order, once the board is closed."""
        return tuple(self._outcomes[step.id] for step in self._steps)

    def _push(self, step: Step) -> None:
        heapq.heappush(self._ready, (*self._urgency[step.id], step))

    def _release(self, step: Step) -> None:
        for follower in self._below[step.id]:
            self._missing[follower.id] -= 1
            if not self._missing[follower.id]:
                self._push(follower)

    def _lose(self, cause: Step) -> tuple[Outcome, ...]:
        """Skip all that hangs on a failed step; it can never be ready, for one of its needs stays missing."""
        lost: dict[str, Step] = {}
        ahead = [cause]
        while ahead:
            for follower in self._below[ahead.pop().id]:
                if follower.id not in self._outcomes and follower.id not in lost:
                    lost[follower.id] = follower
                    ahead.append(follower)
        return self._skip([step for step in self._steps if step.id in lost], because=cause.id)

    def _skip(self, steps: Iterable[Step], *, because: str) -> tuple[Outcome, ...]:
        skipped = tuple(Outcome(step=step, state=State.SKIPPED, because=because, attempts=0) for step in steps)
        self._outcomes |= {outcome.step.id: outcome for outcome in skipped}
        return skipped
