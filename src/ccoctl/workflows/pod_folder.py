"""A private temporary directory that goes with its process, even where that is killed by SIGKILL."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    Raises:
        OSError: it cannot be made.
    """
    name = tempfile.mkdtemp(prefix=prefix)
    with _watched(name):
        try:
            yield Path(name)
        finally:
            shutil.rmtree(name, ignore_errors=True)


@contextmanager
def _watched(name: str) -> Iterator[None]:
    """A small process removes the directory when we are killed; it is in no group that is killed with us."""
    command = [sys.executable, "-I", "-S", "-c", _WATCHER, name]
    try:
        watcher = subprocess.Popen(  # noqa: S603 - our own interpreter and program
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
