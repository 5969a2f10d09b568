"""Files below a directory that a user chose: nothing is written or deleted through a link that others planted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePath

from ccoctl.errors import FileError, Problem, Problems
from ccoctl.files import Change, ensure_directory, sweep, write_whole


def write_below(
    directory: Path, name: PurePath | str, data: bytes, *, mode: int, replace: bool = True, durable: bool = True
) -> Change:
    """`write_whole` of a file below a directory, which is made where it is missing, as are those in between.

    The directory itself may be a symbolic link, since the user named it; one below it is not followed.

    Raises:
        FileError: as `write_whole` and `ensure_directory`, or a directory below is a symbolic link.
    """
    path = directory / name
    refuse_links(directory, name)
    ensure_directory(path.parent)
    refuse_links(directory, name)  # one that was planted while a directory was made
    return write_whole(path, data, mode=mode, replace=replace, durable=durable)


def refuse_links(directory: Path, name: PurePath | str) -> None:
    """See that no directory between the one that was chosen and a file below it is a link.

    Raises:
        FileError: one is.
    """
    parent = directory
    for part in PurePath(name).parts[:-1]:
        parent /= part
        if parent.is_symlink():
            what = "This is a symbolic link where a directory is needed; nothing is written or deleted where it leads"
            remedy = "Remove the link, or choose another directory."
            raise FileError(what, where=str(parent), remedy=remedy)


def sweep_below(directory: Path, names: Iterable[PurePath | str]) -> None:
    """Remove what killed runs left unfinished where these files are written; through a link nothing is removed."""
    for folder in {PurePath(name).parent for name in names}:
        try:
            refuse_links(directory, folder / "any")
        except FileError:
            continue
        sweep(directory / folder)


def refuse_blocked(directory: Path, names: Iterable[PurePath | str]) -> None:
    """See, before anything else is done, that nothing keeps `write_below` from writing these files.

    Raises:
        Problems: what is in the way, or that the directory may not be written to.
    """
    found = [problem for name in names if (problem := _problem(directory, name)) is not None]
    if found:
        remedy = "Move it out of the way, or choose another directory."
        raise Problems(
            tuple(dict.fromkeys(found)), what="The files could not be written; nothing was done", remedy=remedy
        )


def _problem(directory: Path, name: PurePath | str) -> Problem | None:
    path = directory / name
    try:
        refuse_links(directory, name)
        return _in_the_way(path) or _closed(path.parent)
    except FileError as error:
        return Problem(error.where, error.what)
    except OSError as error:
        return Problem(str(path), f"cannot be looked at: {error.strerror or error}")


def _in_the_way(path: Path) -> Problem | None:
    """Something of a file's name that is none."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISREG(mode):
        return None
    kind = "a symbolic link" if stat.S_ISLNK(mode) else "a directory" if stat.S_ISDIR(mode) else "a device or pipe"
    return Problem(str(path), f"is {kind}, where a file has to be written")


def _closed(parent: Path) -> Problem | None:
    """The nearest directory that is there, where nothing can be made in it."""
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        return Problem(str(parent), "is a file, or a link to nothing, where a directory is needed")
    effective = os.access in os.supports_effective_ids
    if os.access(parent, os.W_OK | os.X_OK, effective_ids=effective):
        return None
    is_read_only = hasattr(os, "statvfs") and os.statvfs(parent).f_flag & os.ST_RDONLY
    return Problem(str(parent), "is on a file system that is read-only" if is_read_only else "may not be written to")


__all__ = ["refuse_blocked", "refuse_links", "sweep_below", "write_below"]
