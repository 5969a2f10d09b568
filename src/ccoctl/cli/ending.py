"""The signals that end a command: Ctrl-C, a stop, and a terminal that is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_ENDING = tuple(number for name in _NAMES if isinstance(number := getattr(signal, name, None), signal.Signals))
"""Those of them that the system has."""

Handler = Callable[[int, FrameType | None], None]


def catch(handler: Handler) -> dict[signal.Signals, object]:
    """Have each of them handled, and give the handlers before; what is ignored stays so, as under nohup."""

    def handle(number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            _mute()
        handler(number, frame)

    caught = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handle) for number in caught}


def _mute() -> None:
    """A terminal that is gone takes no word any more: what is still said to it goes nowhere, and is no error."""
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def restore(before: dict[signal.Signals, object]) -> None:
    """Have them handled as before."""
    for number, handler in before.items():
        signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave


__all__ = ["catch", "restore"]
