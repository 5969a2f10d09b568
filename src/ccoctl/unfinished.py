"""Files that are being written, under names that nobody asks for, and what a killed run left of them.

Whoever writes one keeps it locked until it has its own name, and a lock ends with its process, however that ends. So a
file with such a name that can be locked is nobody's any more. Where the system has no such locks (Windows), nothing is
swept. The same holds for a directory that is to go with its process.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment] # there it is looked at before each use

_BEGINNING = ".ccoctl-"
_NAME = rf"{re.escape(_BEGINNING)}[0-9a-f]{{16}}\.tmp"
_FLAGS: int = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def beside(path: Path, data: bytes, mode: int, *, durable: bool = True) -> Iterator[Path]:
    """A file with the data in the same directory; after the block it has another name or is gone.

    What is `durable` is safely on the disk before it gets its name.

    Raises:
        OSError: it cannot be written.
    """
    temporary, descriptor = _begun(path.parent, mode)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib opens no descriptors
            if hasattr(os, "fchmod"):  # Windows has it since Python 3.13 only
                os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
            if fcntl is not None:  # elsewhere an open file cannot be given a name
                yield temporary
        if fcntl is None:
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def sweep(*directories: Path) -> None:
    """Remove what killed runs left unfinished in these directories, and nothing that another process is writing.

    Only regular files of our own user that are named as ours are; a link is not followed. What cannot be removed stays.
    """
    if fcntl is None:
        return
    for directory in directories:
        with suppress(OSError):
            for name in os.listdir(directory):  # noqa: PTH208 - names are enough, and there may be many
                if name.startswith(_BEGINNING) and re.fullmatch(_NAME, name):
                    _remove_if_dead(directory / name)


def keep(path: Path, descriptor: int) -> bool:
    """Lock a new file or directory until the descriptor is closed; False where somebody who sweeps was quicker."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nobody sweeps it, either
        return True
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_dead(descriptor: int) -> bool:
    """True for what is ours and nobody keeps; it is locked then, so nobody else will find that it is dead.

    Raises:
        OSError: that cannot be known here.
    """
    if fcntl is None:
        return False
    if os.fstat(descriptor).st_uid != os.geteuid():
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begun(directory: Path, mode: int) -> tuple[Path, int]:
    while True:
        temporary = directory / f"{_BEGINNING}{os.urandom(8).hex()}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
        if keep(temporary, descriptor):
            return temporary, descriptor
        os.close(descriptor)  # it was swept before it was locked


def _remove_if_dead(path: Path) -> None:
    with suppress(OSError):  # what cannot be removed stays
        if not stat.S_ISREG(path.lstat().st_mode):
            return
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | _FLAGS)  # a lock over NFS needs it writable
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and is_dead(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


__all__ = ["beside", "is_dead", "keep", "sweep"]
