"""A child process in our place: it gets our signals, and its exit code is ours."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Self

from ccoctl.errors import CcoctlError

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
_FORWARDED = tuple(number for name in _NAMES if isinstance(number := getattr(signal, name, None), signal.Signals))
"""Those of them that the system has."""
_FROM_TERMINAL = frozenset({"SIGINT", "SIGQUIT", "SIGWINCH"})
"""What a terminal sends to all processes in its foreground: the child has it already."""
NOT_FOUND = 127
CANNOT_RUN = 126
"""As shells say it (POSIX, Shell Command Language, 2.8.2)."""


class CommandError(CcoctlError):
    """The command cannot be run; exit code 126 or 127, as a shell's."""

    def __init__(self, what: str, *, exit_code: int, remedy: str) -> None:
        """`exit_code` is what a shell would end with."""
        super().__init__(what, remedy=remedy)
        self.exit_code = exit_code


class InOurPlace:
    """From the beginning of its block on signals are the child's business; none ends us before we have cleaned up."""

    def __init__(self) -> None:
        """Nothing is changed before the block begins."""
        self._before: dict[signal.Signals, object] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []

    def __enter__(self) -> Self:
        """Catch signals; those that are ignored stay so, as under nohup."""
        for number in _FORWARDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Signals are ours again."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what getsignal gave

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a command to its end: its exit code, 128 and the signal's number where one ended it.

        Raises:
            CommandError: it cannot be started.
        """
        ended = next((number for number in self._waiting if number != getattr(signal, "SIGWINCH", None)), None)
        if ended is not None:
            return 128 + ended
        try:
            # descriptors that we were given are the child's, too; ours are not inherited
            child = subprocess.Popen(list(command), env=dict(environment), close_fds=False)  # noqa: S603 - the user's own # nosec
        except FileNotFoundError:
            raise _refused(
                command[0], "there is no such command, or not the interpreter that it names", NOT_FOUND
            ) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise _refused(command[0], reason, CANNOT_RUN) from None
        self._child = child
        while self._waiting:
            self._forward(child, self._waiting.pop(0))
        code = child.wait()
        return 128 - code if code < 0 else code

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._waiting.append(number)
        else:
            self._forward(self._child, number)

    def _forward(self, child: subprocess.Popen[bytes], number: int) -> None:
        if not (signal.Signals(number).name in _FROM_TERMINAL and _is_in_foreground()):
            child.send_signal(number)


def _is_in_foreground() -> bool:
    """True when our group is the one that the terminal sends its signals to."""
    if not hasattr(os, "tcgetpgrp"):
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _refused(command: str, reason: str, code: int) -> CommandError:
    what = f"The command {command[:200]!a} cannot be run: {reason}"
    return CommandError(what, exit_code=code, remedy="Check its name, PATH and whether it may be executed.")
