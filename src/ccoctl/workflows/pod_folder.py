"""A private temporary directory that goes with its process, even where that is killed by SIGKILL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ccoctl.unfinished import is_dead, keep

_WATCHER = """\
import shutil, sys
sys.stdin.buffer.read()
for _ in range(20):  # whoever writes into it may not have ended yet
    shutil.rmtree(sys.argv[1], ignore_errors=True)
"""
"""Reads until its input ends, as it does with whoever holds the other end, and then removes the directory."""


@contextmanager
def passing_folder(prefix: str) -> Iterator[Path]:
    """A directory of mode 0700 that is removed after the block, or when this process is no more.

    Where even the process that watches over it was killed, the next directory of that prefix is made in its place.

    Raises:
        OSError: it cannot be made.
    """
    _sweep(prefix)
    folder, kept = _begun(prefix)
    try:
        with _watched(folder):
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        if kept is not None:
            os.close(kept)


def _begun(prefix: str) -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        kept = _opened(folder)
        if kept is None or keep(folder, kept):
            return folder, kept
        os.close(kept)


def _opened(folder: Path) -> int | None:
    """The directory itself, to be locked; None where it is none, or the system opens no directories (Windows)."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (AttributeError, OSError):
        return None


def _sweep(prefix: str) -> None:
    """Remove the directories of dead processes; others cannot put anything in their place, since they are ours."""
    place, named = Path(tempfile.gettempdir()), re.compile(re.escape(prefix) + r"[a-z0-9_]{8}")  # as mkdtemp does
    for name in os.listdir(place):  # noqa: PTH208 - names are enough, and there may be many
        if named.fullmatch(name) and (descriptor := _opened(place / name)) is not None:
            with suppress(OSError):
                if is_dead(descriptor):
                    shutil.rmtree(place / name, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """A small process removes the directory when we are killed; it is in no group that is killed with us."""
    command = [sys.executable, "-I", "-S", "-c", _WATCHER, str(folder)]
    try:
        watcher = subprocess.Popen(  # noqa: S603 - our own interpreter and program # nosec B603
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:  # no more processes: all other ends than a SIGKILL are seen to
        yield
        return
    with watcher:
        try:
            yield
        finally:
            watcher.kill()


__all__ = ["passing_folder"]
