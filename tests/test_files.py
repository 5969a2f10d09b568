"""Files are read with limits and written whole or not at all."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from ccoctl import files
from ccoctl.errors import FileError
from ccoctl.files import Change

NOBODY = 65534

Crash: TypeAlias = Callable[[Callable[[], object], int], bool]
"""The fixture that kills a task right before its n-th touch of the file system; True when it ended before."""


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may do everything, so tests of what is not allowed step down; anybody else stays who they are."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


class TestReading:
    def test_the_whole_content_comes_back(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"\0content\r\n")
        assert files.read_bytes(path, limit=10) == b"\0content\r\n"

    def test_one_byte_over_the_limit_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"12345")
        assert files.read_bytes(path, limit=5) == b"12345"
        with pytest.raises(FileError, match="more than 4 bytes") as caught:
            files.read_bytes(path, limit=4)
        assert caught.value.where == str(path)

    def test_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"content")
        (tmp_path / "link").symlink_to("a")
        assert files.read_bytes(tmp_path / "link", limit=10) == b"content"

    def test_a_missing_file_is_an_error_or_none_as_asked(self, tmp_path: Path) -> None:
        for path in (tmp_path / "a", tmp_path / "no" / "such" / "directory"):
            assert files.read_if_present(path, limit=10) is None
            with pytest.raises(FileError, match="no such file") as caught:
                files.read_bytes(path, limit=10)
            assert caught.value.where == str(path)
            assert caught.value.remedy

    def test_a_link_to_nothing_is_not_a_missing_file(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(FileError, match="symbolic link to nowhere"):
            files.read_if_present(tmp_path / "link", limit=10)
        with pytest.raises(FileError, match="symbolic link to nowhere"):
            files.read_if_present(tmp_path / "link" / "a", limit=10)

    def test_a_link_to_itself_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("link")
        with pytest.raises(FileError, match="leads back to itself"):
            files.read_if_present(tmp_path / "link", limit=10)

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match="directory, not a file"):
            files.read_bytes(tmp_path, limit=10)

    def test_a_file_in_place_of_a_directory_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(FileError, match="a part of the path is a file"):
            files.read_bytes(tmp_path / "a" / "b", limit=10)

    def test_a_pipe_is_refused_and_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileError, match="pipe"):
            files.read_bytes(tmp_path / "pipe", limit=10)

    def test_a_socket_and_a_device_are_refused(self) -> None:
        with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryDirectory() as short:
            server.bind(f"{short}/s")
            for path in (Path(short) / "s", Path(os.devnull)):
                with pytest.raises(FileError):
                    files.read_bytes(path, limit=10)

    def test_a_file_that_we_may_not_read_is_said(self, open_directory: Path) -> None:
        (open_directory / "a").write_bytes(b"content")
        (open_directory / "a").chmod(0)
        with _as_nobody(), pytest.raises(FileError, match="permission is denied"):
            files.read_bytes(open_directory / "a", limit=10)


class TestPrivateFiles:
    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
    def test_a_file_that_is_ours_alone_is_read(self, tmp_path: Path, mode: int) -> None:
        (tmp_path / "key").write_bytes(b"secret")
        (tmp_path / "key").chmod(mode)
        assert files.read_bytes(tmp_path / "key", limit=10, private=True) == b"secret"

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o660, 0o601, 0o777])
    def test_a_file_that_others_can_get_at_is_refused_with_the_command_that_helps(
        self, tmp_path: Path, mode: int
    ) -> None:
        path = tmp_path / "my key"
        path.write_bytes(b"secret")
        path.chmod(mode)
        with pytest.raises(FileError, match=f"mode {mode:04o}") as caught:
            files.read_if_present(path, limit=10, private=True)
        command = caught.value.remedy.partition("run: ")[2]
        subprocess.run(command, shell=True, check=True)
        assert files.read_if_present(path, limit=10, private=True) == b"secret"

    def test_the_mode_that_counts_is_that_of_the_file_behind_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(b"secret")
        (tmp_path / "key").chmod(0o644)
        (tmp_path / "link").symlink_to("key")
        with pytest.raises(FileError, match="mode 0644"):
            files.read_bytes(tmp_path / "link", limit=10, private=True)

    def test_a_file_of_another_user_is_refused(self, tmp_path: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        (tmp_path / "key").write_bytes(b"secret")
        (tmp_path / "key").chmod(0o600)
        os.chown(tmp_path / "key", NOBODY, NOBODY)
        with pytest.raises(FileError, match="another user"):
            files.read_bytes(tmp_path / "key", limit=10, private=True)


class TestDirectories:
    def test_parents_are_made_with_the_same_mode(self, tmp_path: Path) -> None:
        with _umask(0):
            files.ensure_directory(tmp_path / "a" / "b" / "c")
        assert [_mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3

    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o277, 0o777])
    def test_they_can_be_used_whatever_the_umask(self, open_directory: Path, mask: int) -> None:
        open_directory.chmod(0o777)
        with _as_nobody(), _umask(mask):
            files.ensure_directory(open_directory / "a" / "b", mode=0o755)
            files.write_whole(open_directory / "a" / "b" / "c", b"x", mode=0o600)
        assert [_mode(open_directory / name) for name in ("a", "a/b", "a/b/c")] == [0o755, 0o755, 0o600]

    def test_a_group_that_files_inherit_stays(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o2755)
        with _umask(0o277):
            files.ensure_directory(tmp_path / "a")
        assert _mode(tmp_path / "a") == 0o2700

    def test_what_is_there_is_left_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a").chmod(0o755)
        files.ensure_directory(tmp_path / "a")
        files.ensure_directory(tmp_path / "a" / "b")
        assert _mode(tmp_path / "a") == 0o755

    def test_a_link_to_a_directory_is_one(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "link").symlink_to("a")
        files.ensure_directory(tmp_path / "link" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    @pytest.mark.parametrize("below", ["", "b", "b/c"])
    def test_a_file_in_the_way_is_named(self, tmp_path: Path, below: str) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(FileError, match="file where a directory is needed") as caught:
            files.ensure_directory(tmp_path / "a" / below)
        assert caught.value.where == str(tmp_path / "a")

    @pytest.mark.parametrize("below", ["", "b"])
    def test_a_link_to_nothing_in_the_way_is_named(self, tmp_path: Path, below: str) -> None:
        (tmp_path / "a").symlink_to("nowhere")
        with pytest.raises(FileError, match="symbolic link to nowhere") as caught:
            files.ensure_directory(tmp_path / "a" / below)
        assert caught.value.where == str(tmp_path / "a")
        assert not (tmp_path / "nowhere").exists()

    def test_where_we_may_not_write_nothing_is_made(self, open_directory: Path) -> None:
        open_directory.chmod(0o555)
        with _as_nobody(), pytest.raises(FileError, match="permission is denied") as caught:
            files.ensure_directory(open_directory / "a" / "b")
        assert caught.value.where == str(open_directory / "a")

    def test_two_at_a_time_do_not_hinder_each_other(self, tmp_path: Path) -> None:
        deep = tmp_path.joinpath(*"abcdefghij")
        _at_once([lambda: files.ensure_directory(deep)] * 8)
        assert deep.is_dir()


class TestWriting:
    @pytest.mark.parametrize("replace", [True, False])
    @pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
    @pytest.mark.parametrize("mask", [0, 0o077, 0o777])
    def test_a_new_file_has_its_content_and_mode_whatever_the_umask(
        self, tmp_path: Path, replace: bool, mode: int, mask: int
    ) -> None:
        with _umask(mask):
            change = files.write_whole(tmp_path / "a", b"content", mode=mode, replace=replace)
        assert (change, _mode(tmp_path / "a")) == (Change.CREATED, mode)
        assert (tmp_path / "a").read_bytes() == b"content"
        assert _names(tmp_path) == {"a"}
        assert (tmp_path / "a").stat().st_nlink == 1

    def test_another_content_is_replaced_with_the_new_mode(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old and longer")
        (tmp_path / "a").chmod(0o666)
        assert files.write_whole(tmp_path / "a", b"new", mode=0o600) is Change.REPLACED
        assert ((tmp_path / "a").read_bytes(), _mode(tmp_path / "a")) == (b"new", 0o600)

    @pytest.mark.parametrize("replace", [True, False])
    def test_the_same_content_is_left_alone_but_for_a_wrong_mode(self, tmp_path: Path, replace: bool) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"same")
        path.chmod(0o666)
        before = path.stat()
        assert files.write_whole(path, b"same", mode=0o644, replace=replace) is Change.UNCHANGED
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert _mode(path) == 0o644

    def test_another_content_is_not_overwritten_when_it_must_not_be(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old")
        with pytest.raises(FileError, match="there already with other content") as caught:
            files.write_whole(tmp_path / "a", b"new", mode=0o600, replace=False)
        assert caught.value.where == str(tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == b"old"
        assert _names(tmp_path) == {"a"}

    @pytest.mark.parametrize("replace", [True, False])
    @pytest.mark.parametrize("target", ["victim", "nowhere"])
    def test_a_planted_link_is_refused_and_not_followed(self, tmp_path: Path, replace: bool, target: str) -> None:
        (tmp_path / "victim").write_bytes(b"precious")
        (tmp_path / "a").symlink_to(target)
        with pytest.raises(FileError, match="symbolic link"):
            files.write_whole(tmp_path / "a", b"new", mode=0o600, replace=replace)
        assert (tmp_path / "victim").read_bytes() == b"precious"
        assert _names(tmp_path) == {"a", "victim"}

    def test_a_link_with_the_same_content_behind_it_is_refused_as_well(self, tmp_path: Path) -> None:
        (tmp_path / "victim").write_bytes(b"same")
        (tmp_path / "victim").chmod(0o600)
        (tmp_path / "a").symlink_to("victim")
        with pytest.raises(FileError, match="symbolic link"):
            files.write_whole(tmp_path / "a", b"same", mode=0o644)
        assert _mode(tmp_path / "victim") == 0o600

    @pytest.mark.parametrize("content", [b"same", b"other"])
    def test_another_name_of_somebodys_file_is_not_written_through(self, tmp_path: Path, content: bytes) -> None:
        """A hard link that was planted: the file behind it keeps its content and its mode."""
        victim = tmp_path / "victim"
        victim.write_bytes(content)
        victim.chmod(0o640)
        os.link(victim, tmp_path / "a")
        if content == b"same":
            with pytest.raises(FileError, match="hard link"):
                files.write_whole(tmp_path / "a", b"same", mode=0o600)
        else:
            files.write_whole(tmp_path / "a", b"same", mode=0o600)
        assert (victim.read_bytes(), _mode(victim)) == (content, 0o640)

    def test_another_name_with_the_wanted_mode_is_fine(self, tmp_path: Path) -> None:
        files.write_whole(tmp_path / "a", b"same", mode=0o600)
        os.link(tmp_path / "a", tmp_path / "backup")
        assert files.write_whole(tmp_path / "a", b"same", mode=0o600) is Change.UNCHANGED

    def test_a_directory_of_that_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        with pytest.raises(FileError, match="directory, not a file"):
            files.write_whole(tmp_path / "a", b"new", mode=0o600)

    def test_a_pipe_of_that_name_is_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a")
        with pytest.raises(FileError, match="pipe"):
            files.write_whole(tmp_path / "a", b"new", mode=0o600)

    def test_a_missing_directory_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match="no such file or directory"):
            files.write_whole(tmp_path / "no" / "a", b"new", mode=0o600)

    def test_a_name_as_long_as_the_file_system_takes_is_fine(self, tmp_path: Path) -> None:
        longest = os.pathconf(tmp_path, "PC_NAME_MAX")
        files.write_whole(tmp_path / ("a" * longest), b"new", mode=0o600)
        with pytest.raises(FileError, match="too long"):
            files.write_whole(tmp_path / ("a" * (longest + 1)), b"new", mode=0o600)

    def test_where_we_may_not_write_the_old_file_stays(self, open_directory: Path) -> None:
        (open_directory / "a").write_bytes(b"old")
        open_directory.chmod(0o555)
        with _as_nobody(), pytest.raises(FileError, match="permission is denied") as caught:
            files.write_whole(open_directory / "a", b"new", mode=0o644)
        assert caught.value.remedy
        assert (open_directory / "a").read_bytes() == b"old"

    @pytest.mark.parametrize("replace", [True, False])
    def test_what_does_not_fit_leaves_nothing_behind(self, tmp_path: Path, replace: bool) -> None:
        """The limit on a file's size stands for a full disk: the write itself fails halfway."""
        if replace:
            (tmp_path / "a").write_bytes(b"old")
        before = _names(tmp_path)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
        try:
            with pytest.raises(FileError, match="larger than is allowed") as caught:
                files.write_whole(tmp_path / "a", b"n" * 50_000, mode=0o600, replace=replace)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.where == str(tmp_path / "a")
        assert caught.value.remedy
        assert _names(tmp_path) == before
        assert not replace or (tmp_path / "a").read_bytes() == b"old"

    def test_a_full_disk_says_what_to_do(self) -> None:
        full = Path("/dev/full")
        if not full.exists():
            pytest.skip("this system has no /dev/full")
        with pytest.raises(OSError, match="space") as caught, full.open("wb", buffering=0) as file:
            file.write(b"a")
        told = files._failure("cannot be written", Path("a"), caught.value)
        assert str(told) == "a: The file or directory cannot be written: the disk is full\n  " + told.remedy
        assert "Make room" in told.remedy


class TestRaces:
    def test_of_many_that_must_not_overwrite_one_wins(self, tmp_path: Path) -> None:
        outcomes: list[object] = []

        def write(content: bytes) -> None:
            try:
                outcomes.append((content, files.write_whole(tmp_path / "a", content, mode=0o600, replace=False)))
            except FileError:
                outcomes.append(None)

        _at_once([partial(write, bytes([number]) * 9) for number in range(16)])
        (winner,) = [outcome for outcome in outcomes if outcome is not None]
        assert winner == ((tmp_path / "a").read_bytes(), Change.CREATED)
        assert len(outcomes) == 16
        assert _names(tmp_path) == {"a"}

    def test_the_same_content_from_many_is_written_once(self, tmp_path: Path) -> None:
        changes: list[Change] = []
        _at_once([lambda: changes.append(files.write_whole(tmp_path / "a", b"same", mode=0o600, replace=False))] * 16)
        assert sorted(change.value for change in changes) == ["created", *["unchanged"] * 15]

    def test_a_reader_sees_the_old_file_or_the_new_one(self, tmp_path: Path) -> None:
        path, contents = tmp_path / "a", (b"a" * 200_000, b"b" * 200_000)
        path.write_bytes(contents[0])
        stop, seen = threading.Event(), set()

        def read() -> None:
            while not stop.is_set():
                seen.add(files.read_bytes(path, limit=300_000))

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(40):
            files.write_whole(path, contents[(number + 1) % 2], mode=0o600)
        stop.set()
        reader.join()
        assert seen <= set(contents)

    @pytest.mark.parametrize("replace", [True, False])
    def test_killed_at_any_point_it_leaves_the_whole_file_or_none_of_it(
        self, tmp_path: Path, crash: Crash, replace: bool
    ) -> None:
        old, new = b"old" if replace else None, b"new" * 1000
        for number in range(100):
            path = tmp_path / str(number) / "a"
            path.parent.mkdir()
            if old is not None:
                path.write_bytes(old)
            done = crash(partial(files.write_whole, path, new, mode=0o600, replace=replace), number)
            assert files.read_if_present(path, limit=5000) in {old, new}
            if done:
                break
            files.write_whole(path, new, mode=0o600, replace=replace)
            assert path.read_bytes() == new
        assert number > 4

    def test_without_hard_links_a_file_is_still_never_overwritten(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(*_: object) -> None:
            raise PermissionError(1, "as FAT says it")

        monkeypatch.setattr(os, "link", no_links)
        assert files.write_whole(tmp_path / "a", b"one", mode=0o600, replace=False) is Change.CREATED
        assert ((tmp_path / "a").read_bytes(), _mode(tmp_path / "a")) == (b"one", 0o600)
        outcomes: list[str] = []

        def write(content: bytes) -> None:
            try:
                files.write_whole(tmp_path / "b", content, mode=0o600, replace=False)
                outcomes.append("written")
            except FileError:
                outcomes.append("refused")

        _at_once([partial(write, bytes([number]) * 9) for number in range(8)])
        assert sorted(outcomes) == [*["refused"] * 7, "written"]
        assert _names(tmp_path) == {"a", "b"}


def _at_once(tasks: Sequence[Callable[[], object]]) -> None:
    """Every task in its own thread, let go at the same time; the first error is raised."""
    barrier, errors = threading.Barrier(len(tasks)), list[BaseException]()

    def run(task: Callable[[], object]) -> None:
        barrier.wait()
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_not_durable_does_not_wait_for_the_disk(
    durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)

    assert files.write_whole(tmp_path / "one", b"1", mode=0o644, durable=durable) is Change.CREATED
    assert (tmp_path / "one").read_bytes() == b"1"
    assert bool(waited) is durable
