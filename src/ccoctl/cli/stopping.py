"""Ctrl-C, SIGTERM and SIGHUP while a plan is carried out: start nothing new, let running calls end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ccoctl.cli import ending, output
from ccoctl.engine.attempt import Attempts


@contextmanager
def stoppable() -> Iterator[Attempts]:
    """How calls are repeated, with a stop that the first signal sets; the second one interrupts at once."""
    attempts = Attempts()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if attempts.stop.is_set():
            raise KeyboardInterrupt
        attempts.stop.set()
        output.note("stopping: what runs is let end, nothing new is started")

    before = ending.catch(stop)
    try:
        yield attempts
    finally:
        ending.restore(before)
