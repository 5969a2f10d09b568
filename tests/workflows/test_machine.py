"""A machine that is not as it should be: no half-written file, a clear error, and the next run goes on.

Every command that writes files, on a disk that is full or read-only, in directories with planted things, under every
umask. The short form tries a point or two of each command, the long one (`-m long`) all of them.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws
from tests.conftest import Count
from tests.workflows.commands import Cli, Done
from tests.workflows.every_command import ROWS, WRITERS, Stage, staged, with_flags
from tests.workflows.every_command import tree as tree_of

pytestmark = pytest.mark.harness

ALL = list(WRITERS)
SOME = ("aws create-key-pair", "aws create-all", "release extract", "openshift prepare-install")
MORE = (*SOME, "aws export", "aws rotate-signing-key", "cluster adopt", "aws create-all --dry-run", "aws verify --html")
PLANTS = ("link", "link to nothing", "hard link", "pipe", "other kind", "device")
long = pytest.mark.long


def commands(short: Sequence[str]) -> list[Any]:
    """All of them, those that are not named only in the long form."""
    return [pytest.param(what, marks=() if what in short else long) for what in ALL]


@dataclass
class Undisturbed:
    """What a command does when nothing is in its way."""

    written: dict[str, str] = field(default_factory=dict)
    touches: int = 0
    """Of the disk."""


@dataclass
class Bench:
    """Runs one command of the table, each time in a new world."""

    aws: EmbeddedAws
    key_pair: Path
    tmp_path: Path
    capsys: pytest.CaptureFixture[str]
    undisturbed: dict[str, Undisturbed]
    worlds: int = 0
    before: dict[str, str] = field(default_factory=dict)
    """What was there when the last world began."""

    @contextmanager
    def world(self, what: str, root: Path | None = None) -> Iterator[Stage]:
        """What a command needs, in an empty account."""
        if what not in self.undisturbed:
            self.undisturbed[what] = Undisturbed()
            self._run_undisturbed(what)
        self.worlds += 1
        self.aws.reset()
        root = root or self.tmp_path / f"world{self.worlds}"
        root.mkdir(exist_ok=True)
        with staged(self.aws, self.key_pair, root, ROWS[WRITERS[what][0]]) as stage:
            self.before = tree(stage)
            yield stage

    def run(self, what: str, stage: Stage) -> Done:
        """The command; it ends in an exit code, and nothing of its inside is shown."""
        names, arguments = WRITERS[what]
        line = with_flags(names, arguments(stage))
        self.capsys.readouterr()
        code = run(line)
        told = self.capsys.readouterr()
        assert "Traceback" not in told.err, told.err
        assert "bug of ccoctl" not in told.err, told.err
        return Done(code, told.out, told.err)

    def wanted(self, what: str) -> dict[str, str]:
        """What the command writes when nothing is in its way, by path below the root."""
        if what not in self.undisturbed:
            with self.world(what):
                pass
        return self.undisturbed[what].written

    def _run_undisturbed(self, what: str) -> None:
        with self.world(what) as stage:
            with FullDisk(stage.root) as disk:
                done = self.run(what, stage)
            assert done.code == ok(what), done.err
            after = tree(stage)
            changed = {name: after[name] for name in after if self.before.get(name) != after[name]}
            written = {name: text for name, text in changed.items() if name.startswith(top(what))}
            self.undisturbed[what] = Undisturbed(written, disk.touched)

    def refused(self, what: str, stage: Stage, *says: str) -> None:
        """The command fails in a sentence that says so."""
        told_of(self.run(what, stage), *says)

    def no_half(self, what: str, stage: Stage) -> None:
        """Each file is as it was, as an undisturbed run writes it, or is not there."""
        for name, content in tree(stage).items():
            assert ".ccoctl-" not in name, name
            if name in self.wanted(what) and content != self.before.get(name):
                assert whole(name, content) == whole(name, self.wanted(what)[name]), name

    def goes_on(self, what: str, stage: Stage) -> None:
        """The next run ends where an undisturbed one ends."""
        done = self.run(what, stage)
        assert done.code == ok(what), done.err
        there = tree(stage)
        assert set(self.wanted(what)) <= set(there)
        self.no_half(what, stage)


def ok(what: str) -> int:
    return ROWS[WRITERS[what][0]].code


def top(what: str) -> str:
    """The directory that a command's files are in, as the harness names it."""
    return ROWS[WRITERS[what][0]].writes or "out"


def tree(stage: Stage) -> dict[str, str]:
    found = {name: text for name, text in tree_of(stage.root).items() if not name.startswith("kubeconfig")}
    return {name: text.replace(str(stage.root), "ROOT") for name, text in found.items()}


def whole(name: str, content: str) -> str:
    """What is the same in every run: of a new key its shape, of a page all but its times and numbers."""
    if "PRIVATE KEY" in content or "PUBLIC KEY" in content:
        return f"{content.partition(' ')[0]} a key {content.count('-----BEGIN')} {content.count('-----END')}"
    if name.endswith(".html"):
        return f"{content.partition(' ')[0]} a page {content.count('<html')} {content.count('</html>')}"
    return VARYING.sub("varying", content)


VARYING = re.compile(r'[a-z0-9]+\.cloudfront\.net|"n": ?"[\w-]+"|\b[\w-]{43}\b')
"""What is another one in each run: a distribution's name, and a key and its kid where one is made."""


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, Undisturbed]:
    """Each command is run once without anything in its way."""
    return {}


@pytest.fixture
def bench(
    cli: Cli,
    key_pair: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, Undisturbed],
) -> Bench:
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    return Bench(cli.aws, key_pair, tmp_path, capsys, undisturbed)


class TestWhatIsPlanted:
    """Somebody who can write into the directory, say one below /tmp, was there before."""

    @pytest.mark.parametrize("what", commands(MORE))
    def test_links_in_place_of_all_files_are_not_followed(self, bench: Bench, what: str, count: Count) -> None:
        files = [name for name, content in bench.wanted(what).items() if is_file(content)]
        with bench.world(what) as stage:
            victims = [plant(stage, name, "link") for name in files]
            before = [looked(victim) for victim in victims]
            bench.refused(what, stage, *(str(stage.root / name) for name in files))
            assert [looked(victim) for victim in victims] == before
        count(len(files), "places where something was planted")

    @pytest.mark.parametrize("what", commands(SOME))
    def test_links_in_place_of_directories_are_not_followed(self, bench: Bench, what: str, count: Count) -> None:
        """But the directory that the user names may be one."""
        below = new_directories(bench, what)
        if not below:
            return  # it makes none
        with bench.world(what) as stage:
            victim = plant(stage, below[0], "link", is_directory=True)
            before = looked(victim)
            bench.refused(what, stage, "symbolic link")
            assert looked(victim) == before
        count(1, "places where something was planted")

    @long
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("kind", PLANTS)
    @pytest.mark.parametrize("what", ALL)
    def test_nothing_that_is_planted_anywhere_is_written_through(
        self, bench: Bench, what: str, kind: str, count: Count
    ) -> None:
        tried = 0
        for name, content in bench.wanted(what).items():
            if not is_file(content) and (kind == "hard link" or name not in new_directories(bench, what)):
                continue
            with bench.world(what) as stage:
                victim = plant(stage, name, kind, is_directory=not is_file(content))
                if victim is None:
                    continue
                before = looked(victim)
                done = bench.run(what, stage)
                assert looked(victim) == before, (name, kind)
                assert done.code == (ok(what) if kind == "hard link" and done.code != 1 else 1), (name, kind, done.err)
                tried += 1
        count(tried, "places where something was planted")


def new_directories(bench: Bench, what: str) -> list[str]:
    """Directories that a command makes below the one that its user names."""
    named = {top(what), "out/pages"} if what.endswith("--html") else {top(what)}
    return [name for name, content in bench.wanted(what).items() if not is_file(content) and name not in named]


def is_file(content: str) -> bool:
    return not content.endswith(" directory")


def plant(stage: Stage, name: str, kind: str, *, is_directory: bool = False) -> Path:
    """Put something where a file or directory will be, and give what it leads to."""
    place = stage.root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    victim = stage.root / f"victim-{name.replace('/', '-')}"
    if is_directory:
        victim.mkdir(mode=0o755)
    else:
        victim.write_bytes(b"precious")
        victim.chmod(0o604)
    if place.is_file() or place.is_symlink():
        place.unlink()
    match kind:
        case "link":
            place.symlink_to(victim)
        case "link to nothing":
            place.symlink_to(stage.root / "nowhere")
            return stage.root / "nowhere"
        case "hard link":
            os.link(victim, place)
        case "pipe":
            os.mkfifo(place)
        case "device":
            place.symlink_to("/dev/full")
            return Path("/dev/full")
        case _:
            if is_directory:
                place.write_bytes(b"in the way")
            else:
                place.mkdir()
            return place
    return victim


def looked(path: Path) -> object:
    """Everything about a thing that somebody could have changed."""
    if not os.path.lexists(path):
        return None
    status = path.lstat()
    inside = sorted(str(found) for found in path.rglob("*")) if path.is_dir() else []
    content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
    return (status.st_mode, status.st_uid, status.st_gid, status.st_size, inside, content)


@dataclass
class FullDisk:
    """The n-th touch of the disk (from 0) and all after it find no room: a name is made, or content is to be kept.

    Only touches below the root count: what threads of other tests still do elsewhere is none of the command's.
    """

    root: Path
    left: int = 1_000_000
    touched: int = 0
    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    def __enter__(self) -> Self:
        for name in ("mkdir", "fsync", "link", "replace"):
            self.patch.setattr(os, name, self._failing(getattr(os, name)))
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()

    def _failing(self, real: Callable[..., object]) -> Callable[..., object]:
        def touch(*arguments: Any, **more: object) -> object:
            if self._concerns(arguments[0]):
                self.touched += 1
                if self.touched > self.left:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **more)

        return touch

    def _concerns(self, file: int | str | os.PathLike[str]) -> bool:
        path = Path(f"/proc/self/fd/{file}" if isinstance(file, int) else file)
        return path.resolve().is_relative_to(self.root.resolve())


class TestNoRoom:
    @pytest.mark.parametrize("what", commands(SOME))
    def test_a_disk_that_is_full_from_the_middle_on(self, bench: Bench, what: str, count: Count) -> None:
        bench.wanted(what)
        points(bench, what, [bench.undisturbed[what].touches // 2], count)

    @long
    @pytest.mark.timeout(900)
    @pytest.mark.parametrize("what", ALL)
    def test_a_disk_that_is_full_from_any_touch_on(self, bench: Bench, what: str, count: Count) -> None:
        bench.wanted(what)
        points(bench, what, range(bench.undisturbed[what].touches), count)

    @pytest.mark.parametrize("what", commands(SOME))
    def test_a_disk_that_has_no_room_for_all_of_it(self, bench: Bench, what: str, count: Count) -> None:
        """A real one: a file system of a few pages."""
        with bench.world(what) as stage:
            place = stage.root / top(what)
            mode = "755" if top(what) == "extracted" else "700"
            with mounted(place, f"mode={mode},size={4 * (len(list(place.rglob('*'))) + 1)}k") as disk:
                fill(disk)
                bench.refused(what, stage, "disk is full")
                bench.no_half(what, stage)
                empty(disk)
                subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
                bench.goes_on(what, stage)
        count(1, "commands on a full file system")


def told_of(done: Done, *says: str) -> None:
    """A failure in a sentence that has one of these words."""
    assert done.code == 1, (done.code, done.out, done.err)
    assert any(words in done.err for words in says), (says, done.err)


def points(bench: Bench, what: str, numbers: range | list[int], count: Count) -> None:
    for number in numbers:
        with bench.world(what) as stage:
            with FullDisk(stage.root, number) as disk:
                done = bench.run(what, stage)
            if disk.touched <= number:  # files written at once may make their directory once or twice
                assert done.code == ok(what), done.err
                continue
            told_of(done, "disk is full")
            bench.no_half(what, stage)
            bench.goes_on(what, stage)
    count(len(numbers), "touches of the disk from which on it was full")


@contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own in place of a directory, with what was in it."""
    there = place.exists()
    held = subprocess.run(["tar", "-C", str(place), "-cf", "-", "."], capture_output=True, check=there).stdout
    place.mkdir(exist_ok=True, mode=0o700)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("a file system can be mounted by root only, and not in every container")
    try:
        if there:
            subprocess.run(["tar", "-C", str(place), "-xpf", "-"], input=held, check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave room for a directory, and for no file."""
    subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filler'}", "bs=4096"], check=False, capture_output=True)


def empty(disk: Path) -> None:
    (disk / "filler").unlink()


class TestADirectoryThatIsReadOnly:
    @pytest.mark.parametrize("what", commands(MORE))
    def test_it_is_said_before_anything_is_asked_to_change(self, bench: Bench, what: str, count: Count) -> None:
        with bench.world(what) as stage, mounted(stage.root / top(what), "mode=700,size=8m") as disk:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            before, asked = tree(stage), len([call for call in bench.aws.calls() if call.changing])
            bench.refused(what, stage, "read-only")
            assert tree(stage) == before
            changed = [call.operation for call in bench.aws.calls() if call.changing][asked:]
            assert set(changed) <= {"AssumeRoleWithWebIdentity"}
        count(1, "commands on a read-only file system")


MASKS = (0o000, 0o022, 0o077, 0o277, 0o777)


class TestModes:
    @pytest.mark.parametrize(
        ("what", "mask"),
        [
            *(pytest.param(what, MASKS[number % 5]) for number, what in enumerate(MORE)),
            *(pytest.param(what, mask, marks=long) for what in ALL for mask in MASKS),
        ],
    )
    def test_they_do_not_depend_on_the_umask(self, bench: Bench, what: str, mask: int, count: Count) -> None:
        with bench.world(what) as stage:
            there = set(tree(stage))
            before = os.umask(mask)
            try:
                assert bench.run(what, stage).code == ok(what)
            finally:
                os.umask(before)
            for name in set(tree(stage)) - there:
                status = (stage.root / name).stat()
                assert stat.S_IMODE(status.st_mode) == mode_of(name, stage.root / name), name
                assert status.st_uid == os.geteuid()
        count(1, "commands under an umask")


def mode_of(name: str, path: Path) -> int:
    """What the documentation promises."""
    if path.is_dir():
        return 0o755 if name == "extracted" else 0o700
    if name.endswith((".private", "signing-key.key")):
        return 0o600
    return 0o755 if name.endswith(".sh") else 0o644
