"""A report as a file: an earlier report is replaced, anything else is left alone."""

from __future__ import annotations

from pathlib import Path

from ccoctl.errors import FileError
from ccoctl.files import ensure_directory, read_if_present, sweep, write_whole

LIMIT = 64 * 1024 * 1024
"""Bytes of an earlier report."""
GENERATOR = b'<meta name="generator" content="ccoctl'
"""What a report of ours holds within its first bytes."""
_HEAD = 4096


def check_place(path: Path) -> None:
    """See that nothing is there but an earlier report.

    Raises:
        FileError: there is something else, or it cannot be read.
    """
    there = read_if_present(path, limit=LIMIT)
    if there is not None and GENERATOR not in there[:_HEAD]:
        raise FileError("the file is there and is no report of ours", where=str(path), remedy="Choose another name.")


def write_report(path: Path, page: str) -> None:
    """Write the page whole.

    Raises:
        FileError: it cannot be written, or the file that is there is no report.
    """
    check_place(path)
    ensure_directory(path.parent)
    sweep(path.parent)
    write_whole(path, page.encode(), mode=0o644)
