"""A child in our place, as a shell and a terminal see it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from ccoctl.cli.child import CommandError, InOurPlace

PLACED = """
import os, sys
from ccoctl.cli.child import InOurPlace
with InOurPlace() as place:
    code = place.run(sys.argv[1:], os.environ)
sys.exit(code)
"""
COUNTS = """
import os, signal
reading, writing = os.pipe()
os.set_blocking(writing, False)
signal.set_wakeup_fd(writing)  # a byte for each signal, however quickly they come
def interrupted(*_):
    os.kill(os.getppid(), signal.SIGUSR1)  # comes back after whatever the parent does about the interrupt
signal.signal(signal.SIGINT, interrupted)
signal.signal(signal.SIGUSR1, lambda *_: print("came back", flush=True))
print("ready", flush=True)
while input() != "end":
    pass
print(f"seen {os.read(reading, 100).count(signal.SIGINT)}", flush=True)
"""
SPAWN = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


def test_a_signal_before_the_child_is_there_ends_the_run_without_it() -> None:
    with InOurPlace() as place:
        signal.raise_signal(signal.SIGTERM)
        assert place.run([sys.executable, "-c", "raise SystemExit(5)"], {}) == 128 + signal.SIGTERM


def test_handlers_are_put_back_and_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        with InOurPlace():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != handlers[signal.SIGTERM]
        assert handlers == {number: signal.getsignal(number) for number in handlers}
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("/", 126), ("a\0b", 126)])
def test_what_cannot_be_started_is_told_as_a_shell_does(command: str, code: int) -> None:
    with InOurPlace() as place, pytest.raises(CommandError, match="cannot be run") as raised:
        place.run([command], {"PATH": "/nowhere"})

    assert raised.value.exit_code == code


def test_the_environment_is_the_given_one_alone() -> None:
    program = "import os; raise SystemExit(0 if 'HOME' not in os.environ and os.environ['A'] == 'b' else 1)"
    with InOurPlace() as place:
        assert place.run([sys.executable, "-c", program], {"A": "b"}) == 0


def test_ctrl_c_on_a_terminal_reaches_the_child_once() -> None:
    """The terminal tells both of us; a second signal would make many programs give up their cleaning up."""
    inner = [sys.executable, "-c", PLACED, sys.executable, "-c", COUNTS]
    command = [sys.executable, "-c", SPAWN, *inner]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as terminal:
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        said = []
        for line in terminal.stdout:
            said.append(line.strip())
            if said[-1] == "ready":
                terminal.stdin.write("\x03")
            elif said[-1].endswith("came back"):
                terminal.stdin.write("end\n")
            terminal.stdin.flush()
            if said[-1].startswith("seen"):
                break
        terminal.stdin.close()

    assert said[-1] == "seen 1"
    assert terminal.returncode == 0
