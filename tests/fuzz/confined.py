"""Commands of ours, one after the other, in a process that may not grow, hang or write where it should not.

As a program it answers lines of JSON: a command line and the directory that it may write to, and what came of it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any

from tests.peak import peak

MAX_SPACE = 1024**3
"""Bytes of address space that the process gets; more ends in a MemoryError."""
MAX_SECONDS = 20
"""Seconds of processor time after which a command is killed."""
BUG = 70
"""The exit code of what ended in an error that is none of ours."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_TOUCHING = frozenset(
    {
        *("os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod", "os.chown"),
        *("os.truncate", "os.utime", "os.setxattr", "shutil.move", "shutil.copyfile", "os.mkfifo", "os.mknod"),
    }
)
_RUNNING = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command ended with."""

    code: int
    out: str
    err: str
    seconds: float
    """Of processor time."""
    peak: int
    """The most bytes of memory that the process has ever had."""
    inside: int
    """How often something was written, made, renamed or removed in the directory that is the command's own."""
    outside: list[str]
    """The same elsewhere, and programs that were started: there should be none."""


@dataclass(slots=True)
class Watch:
    """Sees, as an audit hook, what is written while a command runs."""

    own: Path | None = None
    inside: int = 0
    outside: list[str] = field(default_factory=list)

    def begin(self, own: Path | None) -> None:
        """Watch on behalf of a command that may write to one directory; None to stop."""
        self.own, self.inside, self.outside = own, 0, []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An event of the interpreter."""
        if self.own is None:
            return
        if event in _RUNNING:
            self.outside.append(f"{event} {arguments[0]!r}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._touched(event, path)
        elif event in _TOUCHING:
            for path in arguments[: 2 if event in {"os.rename", "os.link"} else 1]:
                self._touched(event, path)

    def _touched(self, event: str, path: object) -> None:
        if isinstance(path, int):  # a descriptor: what it is of was opened, and seen then
            return
        whole = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type] # a path in one of its forms
        if self.own is not None and Path(whole).is_relative_to(self.own):
            self.inside += 1
        else:
            self.outside.append(f"{event} {whole!a}")


def perform(command: Callable[[], int], own: Path, watch: Watch) -> Told:
    """Run something that may write to one directory."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", errors="strict", write_through=True) for _ in range(2))
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    before = time.process_time()
    with redirect_stdout(out), redirect_stderr(err):
        watch.begin(own)
        try:
            code = command()
        except Exception as error:
            code = BUG
            sys.stderr.write(f"{type(error).__name__}: {error!a}")
        finally:
            inside, outside = watch.inside, watch.outside
            watch.begin(None)
    seconds = time.process_time() - before
    signal.setitimer(signal.ITIMER_PROF, 0)
    return Told(
        code=code,
        out=out.buffer.getvalue().decode(),
        err=err.buffer.getvalue().decode(),
        seconds=seconds,
        peak=peak(),
        inside=inside,
        outside=outside,
    )


def main() -> None:
    """Answer lines until there are no more."""
    from ccoctl.cli.main import run
    from tests.fuzz import elsewhere

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    resource.setrlimit(resource.RLIMIT_AS, (MAX_SPACE, MAX_SPACE))
    watch = Watch()
    sys.addaudithook(watch)
    for line in sys.stdin:
        asked = json.loads(line)
        own, argv = Path(os.path.realpath(asked["own"])), asked["argv"]
        other = elsewhere.COMMANDS.get(argv[0])
        told = perform(partial(other, argv[1]) if other else partial(run, argv), own, watch)
        answers.write(json.dumps(asdict(told)) + "\n")
        answers.flush()


@dataclass(frozen=True, slots=True)
class Confined:
    """The process, as its parent talks to it."""

    process: subprocess.Popen[str]

    def __call__(self, own: Path, *argv: str) -> Told:
        """Run `ccoctl` with these arguments; it may write to `own` and nowhere else.

        Raises:
            AssertionError: it died of it.
        """
        asked, answered = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answered is not None
        _say(asked, {"own": str(own), "argv": argv})
        line = answered.readline()
        assert line, f"the process died of {argv}: {self.process.wait()}"
        return Told(**json.loads(line))


def _say(stream: IO[str], value: object) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()


@contextmanager
def confined(root: Path, cwd: Path, environment: Mapping[str, str]) -> Iterator[Confined]:
    """A process whose working directory is `cwd`; `root` is the checkout."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    variables["PYTHONPATH"] = f"{root / 'src'}{os.pathsep}{root}"
    command = [sys.executable, "-m", "tests.fuzz.confined"]
    with subprocess.Popen(
        command, cwd=cwd, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Confined(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()


if __name__ == "__main__":
    main()
