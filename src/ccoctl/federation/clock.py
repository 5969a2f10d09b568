"""The time of day as an argument: tokens begin and end by it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and pauses."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def pause(self, seconds: float, woken: threading.Event) -> None:
        """Wait that long, or until `woken` is set."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()  # noqa: TID251 - this is the clock that everything else takes as an argument

    def pause(self, seconds: float, woken: threading.Event) -> None:
        """Wait that long, or until `woken` is set."""
        woken.wait(seconds)


def iso(seconds: float) -> str:
    """A time as ISO 8601 in UTC.

    Raises:
        ValueError, OverflowError, OSError: no calendar has it.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
