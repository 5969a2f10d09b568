"""Nothing is written through what somebody planted in a directory, and what is in the way is told first."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ccoctl.errors import FileError, Problems
from ccoctl.files import Change
from ccoctl.workflows.places import refuse_blocked, sweep_below, write_below
from ccoctl.workflows.report_file import write_report
from tests.workflows.commands import Cli

LEFT = f".ccoctl-{'0' * 16}.tmp"
"""What a killed run leaves."""


def test_directories_in_between_are_made_closed(tmp_path: Path) -> None:
    assert write_below(tmp_path / "out", "a/b/c", b"x", mode=0o600) is Change.CREATED
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out", "out/a", "out/a/b")] == [0o700] * 3
    assert (tmp_path / "out/a/b/c").read_bytes() == b"x"


@pytest.mark.parametrize("planted", ["a", "a/b"])
@pytest.mark.parametrize("target", ["victim", "nowhere"])
def test_a_planted_directory_is_not_followed(tmp_path: Path, planted: str, target: str) -> None:
    (tmp_path / "victim").mkdir(mode=0o755)
    out = tmp_path / "out"
    (out / planted).parent.mkdir(parents=True)
    (out / planted).symlink_to(tmp_path / target)

    with pytest.raises(FileError, match="symbolic link where a directory is needed") as caught:
        write_below(out, "a/b/c", b"x", mode=0o600)
    assert caught.value.where == str(out / planted)
    assert list((tmp_path / "victim").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_the_directory_that_was_named_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    refuse_blocked(tmp_path / "out", ["a/b"])
    write_below(tmp_path / "out", "a/b", b"x", mode=0o600)

    assert (tmp_path / "real/a/b").read_bytes() == b"x"


def test_all_that_is_in_the_way_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "there").symlink_to(tmp_path / "directory")
    os.mkfifo(tmp_path / "pipe")
    names = ["link", "directory", "file/below", "there/below", "there/again", "pipe", "file", "new", "new/new"]

    with pytest.raises(Problems) as caught:
        refuse_blocked(tmp_path, names)
    told = [(Path(problem.where).name, problem.what) for problem in caught.value.problems]
    assert [name for name, _ in told] == ["link", "directory", "file", "there", "pipe"]
    assert "a link to nothing" not in dict(told)["link"]
    assert "where a directory is needed" in dict(told)["file"]


def test_what_can_be_written_is_let_pass_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refuse_blocked(tmp_path, ["file", "new", "a/b/c"])
    refuse_blocked(tmp_path / "not/there", ["x"])

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# What killed runs left


def test_what_a_killed_run_left_is_removed_where_files_are_written_and_not_behind_a_link(tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    for directory in (out / "a" / "b", out / "other", victim):
        directory.mkdir(parents=True)
    (out / "link").symlink_to(victim)
    places = [directory / LEFT for directory in (out, out / "a", out / "a" / "b", out / "other", victim)]
    for place in places:
        place.touch()

    sweep_below(out, ["x", "y", "a/b/x", "link/x", "missing/x"])

    assert [place.exists() for place in places] == [False, True, False, True, True]


@pytest.mark.parametrize(
    ("command", "directory"),
    [(["create-all", "--dry-run"], "out"), (["export", "--format", "terraform", "--to", "exported"], "exported")],
    ids=["dry run", "export"],
)
def test_commands_that_write_elsewhere_clear_what_was_left_there(
    cli: Cli, common: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], directory: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / directory).mkdir()
    (tmp_path / directory / LEFT).touch()

    cli(*command, *common)

    assert len(list((tmp_path / directory).iterdir())) > 0
    assert not (tmp_path / directory / LEFT).exists()


def test_a_report_is_written_beside_nothing_that_was_left(tmp_path: Path) -> None:
    (tmp_path / LEFT).touch()

    write_report(tmp_path / "report.html", "<!DOCTYPE html>")

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
