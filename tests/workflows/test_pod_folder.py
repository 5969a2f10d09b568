"""A directory that goes with its process: test_pod_run kills one; here is how it ends without that."""

from __future__ import annotations

import fcntl
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from ccoctl.workflows.pod_folder import passing_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes_with_what_is_in_it(place: Path) -> None:
    with passing_folder("ours-") as folder:
        (folder / "home").mkdir()
        (folder / "home" / "file").touch()
        assert folder.parent == place
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert list(place.iterdir()) == []


def test_it_goes_when_its_block_ends_with_an_error(place: Path) -> None:
    with pytest.raises(KeyboardInterrupt), passing_folder("ours-"):
        raise KeyboardInterrupt

    assert list(place.iterdir()) == []


def test_without_another_process_it_is_a_directory_still(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", none)
    with passing_folder("ours-") as folder:
        assert folder.is_dir()

    assert list(place.iterdir()) == []


def test_what_was_left_where_everybody_was_killed_goes_with_the_next_run(place: Path) -> None:
    left, other, longer = place / "ours-abcd_123", place / "theirs-abcd_123", place / "ours-of-somebody"
    for directory in (left, other, longer):
        directory.mkdir(mode=0o700)
        (directory / "token").touch()
    (place / "ours-filefile").touch()
    (place / "ours-linklink").symlink_to(other)

    with passing_folder("ours-") as living, passing_folder("ours-") as second:
        assert not left.exists()
        assert living.is_dir()
        assert second.is_dir()

    assert {path.name for path in place.iterdir()} == {other.name, longer.name, "ours-filefile", "ours-linklink"}
    assert (other / "token").exists()


def test_a_directory_that_was_swept_before_it_was_locked_is_made_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = fcntl.flock, list[str]()

    def late(descriptor: int, how: int) -> None:
        if not swept:
            [folder] = place.iterdir()
            swept.append(folder.name)
            folder.rmdir()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with passing_folder("ours-") as folder:
        assert folder.name not in swept
        assert folder.is_dir()

    assert list(place.iterdir()) == []
