"""Kills a command with SIGKILL at point after point, runs it again, and compares with a run that nobody disturbed.

    with closing(Killer()) as kill:
        killed = kill(Wanted("create-all", str(tmp_path), few=10))

The commands run in processes that are forked from one which has imported everything, so a point costs no start-up: see
`tripwire` for the points, `killing_world` for the processes, `killing_commands` for the commands.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.workflows.killing_commands import Scenario
    from tests.workflows.killing_world import World

_SHOWN = 60
"""Lines of a difference that are shown."""


@dataclass(frozen=True)
class Wanted:
    """Which points of a command are tried."""

    scenario: str
    folder: str
    few: int = 0
    """At most so many, spread over the whole command; 0 for all."""
    part: int = 0
    of: int = 1
    """One of so many equal parts of the points, from 0."""
    every: bool = False
    """At calls that only ask and files that are only read, too."""
    concurrency: int = 1
    """Steps that are done at a time; the order of the points is not the same in each run where there are several."""


@dataclass(frozen=True)
class Tried:
    """What came of it."""

    points: tuple[str, ...]
    """Where it was killed, in words."""
    problems: tuple[str, ...]
    """What was not as after an undisturbed run."""


class Killer:
    """A process that kills commands, from the first one that is wanted on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._temporary = TemporaryDirectory(prefix="ccoctl-killing-")

    def __call__(self, wanted: Wanted) -> Tried:
        """Kill a command at the points that are wanted.

        Raises:
            AssertionError: it does not even come to its end when nobody kills it.
        """
        try:
            told = self._asked(wanted)
        except BaseException:  # of a test that was given up, too: nobody may get the answer to another's question
            self._end()
            raise
        if "error" in told:
            raise AssertionError(told["error"])
        return Tried(points=tuple(told["points"]), problems=tuple(told["problems"]))

    def close(self) -> None:
        """End it and whatever it has begun, and leave nothing."""
        self._end()
        self._temporary.cleanup()

    def _end(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
        self._process = None

    def _asked(self, wanted: Wanted) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.workflows.killing"],
                cwd=Path(__file__).resolve().parent.parent.parent,
                env={**os.environ, "TMPDIR": self._temporary.name},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(wanted)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process that kills commands has ended; what it said is above"
        told: dict[str, Any] = json.loads(line)
        return told


def main() -> None:
    """Answer one line of JSON after the other."""
    from tests.workflows.killing_commands import REHEARSAL
    from tests.workflows.killing_host import account, warm_up
    from tests.workflows.killing_world import World, rehearse

    import_module("tests.workflows.killing_state")
    with TemporaryDirectory() as folder, account() as aws:
        warm_up(aws, lambda: rehearse(aws, Path(folder), REHEARSAL))
        for line in sys.stdin:
            wanted = Wanted(**json.loads(line))
            told = elsewhere(lambda wanted=wanted: asdict(_tried(wanted, World(aws, Path(wanted.folder)))))  # type: ignore[misc]  # mypy infers no type for a lambda's default
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


def elsewhere(task: Callable[[], Any]) -> Any:
    """What a task gives in a child of this process, whose state stays as it is; or the error that it ended with."""
    there, back = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.close(there)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(2, 1)
            try:
                told = task()
            except BaseException:
                told = {"error": traceback.format_exc()}
            with os.fdopen(back, "w") as file:
                json.dump(told, file)
        finally:
            os._exit(0)
    os.close(back)
    with os.fdopen(there) as file:
        answer = file.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def _tried(wanted: Wanted, world: World) -> Tried:
    """Every chosen point of a command, each from the same beginning."""
    from tests.workflows.killing_commands import SCENARIOS

    scenario = SCENARIOS[wanted.scenario]
    for folder in (world.out, world.folder / "begun"):
        folder.mkdir(parents=True)
    scenario.prepare(world)
    shutil.copytree(world.out, world.folder / "begun", dirs_exist_ok=True)
    trial = _Trial(world, scenario, wanted)
    whole = _checked(elsewhere(trial.undisturbed))
    passed, expected = whole["passed"], whole["state"]
    chosen = _chosen(len(passed), wanted)
    problems: list[str] = []
    for point in chosen:
        found = _checked(elsewhere(lambda point=point: trial.killed(point, expected)))["problems"]  # type: ignore[misc]  # mypy infers no type for a lambda's default
        problems += [f"killed at point {point}, {passed[point]}: {problem}" for problem in found]
    return Tried(points=tuple(passed[point] for point in chosen), problems=tuple(problems))


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    if "error" in told:
        raise AssertionError(told["error"])
    return told


def _chosen(points: int, wanted: Wanted) -> Sequence[int]:
    """The last point is always one of a few: what comes after it is nothing."""
    if wanted.few and points > wanted.few:
        return sorted({round(number * (points - 1) / (wanted.few - 1)) for number in range(wanted.few)})
    return range(wanted.part, points, wanted.of)


@dataclass(frozen=True)
class _Trial:
    """One command in a world that stays as it is: each method is called in a process of its own."""

    world: World
    scenario: Scenario
    wanted: Wanted

    @property
    def command(self) -> tuple[str, ...]:
        is_parallel = self.scenario.command[1] != "create-key-pair"
        return (*self.scenario.command, *(("--concurrency", str(self.wanted.concurrency)) if is_parallel else ()))

    def undisturbed(self) -> dict[str, Any]:
        """What the command leaves, and the points that it passes."""
        from tests.workflows.killing_state import private_keys, published, state

        self._begin()
        (ended,) = self.world.run(self.command, every=self.wanted.every)
        assert ended.code == 0, ended.told
        held = state(self.world)
        assert published(self.world) <= {*private_keys(self.world).values(), *self._keys_of_the_cluster()}, held
        return {"passed": json.loads(self.world.events.read_text()), "state": held}

    def killed(self, point: int, expected: str) -> dict[str, Any]:
        """What is wrong when the command was killed at a point and run again."""
        from tests.workflows.killing_state import private_keys, published, state

        kept: list[dict[str, str]] = []
        seen: list[set[str]] = []

        def look(world: World) -> None:
            kept.append(private_keys(world))
            seen.append(published(world))

        self._begin()
        first, second = self.world.run(self.command, look, self.command, trip=point, every=self.wanted.every)
        problems = []
        if first.code is not None and (first.code or self.wanted.concurrency == 1):
            problems.append(f"it was not killed, and ended with {first.code}: {first.told}")
        if second.code != 0:
            problems.append(f"run again, it ended with {second.code}: {second.told}")
        keys, served = private_keys(self.world), published(self.world)
        problems += [f"the private key in {path} is lost" for path in kept[0] if keys.get(path) != kept[0][path]]
        if not self.scenario.takes_down and (lost := seen[0] - served):
            problems.append(f"keys are not published any more: {lost}")
        if strangers := served - {*keys.values(), *self._keys_of_the_cluster()}:
            problems.append(f"nobody has the private keys of what is published: {strangers}")
        if (found := state(self.world)) != expected:
            problems.append("it is not as after one run:\n" + _difference(expected, found))
        return {"problems": problems}

    def _begin(self) -> None:
        from tests.workflows.killing_host import clock

        clock.begin(clock())
        shutil.rmtree(self.world.out)
        shutil.copytree(self.world.folder / "begun", self.world.out)

    def _keys_of_the_cluster(self) -> set[str]:
        from ccoctl.signing.jwk import kid

        server = self.world.cluster
        return set() if server is None else {str(kid(key.public_key())) for key in server.keys}


def _difference(expected: str, found: str) -> str:
    lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "undisturbed", "killed", n=2, lineterm="")
    return "\n".join(list(lines)[:_SHOWN])


if __name__ == "__main__":
    main()
