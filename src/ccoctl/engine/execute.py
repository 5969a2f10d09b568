"""Carries a plan out: each step as soon as what it needs is done, several at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import msgspec

from ccoctl.engine.attempt import Attempts
from ccoctl.engine.board import Board
from ccoctl.engine.call import Answer
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Event, Listener, PlanEnded, PlanStarted, StepEnded, StepStarted, silent
from ccoctl.engine.perform import Performer, WriteText
from ccoctl.engine.plan import Outcome, Plan, Result, State, Step
from ccoctl.errors import CcoctlError, InterruptedRunError

_POLL = 0.5
"""Seconds; how often the waiting main thread looks up, so that Ctrl-C is heard on every platform."""

_logger = logging.getLogger(__name__)


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

    Raises:
        KeyboardInterrupt: a second Ctrl-C; what was running is not waited for, and goes with the process.
        ValueError: the plan's steps make no acyclic graph, or nothing may run at a time: a bug of the caller.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}, and at least one step must run at a time")
    how = attempts or Attempts()
    tell = _OneAtATime(listener)
    board, answers = Board(plan), dict[str, Answer]()
    performer = Performer(cloud=cloud, write_file=write_file, how=how, tell=tell, answers=answers)
    crew = _Crew(board=board, performer=performer, stop=how.stop, tell=tell, answers=answers)
    tell(PlanStarted(plan))
    try:
        _let_end(crew.threads(min(concurrency, len(plan.steps))), how.stop)
    except KeyboardInterrupt:
        tell.nobody()
        raise
    for outcome in board.close():
        tell(StepEnded(outcome))
    result = _result(board, answers)
    tell(PlanEnded(interrupted=result.interrupted))
    return result


def _let_end(threads: Sequence[threading.Thread], stop: threading.Event) -> None:
    """Wait for all of them. Ctrl-C reaches the main thread alone, and all that it can disturb is this waiting."""
    try:
        for thread in threads:
            thread.start()
        _join(threads)
    except KeyboardInterrupt:
        if stop.is_set():
            raise
        stop.set()
        _join(threads)


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(_POLL)


def _result(board: Board, answers: dict[str, Answer]) -> Result:
    outcomes = board.outcomes()
    return Result(
        outcomes=outcomes,
        answers={outcome.step.id: answers[outcome.step.id] for outcome in outcomes if outcome.step.id in answers},
        interrupted=any(outcome.state is State.SKIPPED and not outcome.because for outcome in outcomes),
    )


class _Crew(msgspec.Struct, kw_only=True):
    """Threads that take steps from a board, do them and put the outcomes back."""

    board: Board
    performer: Performer
    stop: threading.Event
    tell: _OneAtATime
    answers: dict[str, Answer]
    changed: threading.Condition = msgspec.field(default_factory=threading.Condition)
    """Guards the board and the answers; told of every step that ends."""

    def threads(self, size: int) -> list[threading.Thread]:
        """Not started yet. They are daemons, so that a second Ctrl-C need not wait for a call that hangs."""
        return [threading.Thread(target=self._work, name=f"step-{number}", daemon=True) for number in range(size)]

    def _work(self) -> None:
        while (step := self._next()) is not None:
            self._take_in(*self._do(step))

    def _next(self) -> Step | None:
        """A step to do, waited for as long as one that runs may make it ready; None when there is no more to do."""
        with self.changed:
            while not self.stop.is_set():
                if step := self.board.start():
                    self.tell(StepStarted(step))
                    return step
                if not self.board.running:
                    break
                self.changed.wait()
            return None

    def _do(self, step: Step) -> tuple[Outcome, Answer]:
        try:
            answer, attempts = self.performer.do(step)
        except InterruptedRunError:
            return Outcome(step=step, state=State.SKIPPED), {}
        except CcoctlError as error:
            return Outcome(step=step, state=State.FAILED, error=error), {}
        except BaseException as error:  # a bug, and the step must have an outcome nevertheless
            _logger.debug("step %s", step.id, exc_info=error)
            told = error if isinstance(error, Exception) else CcoctlError(f"{type(error).__name__}: {error}")
            return Outcome(step=step, state=State.FAILED, error=told), {}
        return Outcome(step=step, state=State.DONE, attempts=attempts), answer

    def _take_in(self, outcome: Outcome, answer: Answer) -> None:
        with self.changed:
            if outcome.state is State.DONE:
                self.answers[outcome.step.id] = answer
            for ended in self.board.end(outcome):
                self.tell(StepEnded(ended))
            self.changed.notify_all()


class _OneAtATime:
    """Gives events to a listener one at a time, whatever thread they come from."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Tell the listener. When it fails it hears no more: what is being made counts more than who watches."""
        with self._lock:
            try:
                self._listener(event)
            except Exception as error:
                self.nobody()
                _logger.warning("progress is shown no more: %s: %s", type(error).__name__, error)

    def nobody(self) -> None:
        """Tell nobody from now on."""
        self._listener = silent
