"""A directory of CredentialsRequests, read whole: all problems of all files in one go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ccoctl import files
from ccoctl.credentialsrequest.model import CredentialsRequest, Loaded, Skipped
from ccoctl.credentialsrequest.parse import Parsed, parse
from ccoctl.errors import FileError, Problem, Problems

MAX_BYTES = 4 * 1024 * 1024
"""Of one file; the requests of a whole release in one file have about 40 KiB."""
_ENDINGS = (".yaml", ".yml", ".json")


def load(directory: Path) -> Loaded:
    """Read every YAML and JSON file of a directory and of those below it, in the order of their paths.

    Links to files are followed, links to directories are not.

    Raises:
        Problems: with everything that is wrong in any file.
        FileError: a directory cannot be read.
    """
    parsed = [_parsed(path) for path in sorted(_found(directory), key=lambda path: path.relative_to(directory).parts)]
    if problems := tuple(problem for each in parsed for problem in each.problems):
        raise Problems(problems)
    read = [one for each in parsed for one in each.found]
    return Loaded(
        directory=str(directory),
        requests=tuple(one for one in read if isinstance(one, CredentialsRequest)),
        skipped=tuple(one for one in read if isinstance(one, Skipped)),
    )


def _found(directory: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(directory, onerror=_refuse):
        for name in names:
            if name.lower().endswith(_ENDINGS):
                yield Path(parent, name)


def _refuse(error: OSError) -> NoReturn:
    reason = error.strerror or "the system does not say why"
    remedy = "Give a directory that holds CredentialsRequests, and that you may read."
    where = os.fsdecode(error.filename) if error.filename else ""
    raise FileError(f"The directory cannot be read: {reason}", where=where, remedy=remedy) from error


def _parsed(path: Path) -> Parsed:
    try:
        return parse(str(path), files.read_bytes(path, limit=MAX_BYTES))
    except FileError as error:  # one file in the way does not hide what is wrong with the others
        return Parsed((), (Problem(error.where or str(path), error.what),))
