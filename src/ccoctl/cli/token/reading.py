"""A token from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.token import MAX_CHARACTERS
from ccoctl.files import read_bytes

_LIMIT = MAX_CHARACTERS + 1024
"""Bytes: a token with what an editor may leave around it."""


def read_token(file: Path) -> str:
    """The text, without white space around it; `-` is standard input.

    Raises:
        FileError: the file cannot be read.
        TokenError: this is no text of a token's characters.
    """
    data = sys.stdin.buffer.read(_LIMIT + 1) if str(file) == "-" else read_bytes(file, limit=_LIMIT)
    try:
        text = data[: _LIMIT + 1].decode("ascii").strip()
    except UnicodeDecodeError:
        raise TokenError("This is no token: it has characters other than ASCII", problem=TokenProblem.SHAPE) from None
    if not text:
        raise TokenError("There is no token: nothing but white space was read", problem=TokenProblem.SHAPE)
    return text
