"""Compare the requests of two releases."""

from __future__ import annotations

from collections.abc import Callable

from ccoctl.credentialsrequest.diff import ReleaseDiff, diff
from ccoctl.credentialsrequest.model import Loaded
from ccoctl.credentialsrequest.select import Selected, select
from ccoctl.errors import Problem, Problems

Requests = Callable[[str], Loaded]
"""What a reference of the user's leads to: a directory or an image."""


def release_diff(before: str, after: str, requests: Requests, *, enable_tech_preview: bool = False) -> ReleaseDiff:
    """What changes for the components between two releases.

    Raises:
        Problems: what is wrong in either of them.
        CcoctlError: whatever `requests` says of a reference that leads nowhere.
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
