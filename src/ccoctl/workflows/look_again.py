"""Looking again at what was done a moment ago: IAM does not show it everywhere at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ccoctl.engine.attempt import Attempts

_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two looks."""

T = TypeVar("T")


def look_again(look: Callable[[], T], is_good: Callable[[T], bool], attempts: Attempts | None = None) -> T:
    """Look until what is seen is good, a quarter of a minute long; what was seen last, good or not."""
    how = attempts or Attempts()
    for pause in _PAUSES:
        seen = look()
        if is_good(seen) or how.stop.is_set():
            return seen
        how.clock.pause(pause, how.stop)
    return look()


__all__ = ["look_again"]
