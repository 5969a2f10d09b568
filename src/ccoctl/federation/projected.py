"""A projected volume as the kubelet keeps it: files that change all at once, and never while somebody reads them.

    token -> ..data/token
    ..data -> ..2026_05_01_12_30_00.k3v9x0_a
    ..2026_05_01_12_30_00.k3v9x0_a/token

Source: Kubernetes' pkg/volume/util/atomic_writer.go and pkg/volume/projected/projected.go. In one thing it is kinder: a
replaced directory stays until the next change. The kubelet removes it at once, and who is on the way from `..data` into
it at that moment finds no file (seen: six times in two million openings). Here two changes
would have to come within one opening.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ccoctl.errors import FileError

DATA = "..data"
_NEW_DATA = "..data_tmp"
_PAYLOAD = re.compile(r"\.\.\d{4}(?:_\d\d){5}\..+", re.ASCII)
_LONGEST_NAME = 255


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the files are for; without either everybody may read them, as in a pod that says nothing."""

    user: int | None = None
    """The user that all containers run as."""
    group: int | None = None
    """`fsGroup` of the pod."""

    @property
    def mode(self) -> int:
        """Of a token (projected.go, `collectData`, and volume_linux.go for the group's part)."""
        if self.group is not None:
            return 0o640
        return 0o644 if self.user is None else 0o600


class ProjectedVolume:
    """The files of one directory. One writer at a time; readers may be as many as like."""

    def __init__(self, directory: Path, owner: Owner | None = None) -> None:
        """The directory has to be there."""
        self.directory = directory
        self._owner = owner or Owner()

    def write(self, payload: Mapping[str, bytes], *, now: float) -> bool:
        """Make these the files of the volume; False where they are already.

        Args:
            payload: content by name; a name has no slash and does not begin with two dots.
            now: seconds since 1970, for the name of the directory.

        Raises:
            FileError: a name cannot be, or the files cannot be written; then the old ones are there still.
        """
        for name in payload:
            _check(name)
        with _told(self.directory):
            before = self._current()
            if before is not None and _content(before) == dict(payload):
                return False
            self._switch(self._written(payload, now))
            self._show(payload)
            self._sweep(before)
        return True

    def _current(self) -> Path | None:
        """The directory that the files are in now."""
        try:
            target = (self.directory / DATA).readlink().name
        except FileNotFoundError:
            return None
        return self.directory / target if _PAYLOAD.fullmatch(target) else None

    def _written(self, payload: Mapping[str, bytes], now: float) -> Path:
        stamp = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime(now))
        made = Path(tempfile.mkdtemp(prefix=stamp, dir=self.directory))
        try:
            made.chmod(0o755)  # as the kubelet: what is in it has modes of its own
            for name, data in payload.items():
                self._write_file(made / name, data)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return made

    def _write_file(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib opens no descriptors
            file.write(data)
        if self._owner.user is not None or self._owner.group is not None:
            os.chown(path, *(-1 if number is None else number for number in (self._owner.user, self._owner.group)))
        path.chmod(self._owner.mode)  # whatever the umask

    def _switch(self, made: Path) -> None:
        """From here on the new files are the ones that are read."""
        link = self.directory / _NEW_DATA
        try:
            link.unlink(missing_ok=True)  # of a run that was killed
            link.symlink_to(made.name)
            link.replace(self.directory / DATA)
        except BaseException:
            link.unlink(missing_ok=True)
            shutil.rmtree(made, ignore_errors=True)
            raise

    def _show(self, payload: Mapping[str, bytes]) -> None:
        for name in payload:
            link = self.directory / name
            if not link.is_symlink():
                link.symlink_to(Path(DATA, name))
        for link in self.directory.iterdir():
            if not link.name.startswith("..") and link.name not in payload and link.is_symlink():
                link.unlink()

    def _sweep(self, replaced: Path | None) -> None:
        kept = {self._current(), replaced}
        for path in self.directory.iterdir():
            if _PAYLOAD.fullmatch(path.name) and path not in kept:
                shutil.rmtree(path, ignore_errors=True)  # what will not go now is tried again next time


def _content(directory: Path) -> dict[str, bytes] | None:
    try:
        return {path.name: path.read_bytes() for path in directory.iterdir()}
    except OSError:  # somebody was at it: it is written anew
        return None


def _check(name: str) -> None:
    if not name or "/" in name or "\0" in name or name.startswith("..") or name == "." or len(name) > _LONGEST_NAME:
        raise FileError(f"{name[:80]!a} cannot be the name of a projected file", remedy="Choose a plain one.")


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    """The system's error as a sentence."""
    try:
        yield
    except OSError as error:
        what = f"The projected volume cannot be written: {error.strerror or error}"
        remedy = "Look at the owner and mode of the directory, and whether its disk is full."
        raise FileError(what, where=str(directory), remedy=remedy) from error
