"""Private keys in files and in memory: closed to everybody else, and in no core dump.

A key that other users of the machine can read is refused, as ssh does, unless the user says otherwise for a command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccoctl.errors import FileError
from ccoctl.files import read_bytes, read_if_present

LIMIT = 64 * 1024
"""Bytes of a key file; the largest key that is read has 13 KiB."""
_PUBLIC = rb"(?s)\A\s*-----BEGIN (RSA )?PUBLIC KEY-----(?!.*PRIVATE KEY)"
"""The content of a public key's file, with no private key behind it."""
_PR_SET_DUMPABLE = 4
"""Of linux/prctl.h."""


class _Demands:
    """What this process demands of a key file; threads of a command share it."""

    is_closed = True


@contextmanager
def taking_unprotected() -> Iterator[None]:
    """Until the block ends, keys that others can read or that belong to others are taken, too."""
    before, _Demands.is_closed = _Demands.is_closed, False
    try:
        yield
    finally:
        _Demands.is_closed = before


def read_private(path: Path) -> bytes:
    """The content of a private key's file.

    A public key is given whoever can read it: it is no secret, and who parses it says what it is.

    Raises:
        FileError: it cannot be read, or others can read it.
    """
    keep_out_of_core_dumps()
    try:
        return read_bytes(path, limit=LIMIT, private=_Demands.is_closed)
    except FileError:
        if path.is_file() and re.search(_PUBLIC, found := read_bytes(path, limit=LIMIT)):
            return found
        raise


def read_private_if_present(path: Path) -> bytes | None:
    """The same, but None where nothing has that name.

    Raises:
        FileError: as `read_private`, but not because the file is missing.
    """
    keep_out_of_core_dumps()
    return read_if_present(path, limit=LIMIT, private=_Demands.is_closed)


def keep_out_of_core_dumps() -> None:
    """Have no core written of this process from now on; what it starts is not touched on Linux.

    Called before a private key comes into memory. A system that has neither way is left as it is.
    """
    if sys.platform.startswith("linux") and _is_undumpable():
        return
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _is_undumpable() -> bool:
    """Ask the kernel (prctl(2), PR_SET_DUMPABLE); a core that is piped to a program is left out as well."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


__all__ = ["LIMIT", "keep_out_of_core_dumps", "read_private", "read_private_if_present", "taking_unprotected"]
