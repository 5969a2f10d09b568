"""Ends a process with SIGKILL at its n-th call, before or after it, or at its n-th touch of a file, in its middle.

A call before it is sent, a call that was answered but not heard, a file about to be opened, half written, not yet safe
on the disk, without its name: what a process can be in the middle of when the power goes.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from ccoctl import unfinished
from ccoctl.aws.client import AwsCloud
from ccoctl.engine.call import Answer, Call
from ccoctl.federation.https import Fetched, HttpsGet
from ccoctl.lab.operations import is_changing
from ccoctl.openshift.cluster import KubeCluster

_ASKING = ("Get", "List", "LookFor", "Review", "RequestToken", "CreateToken")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ON_A_PATH = frozenset(
    {
        *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
        *("os.truncate", "os.utime", "os.setxattr"),
    }
)
"""Audit events of CPython that change a file or directory, each with a path or descriptor first."""


def changes_something(call: Call) -> bool:
    """True for a call that changes the account or the cluster."""
    if call.service == "kubernetes":
        return not call.operation.startswith(_ASKING)
    return call.service not in {"tls", "issuer", "token", "sts"} and is_changing(call.operation)


class Tripwire:
    """While its block runs, the process passes points, and dies at the one that was chosen."""

    def __init__(self, point: int | None, folder: Path, *, every: bool = False) -> None:
        """Nothing is watched yet.

        Args:
            point: from 0; None to let the process live.
            folder: what is outside of it is nobody's business.
            every: count what only asks and reads, too.
        """
        self.passed: list[str] = []
        """What the points were, in words."""
        self._point = point
        self._folder = str(folder.resolve())
        self._every = every
        self._lock = threading.RLock()
        self._inside = threading.local()
        self._armed = False

    def __enter__(self) -> Self:
        """Watch. There is no way back: hooks stay as long as the process, and it is made for this one command."""
        sys.addaudithook(self._audit)
        for kind in (AwsCloud, KubeCluster):
            self._watch_calls(kind)
        self._watch_fetches()
        self._watch_writes()
        self._armed = True
        return self

    def __exit__(self, *_: object) -> None:
        """Let live."""
        self._armed = False

    def _pass(self, what: str, *, changing: bool, halfway: Callable[[], object] = lambda: None) -> None:
        if not self._armed or not (changing or self._every):
            return
        with self._lock:
            if self._point == len(self.passed):
                halfway()
                os.kill(os.getpid(), signal.SIGKILL)
            self.passed.append(what)

    # calls

    def _watch_calls(self, kind: Any) -> None:
        perform = kind.perform

        def watched(cloud: Any, call: Call) -> Answer:
            changing = changes_something(call)
            self._pass(f"before {call.name}", changing=changing)
            answer: Answer = perform(cloud, call)
            self._pass(f"after {call.name}", changing=changing)
            return answer

        kind.perform = watched

    def _watch_fetches(self) -> None:
        fetch = HttpsGet.__call__

        def watched(get: HttpsGet, url: str, limit: int) -> Fetched:
            self._pass(f"before {url}", changing=False)
            return fetch(get, url, limit)

        watching: Any = HttpsGet
        watching.__call__ = watched

    # files

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed or getattr(self._inside, "yes", False):
            return
        if event != "open" and event not in _ON_A_PATH:
            return
        self._inside.yes = True
        try:
            path = self._ours(arguments[0])
            if path is not None:
                changing = event != "open" or bool((arguments[2] or 0) & _WRITING)
                self._pass(f"{event} {path}", changing=changing)
        finally:
            self._inside.yes = False

    def _watch_writes(self) -> None:
        """What raises no audit event: writing, and waiting for the disk."""
        sync, write, opened = os.fsync, os.write, builtins.open

        def watched_sync(descriptor: int) -> None:
            if (path := self._ours(descriptor)) is not None:
                self._pass(f"fsync {path}", changing=True)
            sync(descriptor)

        def watched_write(descriptor: int, data: bytes) -> int:
            if (path := self._ours(descriptor)) is not None:
                half = bytes(data)[: len(data) // 2]
                self._pass(f"write {path}", changing=True, halfway=lambda: write(descriptor, half))
            return write(descriptor, data)

        class Watched(io.BufferedWriter):
            def write(self, data: Any) -> int:
                self.flush()
                return watched_write(self.fileno(), data)

        def watched_open(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            if mode != "wb":
                return opened(file, mode, *arguments, **named)
            raw: Any = opened(file, mode, 0, **named)
            return Watched(raw)

        os.fsync, os.write = watched_sync, watched_write  # type: ignore[assignment] # the process is made for this
        unfinished.open = watched_open  # type: ignore[attr-defined] # before the builtin, for that module

    def _ours(self, place: object) -> str | None:
        """A path below the folder, without what is random in it; None for any other."""
        try:
            path = str(Path(f"/proc/self/fd/{place}").readlink()) if isinstance(place, int) else os.fspath(place)  # type: ignore[call-overload]  # else TypeError
        except (OSError, TypeError):
            return None
        path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - it must not touch the file
        if path != self._folder and not path.startswith(self._folder + os.sep):
            return None
        relative = os.path.relpath(path, self._folder)
        return "a temporary file" if Path(relative).suffix == ".tmp" else relative
