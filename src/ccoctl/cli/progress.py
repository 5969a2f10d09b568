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
from ccoctl.engine.plan import State, Step
from ccoctl.render.report import told

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


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


@contextmanager
def counting(stream: TextIO, what: str, total: int) -> Iterator[Callable[[], None]]:
    """While many equal things are done, several at a time: a bar for a person, a line at the start for a log."""
    if not is_terminal(stream):
        stream.write(f"{total} {what} are tried\n")
        stream.flush()
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream, highlight=False), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def words(event: Event) -> str:
    """An event as one line; empty for those that a log does without."""
    match event:
        case StepEnded(outcome) if outcome.state is State.DONE:
            return f"done: {outcome.step.summary}"
        case StepEnded(outcome) if outcome.state is State.FAILED:
            return f"failed: {outcome.step.summary}: {told(outcome)}"
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
    from rich.live import Live

    console = Console(file=stream, highlight=False)
    display = Display(console)
    with Live(display.frame, console=console, transient=True):
        yield display


class Display:
    """A line for each step that runs, a bar for the whole, and above them what is worth keeping."""

    def __init__(self, console: Console) -> None:
        """What is kept is printed on the console; showing `frame` on it is left to the caller."""
        from rich.console import Group
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        # names are long and a long line is cut at its end: what changes stands first, and keeps its place
        rest_of_the_line = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        summary = TextColumn("{task.description}", markup=False, table_column=rest_of_the_line)
        self._console = console
        self._running = Progress(SpinnerColumn(), TimeElapsedColumn(), summary, console=console, expand=True)
        self._whole = Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        self._lines: dict[str, TaskID] = {}
        self.frame = Group(self._running, self._whole)

    def __call__(self, event: Event) -> None:
        """Show the event."""
        match event:
            case PlanStarted(plan):
                self._whole.add_task("steps", total=len(plan.steps))
            case StepStarted(step):
                self._lines[step.id] = self._running.add_task(printable(step.summary), total=1)
            case StepWaiting(step, seen, deadline=deadline):
                self._say(step, f"{seen}, at most {deadline:.0f} s: {step.summary}")
            case StepRetried(step, reason=reason, delay=delay):
                self._say(step, f"{reason}, again in {delay:.1f} s: {step.summary}")
            case StepEnded(outcome):
                self._end(outcome.step)
                if outcome.state is not State.SKIPPED:
                    self._console.print(printable(words(event)), markup=False, soft_wrap=True)
            case PlanEnded():
                pass
            case _:
                assert_never(event)

    def _say(self, step: Step, line: str) -> None:
        self._running.update(self._lines[step.id], description=printable(line))

    def _end(self, step: Step) -> None:
        if step.id in self._lines:
            self._running.remove_task(self._lines.pop(step.id))
        for task in self._whole.task_ids:
            self._whole.advance(task)
