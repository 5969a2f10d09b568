"""Progress on stderr: a live display for a person, plain lines for a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, assert_never

from ccoctl.cli.output import is_terminal, printable
from ccoctl.engine.events import (
    Event,
    Listener,
    PlanEnded,
    PlanStarted,
    StepEnded,
    StepRetried,
    StepStarted,
    StepWaiting,
)
from ccoctl.engine.plan import State

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def progress(stream: TextIO) -> Iterator[Listener]:
    """The listener that suits the stream."""
    if is_terminal(stream):
        with _live(stream) as listener:
            yield listener
    else:
        yield Lines(stream)


@contextmanager
def looking(stream: TextIO) -> Iterator[Callable[[str], None]]:
    """While the account is looked at: a spinner for a person, nothing for a log; both are told what takes longer."""

    def tell(sentence: str) -> None:
        stream.write(printable(sentence) + "\n")
        stream.flush()

    if not is_terminal(stream):
        yield tell
        return
    from rich.console import Console

    console = Console(file=stream, highlight=False)
    with console.status("looking at the account"):
        yield lambda sentence: console.print(printable(sentence), markup=False)


def words(event: Event) -> str:
    """An event as one line; empty for those that a log does without."""
    match event:
        case StepEnded(outcome) if outcome.state is State.DONE:
            return f"done: {outcome.step.summary}"
        case StepEnded(outcome) if outcome.state is State.FAILED:
            return f"failed: {outcome.step.summary}: {outcome.error}"
        case StepEnded(outcome):
            return f"not done: {outcome.step.summary}"
        case StepWaiting(step, seen, elapsed, deadline):
            return f"waiting: {step.summary} ({seen}, {elapsed:.0f} of at most {deadline:.0f} s)"
        case StepRetried(step, attempt, delay, reason):
            return f"again in {delay:.1f} s: {step.summary} (attempt {attempt}: {reason})"
        case PlanStarted() | StepStarted() | PlanEnded():
            return ""
        case _:
            assert_never(event)


class Lines:
    """Writes a line for each event that a log should have."""

    def __init__(self, stream: TextIO) -> None:
        """Lines go to the stream as they come."""
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event."""
        if line := words(event):
            self._stream.write(printable(line) + "\n")
            self._stream.flush()


@contextmanager
def _live(stream: TextIO) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(file=stream, stderr=False, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as display:
        yield Live(display)


class Live:
    """A bar for the whole, a line for each step that runs, and what is worth keeping above them."""

    def __init__(self, display: Progress) -> None:
        """The display is started and stopped by whoever made it."""
        self._display = display
        self._whole: TaskID | None = None
        self._running: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Show the event."""
        match event:
            case PlanStarted(plan):
                self._whole = self._display.add_task("steps", total=len(plan.steps))
            case StepStarted(step):
                self._running[step.id] = self._display.add_task(printable(step.summary), total=1)
            case StepWaiting(step) | StepRetried(step):
                self._display.update(self._running[step.id], description=printable(words(event)))
            case StepEnded(outcome):
                self._end(event, outcome.step.id, kept=outcome.state is not State.SKIPPED)
            case PlanEnded():
                pass

    def _end(self, event: Event, step: str, *, kept: bool) -> None:
        task = self._running.pop(step, None)
        if task is not None:
            self._display.remove_task(task)
        if self._whole is not None:
            self._display.advance(self._whole)
        if kept:
            self._display.console.print(printable(words(event)), markup=False, highlight=False)
