"""The process that commands are fuzzed in sees what it is there to see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.confined import BUG, Confined, Watch, confined
from tests.fuzz.ground import bounded


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    watch = Watch()
    watch.begin(tmp_path / "out")
    return watch


@pytest.fixture
def run(root: Path, tmp_path: Path) -> Iterator[Confined]:
    with confined(root, tmp_path, {}) as process:
        yield process


def test_what_is_written_in_the_own_directory_is_counted(watch: Watch, tmp_path: Path) -> None:
    watch("open", (str(tmp_path / "out/a"), "w", os.O_WRONLY | os.O_CREAT))
    watch("os.mkdir", (tmp_path / "out", 0o700, -1))
    watch("open", (str(tmp_path / "out/a"), "r", os.O_RDONLY))

    assert (watch.inside, watch.outside) == (2, [])


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("open", ("{}/out/../a", "w", os.O_WRONLY)),
        ("open", (b"/etc/passwd", "a", os.O_RDWR)),
        ("open", ("relative", None, os.O_CREAT)),
        ("os.rename", ("{}/out/a", "{}/a", -1, -1)),
        ("os.mkdir", ("{}/outside", 0o700, -1)),
        ("os.remove", ("{}/a", -1)),
        ("subprocess.Popen", ("touch", ["touch", "x"], None, None)),
        ("os.system", (b"touch x",)),
    ],
)
def test_what_is_touched_elsewhere_is_told(
    watch: Watch, tmp_path: Path, event: str, arguments: tuple[object, ...]
) -> None:
    watch(event, tuple(each.format(tmp_path) if isinstance(each, str) else each for each in arguments))

    assert len(watch.outside) == 1


def test_a_link_out_of_the_directory_leads_out_of_it(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").symlink_to(tmp_path / "elsewhere")
    watch("open", (str(tmp_path / "out/link"), "w", os.O_WRONLY))

    assert len(watch.outside) == 1


def test_a_command_and_a_mistake_are_told_as_they_end(run: Confined, tmp_path: Path) -> None:
    good, usage = run(tmp_path, "--version"), run(tmp_path, "aws", "no-such-command")
    bad = run(tmp_path, "of-a-release", str(tmp_path / "gone"))

    assert (good.code, bounded(good)) == (0, [])
    assert good.out.startswith("ccoctl ")
    assert (usage.code, bounded(usage)) == (2, [])
    assert bad.code == BUG
    assert "FileNotFoundError" in bounded(bad)[0]
