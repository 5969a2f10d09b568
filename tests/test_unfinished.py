"""What a killed write leaves goes with the next run, and nothing else does."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ccoctl import files, unfinished

Crash = Callable[[Callable[[], object], int], bool]
LEFT = f".ccoctl-{'0' * 16}.tmp"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize("replace", [True, False])
def test_killed_at_any_point_a_write_leaves_nothing_that_is_not_swept(
    tmp_path: Path, crash: Crash, replace: bool
) -> None:
    left = 0
    for number in range(100):
        directory = tmp_path / str(number)
        directory.mkdir()
        ended = crash(partial(files.write_whole, directory / "a", b"new", mode=0o600, replace=replace), number)
        left += bool(names(directory) - {"a"})
        files.sweep(directory)
        assert names(directory) <= {"a"}, f"point {number}"
        if ended:
            break

    assert left > 1


def test_what_somebody_is_writing_at_the_moment_stays(tmp_path: Path) -> None:
    told, tell = os.pipe()
    if (child := os.fork()) == 0:
        with unfinished.beside(tmp_path / "a", b"new", 0o600):
            os.write(tell, b"!")
            signal.pause()
        os._exit(0)
    os.read(told, 1)
    [temporary] = names(tmp_path)

    files.sweep(tmp_path)
    assert names(tmp_path) == {temporary}

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    files.sweep(tmp_path)
    assert names(tmp_path) == set()
    os.close(told)
    os.close(tell)


def test_only_files_that_are_named_as_ours_go_and_no_link_is_followed(tmp_path: Path) -> None:
    directory, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    directory.mkdir()
    elsewhere.write_text("kept")
    others = (".ccoctl-1.tmp", "ccoctl-0000000000000000.tmp", f"{LEFT}.txt", ".ccoctl-000000000000000G.tmp")
    for name in others:
        (directory / name).touch()
    links = [directory / f".ccoctl-{digit * 16}.tmp" for digit in "123"]
    links[0].symlink_to(elsewhere)
    links[1].mkdir()
    os.mkfifo(links[2])
    (directory / LEFT).touch()

    files.sweep(directory, tmp_path / "not there", elsewhere)

    assert names(directory) == {*others, *(path.name for path in links)}
    assert elsewhere.read_text() == "kept"


def test_a_name_that_a_killed_run_had_given_already_stays_a_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_text("the key")
    (tmp_path / "key").hardlink_to(tmp_path / LEFT)

    files.sweep(tmp_path)

    assert names(tmp_path) == {"key"}
    assert (tmp_path / "key").read_text() == "the key"


def test_a_file_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LEFT).touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    files.sweep(tmp_path)

    assert names(tmp_path) == {LEFT}


def test_writers_and_those_who_sweep_do_not_disturb_each_other(tmp_path: Path) -> None:
    done, errors = threading.Event(), list[BaseException]()

    def sweep() -> None:
        while not done.is_set():
            files.sweep(tmp_path)

    def write(number: int) -> None:
        try:
            for turn in range(60):
                files.write_whole(tmp_path / str(number), f"{number} {turn}".encode(), mode=0o600)
        except BaseException as error:
            errors.append(error)

    sweeping = [threading.Thread(target=sweep) for _ in range(2)]
    writing = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (*sweeping, *writing):
        thread.start()
    for thread in writing:
        thread.join()
    done.set()
    for thread in sweeping:
        thread.join()

    assert errors == []
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {str(n): f"{n} 59" for n in range(4)}


def test_a_file_that_was_swept_before_it_was_locked_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = fcntl.flock, list[str]()

    def late(descriptor: int, how: int) -> None:
        if not swept:
            [name] = names(tmp_path)
            swept.append(name)
            monkeypatch.setattr(fcntl, "flock", lock)
            files.sweep(tmp_path)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with unfinished.beside(tmp_path / "a", b"new", 0o600) as temporary:
        assert temporary.name not in swept
        assert temporary.read_bytes() == b"new"
    assert names(tmp_path) == set()


def test_where_a_file_system_has_no_locks_files_are_written_and_nothing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / LEFT).touch()

    files.write_whole(tmp_path / "a", b"new", mode=0o600)
    files.sweep(tmp_path)

    assert names(tmp_path) == {"a", LEFT}
