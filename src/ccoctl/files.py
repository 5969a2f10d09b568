"""Reading files with limits, and writing them whole or not at all.

Belongs here: bytes in and out of the file system, with modes. Does not belong here: what the bytes mean.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from ccoctl.errors import FileError
from ccoctl.unfinished import beside, sweep

# Not every system has all of the flags; what a missing one would refuse is looked for before.
_COMMON = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
# O_NONBLOCK: opening a named pipe that nobody writes to must not hang.
_READ = os.O_RDONLY | _COMMON | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON | _NO_FOLLOW

_CHECK_PATH = "Look at the owner and mode of the path and of the directories above it."
_REASONS = {
    errno.ENOENT: ("there is no such file or directory", "Check the path."),
    errno.ENOTDIR: ("a part of the path is a file, not a directory", "Check the path."),
    errno.EISDIR: ("it is a directory, not a file", "Check the path."),
    errno.ELOOP: (
        "it is a symbolic link, or one that leads back to itself",
        "Remove the link, or put a file in its place.",
    ),
    errno.ENAMETOOLONG: ("the path is too long", "Choose a shorter one."),
    errno.EACCES: ("permission is denied", _CHECK_PATH),
    errno.EPERM: ("the system does not permit it", _CHECK_PATH),
    errno.EROFS: ("the file system is read-only", "Choose a directory that can be written to."),
    errno.ENOSPC: ("the disk is full", "Make room on it and run the command again."),
    errno.EDQUOT: ("the disk quota is used up", "Make room within it and run the command again."),
    errno.EFBIG: (
        "the file would be larger than is allowed here",
        "Raise the limit (ulimit -f) or choose another disk.",
    ),
}

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CANNOT_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP})


class Change(Enum):
    """What writing a file did; the member's value is the word people and JSON see."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


def read_bytes(path: Path, *, limit: int, private: bool = False) -> bytes:
    """The whole content of a regular file.

    Args:
        path: the file; a symbolic link is followed.
        limit: the most bytes that a file of this kind may have.
        private: refuse a file that other people could read or change.

    Raises:
        FileError: it is missing, no regular file, too large, not private where it must be, or cannot be read.
    """
    data = read_if_present(path, limit=limit, private=private)
    if data is None:
        raise _failure("cannot be read", path, FileNotFoundError(errno.ENOENT, ""))
    return data


def read_if_present(path: Path, *, limit: int, private: bool = False) -> bytes | None:
    """The same as `read_bytes`, but None where nothing has that name; a link to nothing is an error.

    Raises:
        FileError: as `read_bytes`, but not because the file is missing.
    """
    try:
        with _opened(path, _READ) as (descriptor, status):
            if private:
                _refuse_unless_private(path, status)
            data = _read(descriptor, limit + 1)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _dangling(path) from None
        if path.parent.is_symlink() and not path.parent.exists():
            raise _dangling(path.parent) from error
        return None
    except OSError as error:
        raise _failure("cannot be read", path, error) from error
    if len(data) > limit:
        remedy = "Check the path: no file of this kind is that large."
        raise FileError(f"The file has more than {limit:,} bytes", where=str(path), remedy=remedy)
    return data


def ensure_directory(path: Path, *, mode: int = 0o700) -> None:
    """Make a directory and those above it that are missing, with this mode whatever the umask; others stay as they are.

    Raises:
        FileError: something that is no directory is in the way, or the directory cannot be made.
    """
    try:
        if path.is_dir():
            return
        if path.parent != path:
            ensure_directory(path.parent, mode=mode)
        try:
            path.mkdir(mode=mode)
            _set_directory_mode(path, mode)
        except FileExistsError:
            if not path.is_dir():  # else somebody else made it a moment ago
                raise _no_directory(path) from None
        _sync_directory(path.parent)
    except OSError as error:
        raise _failure("cannot be made", path, error) from error


def write_whole(path: Path, data: bytes, *, mode: int, replace: bool = True, durable: bool = True) -> Change:
    """Write a file so that at any time the old content is there or the new one, never a part of it.

    The file has `mode` from its first byte on, whatever the umask. Where it has these bytes already, only a wrong mode
    is put right. A symbolic link is refused, never followed. With `replace=False` a file that is there is never
    overwritten, even when it appears while this runs. What is not `durable` may be lost where the machine dies within
    the next minute: right for many files that can be made again, of which each would wait for the disk twice.

    Raises:
        FileError: the file cannot be written, or is there with other content and must not be replaced.
    """
    try:
        change = _compare(path, data, mode)
        if change is Change.UNCHANGED:
            return change
        if change is Change.REPLACED and not replace:
            raise _other_content(path)
        with beside(path, data, mode, durable=durable) as temporary:
            if replace:
                temporary.replace(path)
            elif not _give_name(temporary, path):
                change = _compare(path, data, mode)
                if change is not Change.UNCHANGED:
                    raise _other_content(path)
        if durable:
            _sync_directory(path.parent)
    except OSError as error:
        raise _failure("cannot be written", path, error) from error
    return change


def _compare(path: Path, data: bytes, mode: int) -> Change:
    """What writing the data would do to the path; equal content gets its mode put right here."""
    if path.is_symlink():
        remedy = "Remove the link, or choose another directory."
        raise FileError("This is a symbolic link; what it leads to is not overwritten", where=str(path), remedy=remedy)
    try:
        with _opened(path, _READ | _NO_FOLLOW) as (descriptor, status):
            if status.st_size != len(data) or _read(descriptor, len(data) + 1) != data:
                return Change.REPLACED
            if stat.S_IMODE(status.st_mode) != mode:
                if status.st_nlink > 1:
                    raise _hard_link(path, mode)
                _set_mode(descriptor, mode)
            return Change.UNCHANGED
    except FileNotFoundError:
        return Change.CREATED


def _give_name(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless the name is taken; False when it is."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _reserve_and_rename(temporary, path)
    return True


def _reserve_and_rename(temporary: Path, path: Path) -> bool:
    """The same on a file system without hard links: an empty file keeps the name for us until the rename."""
    try:
        os.close(os.open(path, _CREATE, 0o600))
    except FileExistsError:
        return False
    try:
        temporary.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file's descriptor and status: what is checked is what is read, even if the name moves on."""
    if os.name == "nt" and path.is_dir():  # opening a directory says "permission denied" there
        raise IsADirectoryError(errno.EISDIR, "")
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "")
        if not stat.S_ISREG(status.st_mode):
            raise FileError("This is a device, pipe or socket, not a file", where=str(path), remedy="Check the path.")
        yield descriptor, status
    finally:
        os.close(descriptor)


def _read(descriptor: int, most: int) -> bytes:
    """The content from its beginning, but no more than so many bytes."""
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(most)


def _set_mode(descriptor: int, mode: int) -> None:
    if hasattr(os, "fchmod"):  # Windows has it since Python 3.13 only
        os.fchmod(descriptor, mode)


def _set_directory_mode(path: Path, mode: int) -> None:
    """What the umask took away from a directory that we have just made, so that it can be used."""
    made = stat.S_IMODE(path.lstat().st_mode)
    if made & 0o777 == mode or os.name == "nt":
        return
    wanted = mode | made & 0o7000  # whose group its files have is the system's business
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW)
    except PermissionError:  # it may not even be opened; the name is the only way to it
        path.chmod(wanted)
        return
    try:
        os.fchmod(descriptor, wanted)
    finally:
        os.close(descriptor)


def _refuse_unless_private(path: Path, status: os.stat_result) -> None:
    """A secret must be ours and closed to everybody else (Windows keeps that elsewhere)."""
    if not hasattr(os, "geteuid"):
        return
    quoted = shlex.quote(str(path))
    if status.st_uid not in {os.geteuid(), 0}:
        what = f"This secret file belongs to another user (number {status.st_uid}), who can read and change it"
        remedy = f'{_ANYHOW}, or make sure that it is yours, then run: chown "$(id -u)" {quoted}'
        raise FileError(what, where=str(path), remedy=remedy)
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        what = f"This secret file has mode {mode:04o}: other users of this machine can get at it"
        remedy = f"{_ANYHOW}, or if nobody else has read it, run: chmod 600 {quoted}"
        raise FileError(what, where=str(path), remedy=remedy)


_ANYHOW = "Take it as it is with --allow-unprotected-key"


def _sync_directory(path: Path) -> None:
    """Make sure that a new name in the directory outlives a power cut, where the system can do that."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def _failure(what: str, path: Path, error: OSError) -> FileError:
    """The system's error as a sentence."""
    number = error.errno or 0
    reason, remedy = _REASONS.get(number, (os.strerror(number) if number else str(error), "Look at the file system."))
    return FileError(f"The file or directory {what}: {reason}", where=str(path), remedy=remedy)


def _dangling(path: Path) -> FileError:
    what = f"This is a symbolic link to {path.readlink()}, which does not exist"
    return FileError(what, where=str(path), remedy="Remove the link, or put back what it leads to.")


def _no_directory(path: Path) -> FileError:
    if path.is_symlink() and not path.exists():
        return _dangling(path)
    what = "This is a file where a directory is needed"
    return FileError(what, where=str(path), remedy="Move it out of the way, or choose another directory.")


def _hard_link(path: Path, mode: int) -> FileError:
    what = f"This file has another name, too (a hard link), and not the mode {mode:04o}; it is not changed"
    return FileError(what, where=str(path), remedy="Remove this name of it, or choose another directory.")


def _other_content(path: Path) -> FileError:
    what = "This file is there already with other content; it is not overwritten"
    return FileError(what, where=str(path), remedy="Move it out of the way, or choose another directory.")


__all__ = ["Change", "ensure_directory", "read_bytes", "read_if_present", "sweep", "write_whole"]
