"""Interrupted at any moment: exit code 130, a sentence, no half-written file, and the same command goes on.

Ctrl-C (SIGINT), a stop (SIGTERM) and a terminal that is gone (SIGHUP), while our process asks, changes and writes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.conftest import Count
from tests.workflows.commands import Cli
from tests.workflows.every_command import ROWS, Names, Stage, staged, tree, with_flags

pytestmark = pytest.mark.harness

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
LONG_ONES: tuple[Names, ...] = (
    ("aws", "create-all"),
    ("aws", "delete"),
    ("aws", "verify"),
    ("aws", "rotate-signing-key"),
    ("aws", "upgrade", "prepare"),
    ("aws", "migrate-to-private-bucket"),
    ("cluster", "verify"),
)
long = pytest.mark.long


@pytest.fixture(scope="module")
def slow_aws() -> Iterator[EmbeddedAws]:
    """Each call takes a moment, so that there is one to interrupt."""
    with embedded_aws(Conditions(latency=0.1)) as aws:
        yield aws


def interrupted(aws: EmbeddedAws, line: list[str], after: int, number: signal.Signals) -> tuple[int, str]:
    """Run a process, signal it once AWS was asked so many things, and give its code and what it said."""
    before, environment = len(aws.calls()), {**os.environ, **aws.environment()}
    pause = threading.Event()
    with subprocess.Popen(
        [sys.executable, "-m", "ccoctl", *line],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        while len(aws.calls()) - before < after and child.poll() is None:
            pause.wait(0.01)
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
    return child.returncode, err


def ended_well(aws: EmbeddedAws, stage: Stage, names: Names, after: int, number: signal.Signals) -> bool:
    """One interruption and what comes after it; False when the command was done before it came."""
    line = with_flags(names, ROWS[names].arguments(stage))
    code, err = interrupted(aws, line, after, number)
    assert "Traceback" not in err, err
    assert "bug of ccoctl" not in err, err
    if code == ROWS[names].code:
        return False
    assert code == INTERRUPTED, err
    assert "stop" in err or "interrupted" in err, err
    for name, content in tree(stage.root).items():
        assert ".ccoctl-" not in name
        assert "-----BEGIN" not in content or "-----END" in content, name
    code = run(line)
    assert code == ROWS[names].code
    return True


@pytest.fixture
def administrator(slow_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    for name, value in slow_aws.environment().items():
        monkeypatch.setenv(name, value)
    slow_aws.reset()
    return slow_aws


@pytest.mark.parametrize(("number", "after"), [(signal.SIGINT, 9), (signal.SIGTERM, 14), (signal.SIGHUP, 2)], ids=str)
def test_a_creation_is_gone_on_with(
    administrator: EmbeddedAws, key_pair: Path, tmp_path: Path, number: signal.Signals, after: int, count: Count
) -> None:
    names = ("aws", "create-all")
    with staged(administrator, key_pair, tmp_path, ROWS[names]) as stage:
        assert ended_well(administrator, stage, names, after, number)
    count(1, "moments at which a command was interrupted")


@long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", ENDING, ids=str)
@pytest.mark.parametrize("names", LONG_ONES, ids=" ".join)
def test_whatever_runs_is_gone_on_with(
    administrator: EmbeddedAws, key_pair: Path, tmp_path: Path, names: Names, number: signal.Signals, count: Count
) -> None:
    tried = 0
    for after in (1, 4, 8, 13, 19, 26):
        administrator.reset()
        root = tmp_path / str(after)
        root.mkdir()
        with staged(administrator, key_pair, root, ROWS[names]) as stage:
            if not ended_well(administrator, stage, names, after, number):
                break
        tried += 1
    assert tried
    count(tried, "moments at which a command was interrupted")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=long)], ids=str)
def test_a_call_that_hangs_is_not_waited_for(
    cli: Cli, number: signal.Signals, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    """A proxy that says nothing holds every call for ten seconds; whoever interrupts is free at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in cli.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        line = [sys.executable, "-m", "ccoctl", "aws", "delete", "--name", "demo", "--region", "us-east-1", "--yes"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            held = silent.accept()[0]  # a call is under way, and nobody answers it
            child.send_signal(number)
            _, err = child.communicate(timeout=60)
            held.close()

    assert child.returncode == INTERRUPTED
    assert err.count("interrupted") == 1
    assert "Traceback" not in err
    count(1, "moments at which a command was interrupted")


@pytest.mark.parametrize("after", [9, pytest.param(2, marks=long), pytest.param(14, marks=long)])
def test_a_terminal_that_is_gone_ends_it_as_ctrl_c_does(
    administrator: EmbeddedAws, key_pair: Path, tmp_path: Path, after: int, count: Count
) -> None:
    """Nothing can be said any more, which must not be another error."""
    names, pause = ("aws", "create-all"), threading.Event()
    with staged(administrator, key_pair, tmp_path, ROWS[names]) as stage:
        line = with_flags(names, ROWS[names].arguments(stage))
        ours, theirs = os.openpty()
        program = (
            "import fcntl, sys, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            f"from ccoctl.cli.main import main\nmain({line!r})\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        ) as child:
            os.close(theirs)
            while len(administrator.calls()) < after:
                pause.wait(0.01)
            os.close(ours)
            assert child.wait(60) == INTERRUPTED
        assert not list(stage.root.rglob(".ccoctl-*"))
        assert run(line) == ROWS[names].code
    count(1, "moments at which a command was interrupted")


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As under nohup: the terminal may go, and the command goes on."""
    program = (
        "import signal, os, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from ccoctl.cli import root\n"
        f"code = root.run(['aws', 'create-key-pair', '--key-bits', '2048', '--output-dir', {str(tmp_path)!r}])\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0
