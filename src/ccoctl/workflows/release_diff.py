"""Compare the requests of two releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ccoctl.credentialsrequest.diff import ReleaseDiff, diff
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import Loaded
from ccoctl.credentialsrequest.select import Selected, select
from ccoctl.errors import Problem, Problems

Requests = Callable[[str], Loaded]
"""What a reference of the user's leads to."""


def requests_of(reference: str) -> Loaded:
    """The requests that a reference names: a directory.

    Raises:
        Problems: with everything that is wrong in any file.
        FileError: a directory cannot be read.
    """
    return load(Path(reference))


def release_diff(
    before: str, after: str, *, enable_tech_preview: bool = False, requests: Requests = requests_of
) -> ReleaseDiff:
    """What changes for the components between two releases.

    Raises:
        Problems: what is wrong in either of them.
        FileError: one of them cannot be read.
    """
    problems: list[Problem] = []
    selected: list[Selected] = []
    for reference in (before, after):
        try:
            selected.append(select(requests(reference), enable_tech_preview=enable_tech_preview))
        except Problems as error:
            problems += error.problems
    if problems:
        raise Problems(tuple(problems))
    return diff(*selected, names=(before, after))
