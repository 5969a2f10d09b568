"""Files that were written or used, with their modes, as data."""

from __future__ import annotations

import stat
from pathlib import Path

from ccoctl.workflows.create_key_pair import KeyFile, KeyPair


def key_files(pair: KeyPair) -> list[dict[str, str]]:
    """The three files of a key pair."""
    return [_key_file(file) for file in (pair.private, pair.public, pair.installer)]


def _key_file(file: KeyFile) -> dict[str, str]:
    return file_json(file.path, file.done.value)


def file_json(path: Path, action: str) -> dict[str, str]:
    """A file with its mode as it is now."""
    return {"path": str(path), "mode": f"{stat.S_IMODE(path.stat().st_mode):04o}", "action": action}
