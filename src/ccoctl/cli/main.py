"""The command `ccoctl`: what texts made ahead answer is answered from them, everything else by click.

Whoever asks for help, or completes a word with TAB, waits for nothing but this module and what it imports: next to
nothing, on purpose. `ccoctl.cli.ahead` makes the texts, of what click would say.
"""

from __future__ import annotations

import gc
import os
import sys

from ccoctl.cli import completing, helping

TYPE_CHECKING = False  # importing typing would take longer than an answer
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code."""
    gc.set_threshold(50_000)  # a command makes and keeps much, and a look at all of it frees next to nothing
    code = run(sys.argv[1:] if argv is None else argv)
    if code == INTERRUPTED:
        os._exit(code)  # all was flushed; a call that hangs in another thread is not waited for
    gc.freeze()  # nor does the interpreter look through it twice more when it ends
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Run a command line: 0 done, 1 failed, 2 usage, 3 differences found, 130 interrupted."""
    asked = os.environ.get(completing.VARIABLE)
    answer = completing.answer(asked, os.environ) if asked else _script(argv) or helping.answer(argv)
    if answer is not None and sys.stdout is not None:
        return _said(answer)
    from ccoctl.cli import root

    return root.run(argv)


def _script(argv: Sequence[str]) -> str | None:
    """What shells load when they start."""
    return completing.script(argv[1]) if len(argv) == 2 and argv[0] == "completion" else None


def _said(answer: str | bytes) -> int:
    try:
        if isinstance(answer, bytes):  # for a shell, which takes no other line ends than these
            sys.stdout.buffer.write(answer)
        else:
            sys.stdout.write(answer)
        sys.stdout.flush()
    except OSError as error:
        from ccoctl.cli import root

        return root.unwritable(error)
    return 0
