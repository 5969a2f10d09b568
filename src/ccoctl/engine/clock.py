"""Time as an argument: the real clock, and what a test puts in its place."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and pauses."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def pause(self, seconds: float, stop: threading.Event) -> None:
        """Wait that long, or until `stop` is set."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    def pause(self, seconds: float, stop: threading.Event) -> None:
        """Wait that long, or until `stop` is set."""
        stop.wait(seconds)
