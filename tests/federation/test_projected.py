"""A projected volume: the kubelet's layout and modes, all of a change at once, and always something to read."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ccoctl.errors import FileError
from ccoctl.federation.projected import DATA, Owner, ProjectedVolume

NOW = 1_800_000_000

Crash: TypeAlias = Callable[[Callable[[], object], int], bool]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def payloads(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("..2"))


def test_visible_names_lead_through_data_into_a_dated_directory(tmp_path: Path) -> None:
    assert ProjectedVolume(tmp_path).write({"token": b"one", "ca.crt": b"two"}, now=NOW)

    (payload,) = payloads(tmp_path)
    assert re.fullmatch(r"\.\.2027_01_15_08_00_00\.\w+", payload)
    assert str((tmp_path / "token").readlink()) == "..data/token"
    assert str((tmp_path / DATA).readlink()) == payload
    assert sorted(path.name for path in tmp_path.iterdir()) == [payload, DATA, "ca.crt", "token"]
    assert (tmp_path / "token").read_bytes() == b"one"
    assert (tmp_path / "ca.crt").read_bytes() == b"two"


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (None, 0o644),
        (Owner(user=os.geteuid()), 0o600),
        (Owner(group=os.getegid()), 0o640),
        (Owner(user=os.geteuid(), group=os.getegid()), 0o640),
    ],
)
def test_modes_are_the_kubelets_whatever_the_umask(tmp_path: Path, owner: Owner | None, expected: int) -> None:
    before = os.umask(0o077)
    try:
        ProjectedVolume(tmp_path, owner).write({"token": b"one"}, now=NOW)
    finally:
        os.umask(before)

    assert mode(tmp_path / "token") == expected
    assert mode(tmp_path / DATA) == 0o755


def test_equal_content_changes_nothing(tmp_path: Path) -> None:
    volume = ProjectedVolume(tmp_path)
    volume.write({"token": b"one"}, now=NOW)
    before = payloads(tmp_path)

    assert not volume.write({"token": b"one"}, now=NOW + 60)
    assert payloads(tmp_path) == before


def test_a_replaced_payload_outlives_the_change_and_not_the_next_one(tmp_path: Path) -> None:
    volume = ProjectedVolume(tmp_path)
    seen = []
    for number in range(4):
        assert volume.write({"token": b"%d" % number}, now=NOW + number)
        seen.append(payloads(tmp_path))

    assert [len(names) for names in seen] == [1, 2, 2, 2]
    assert seen[3][0] == seen[2][1]


def test_a_name_that_is_gone_from_the_payload_is_gone_from_the_volume(tmp_path: Path) -> None:
    volume = ProjectedVolume(tmp_path)
    volume.write({"token": b"one", "namespace": b"ns"}, now=NOW)
    volume.write({"token": b"one"}, now=NOW + 1)

    assert not (tmp_path / "namespace").is_symlink()
    assert (tmp_path / "token").read_bytes() == b"one"


@pytest.mark.parametrize("name", ["", ".", "..", "..data", "a/b", "../token", "a\0b", "x" * 256])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="cannot be the name"):
        ProjectedVolume(tmp_path).write({name: b"one"}, now=NOW)

    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written: No such file") as raised:
        ProjectedVolume(tmp_path / "missing").write({"token": b"one"}, now=NOW)

    assert raised.value.where == str(tmp_path / "missing")


def test_a_link_that_leads_out_of_the_volume_is_not_followed_when_it_is_replaced(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "volume"
    outside.mkdir()
    inside.mkdir()
    (outside / "token").write_bytes(b"one")
    (inside / DATA).symlink_to(outside)

    ProjectedVolume(inside).write({"token": b"two"}, now=NOW)
    ProjectedVolume(inside).write({"token": b"three"}, now=NOW)

    assert (inside / "token").read_bytes() == b"three"
    assert (outside / "token").read_bytes() == b"one"


def test_a_writer_that_was_killed_leaves_one_of_the_two_contents_and_the_next_one_mends_the_rest(
    tmp_path: Path, crash: Crash
) -> None:
    seen = set()
    for number in range(100):
        directory = tmp_path / str(number)
        directory.mkdir()
        volume = ProjectedVolume(directory)
        volume.write({"token": b"old"}, now=NOW)
        ended = crash(lambda volume=volume: volume.write({"token": b"new"}, now=NOW + 1), number)  # type: ignore[misc]  # mypy infers no type for a lambda's default
        seen.add((directory / "token").read_bytes())
        volume.write({"token": b"newest"}, now=NOW + 2)
        assert (directory / "token").read_bytes() == b"newest"
        assert len(payloads(directory)) == 2
        if ended:
            break
    else:
        pytest.fail("the writer never came to its end")

    assert seen == {b"old", b"new"}
    assert number > 4


def test_a_reader_never_sees_half_a_token_or_none(tmp_path: Path) -> None:
    volume = ProjectedVolume(tmp_path)
    contents = [bytes([letter]) * 4000 for letter in b"abcdefgh"]
    volume.write({"token": contents[0]}, now=NOW)
    read_one = threading.Condition()
    reads = [0, 0]
    wrong: list[object] = []
    stop = threading.Event()

    def read(reader: int) -> None:
        while not stop.is_set():
            try:
                content = (tmp_path / "token").read_bytes()
            except OSError as error:
                wrong.append(error)
            else:
                wrong.extend({content}.difference(contents))
            with read_one:
                reads[reader] += 1
                read_one.notify_all()

    readers = [threading.Thread(target=read, args=(reader,), daemon=True) for reader in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 300):
        volume.write({"token": contents[number % len(contents)]}, now=NOW + number)
        with read_one:  # no reading lasts longer than the minutes between two changes
            before = list(reads)
            assert read_one.wait_for(lambda before=before: all(map(int.__lt__, before, reads)), timeout=30)  # type: ignore[misc]  # mypy infers no type for a lambda's default
    stop.set()
    for reader in readers:
        reader.join()

    assert wrong == []
