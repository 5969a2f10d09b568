"""An account, a cluster and an output directory that a process can fork: where a command is killed and run again.

All of it is one process, which has no threads but while it serves. So forking it is how its state is kept: each point
at which a command is killed begins from the same state, and costs no set-up. Time moves only by waiting.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws
from tests.openshift.apiserver import ApiServer, serving
from tests.workflows.commands import write_requests
from tests.workflows.killing_host import make_keys_from, servers
from tests.workflows.tripwire import Tripwire

_ENDING = 10.0
"""Seconds for a thread of a server to end, whose connections are closed."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int | None
    """None where it was killed."""
    told: str


Step = Sequence[str] | Callable[["World"], object]
"""A command line without `ccoctl`, or what is done between commands in the process of the world."""


@dataclass
class World:
    """All of it. Nothing but `folder` is seen by the commands."""

    aws: EmbeddedAws
    folder: Path
    cluster: ApiServer | None = None
    processes: int = 0
    """How many commands were run so far: each makes other keys."""

    @property
    def out(self) -> Path:
        """The output directory of every command."""
        return self.folder / "out"

    @property
    def kubeconfig(self) -> Path:
        """Leads to the cluster, where one is served."""
        return self.folder / "kubeconfig"

    @property
    def events(self) -> Path:
        """What the last command that came to its end passed."""
        return self.folder / "events"

    def run(self, *steps: Step, trip: int | None = None, every: bool = False) -> list[Ended]:
        """Do all steps, one after the other; the first command is killed when it comes to its point `trip`."""
        children = {
            place: self._child(step, Tripwire(trip if place == 0 else None, self.out, every=every))
            for place, step in enumerate(steps)
            if not callable(step)
        }
        ended = []
        with self._served():
            for place, step in enumerate(steps):
                if callable(step):
                    step(self)
                else:
                    ended.append(children[place].ended())
        return ended

    def _child(self, argv: Sequence[str], tripwire: Tripwire) -> _Child:
        self.processes += 1
        return _Child(self, argv, tripwire)

    def done(self, *steps: Step) -> None:
        """Do all steps, each of which has to succeed."""
        for ended in self.run(*steps):
            if ended.code != 0:
                raise AssertionError(f"a command of the set-up ended with {ended.code}: {ended.told}")

    @contextmanager
    def _served(self) -> Iterator[None]:
        with ExitStack() as running:
            for server in servers:
                server.begin()
                running.callback(server.close)
            if self.cluster is not None:
                running.enter_context(serving(self.cluster, self.kubeconfig))
            yield
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(_ENDING)
        assert threading.active_count() == 1, threading.enumerate()


class _Child:
    """A process of a command, which begins when it is told to."""

    def __init__(self, world: World, argv: Sequence[str], tripwire: Tripwire) -> None:
        self._told = world.folder / f"told-{world.processes}"
        go, self._go = os.pipe()
        if (child := os.fork()) == 0:
            os.close(self._go)
            _be_a_command(world, argv, go, self._told, tripwire)
        os.close(go)
        self._pid = child

    def ended(self) -> Ended:
        os.write(self._go, b"!")
        os.close(self._go)
        _, status = os.waitpid(self._pid, 0)
        told = self._told.read_text(errors="replace") if self._told.exists() else ""
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, told
            return Ended(None, told)
        return Ended(os.WEXITSTATUS(status), told)


def _be_a_command(world: World, argv: Sequence[str], go: int, told: Path, tripwire: Tripwire) -> NoReturn:
    """In a child: wait, run, and end without coming back."""
    code = 70
    try:
        if not os.read(go, 1):
            os._exit(0)
        descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115 - they end with the process
        os.chdir(world.folder)
        make_keys_from(world.processes)  # another process makes other keys
        with tripwire:
            code = run(argv)
        world.events.write_text(json.dumps(tripwire.passed))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def rehearse(aws: EmbeddedAws, folder: Path, commands: Sequence[Sequence[str]]) -> None:
    """Run commands in this process itself."""

    def play(world: World) -> None:
        write_requests(world.folder / "requests", "openshift-ingress/cloud")
        before = Path.cwd()
        os.chdir(world.folder)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as told:
            for argv in commands:
                assert run([*argv, "--concurrency", "1"]) == 0, told.getvalue()
        os.chdir(before)

    World(aws, folder).run(play)
