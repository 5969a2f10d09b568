"""A private key is closed to others, or refused unless the user says otherwise; and no core dump holds it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from ccoctl.cli.table import COMMANDS
from ccoctl.errors import FileError
from ccoctl.workflows.create_key_pair import INSTALLER, PRIVATE, PUBLIC, create_key_pair, inspect, load_private_key_file
from ccoctl.workflows.private_keys import keep_out_of_core_dumps, taking_unprotected
from tests.workflows.commands import Cli
from tests.workflows.every_command import NAME, ROWS, Names, Stage, flags, staged, with_flags

MARK = "the-words-that-a-core-would-hold"
"""In memory of a process that crashes."""


class TestAKeyThatOthersCanRead:
    @pytest.fixture
    def out(self, tmp_path: Path, key_pair: Path) -> Path:
        for name in (PRIVATE, INSTALLER, PUBLIC):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes((key_pair / name).read_bytes())
            (tmp_path / name).chmod(0o644)
        return tmp_path

    def test_is_refused_and_both_ways_out_are_told(self, out: Path) -> None:
        for read in (inspect, create_key_pair, lambda path: load_private_key_file(path / PRIVATE)):
            with pytest.raises(FileError, match="mode 0644") as caught:
                read(out)
            assert "chmod 600" in caught.value.remedy
            assert "--allow-unprotected-key" in caught.value.remedy

    def test_is_taken_when_the_user_says_so_and_only_as_long(self, out: Path) -> None:
        with taking_unprotected():
            assert create_key_pair(out).kid
            load_private_key_file(out / PRIVATE)
        with pytest.raises(FileError, match="mode 0644"):
            inspect(out)

    def test_its_mode_is_left_as_it_is(self, out: Path) -> None:
        with taking_unprotected():
            create_key_pair(out)
        assert (out / PRIVATE).stat().st_mode & 0o777 == 0o644


READING: tuple[Names, ...] = (
    ("aws", "create-key-pair"),
    ("aws", "create-all"),
    ("aws", "plan"),
    ("aws", "export"),
    ("aws", "verify"),
    ("aws", "migrate-to-private-bucket"),
    ("aws", "migrate-to-public-bucket"),
    ("openshift", "prepare-install"),
    ("token", "create"),
    ("pod", "run"),
)
"""Commands that read the private key of the output directory, or of --private-key-file."""


@contextmanager
def open_to_others(cli: Cli, key_pair: Path, root: Path, names: Names) -> Iterator[Stage]:
    """A command's world, with keys that everybody can read."""
    with staged(cli.aws, key_pair, root, ROWS[names]) as stage:
        stage.keys()
        for name in (PRIVATE, INSTALLER):
            (stage.out / name).chmod(0o644)
        yield stage


class TestTheWordForIt:
    @pytest.fixture(autouse=True)
    def administrator(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in cli.environment.items():
            monkeypatch.setenv(name, value)

    @pytest.mark.parametrize("names", READING, ids=" ".join)
    def test_every_command_that_reads_a_key_refuses_it_without(
        self, cli: Cli, key_pair: Path, tmp_path: Path, names: Names
    ) -> None:
        with open_to_others(cli, key_pair, tmp_path, names) as stage:
            cli.capsys.readouterr()
            assert run(with_flags(names, ROWS[names].arguments(stage))) == 1
            assert "mode 0644: other users of this machine can get at it" in cli.capsys.readouterr().err

    @pytest.mark.parametrize("names", READING, ids=" ".join)
    def test_and_takes_it_with_it(self, cli: Cli, key_pair: Path, tmp_path: Path, names: Names) -> None:
        with open_to_others(cli, key_pair, tmp_path, names) as stage:
            line = with_flags(names, ROWS[names].arguments(stage), "--allow-unprotected-key")
            assert run(line) == ROWS[names].code, cli.capsys.readouterr().err

    def test_every_command_that_has_the_flag_is_here(self) -> None:
        having = {names for names in COMMANDS if "--allow-unprotected-key" in flags(names)}
        assert having == {*READING, ("aws", "rotate-signing-key")}

    def test_a_rotation_reads_the_pair_that_an_earlier_run_made(self, cli: Cli, key_pair: Path, tmp_path: Path) -> None:
        names = ("aws", "rotate-signing-key")
        with staged(cli.aws, key_pair, tmp_path, ROWS[names]) as stage:
            line = [*names, *NAME, "--output-dir", str(stage.out), "--new-key", "--key-bits", "2048"]
            assert run(line) == 0
            (stage.out / "signing-key-2" / PRIVATE).chmod(0o644)
            assert run(line) == 1
            assert run([*line, "--allow-unprotected-key"]) == 0

    def test_whoever_gives_the_public_half_is_not_asked_about_the_private_one(
        self, cli: Cli, key_pair: Path, tmp_path: Path
    ) -> None:
        for names in (("aws", "create-all"), ("aws", "plan"), ("aws", "create-identity-provider")):
            with open_to_others(cli, key_pair, tmp_path / names[1], names) as stage:
                public = ["--public-key-file", str(stage.out / PUBLIC)]
                line = with_flags(names, ROWS[names].arguments(stage), *public)
                assert run(line) == ROWS[names].code, cli.capsys.readouterr().err
                cli.aws.reset()


def crashed(directory: Path, before: str) -> tuple[bool, list[Path]]:
    """A process that runs some Python and crashes: whether a core was written, and the files that hold the mark."""
    program = f"import os\n{before}\nheld = {MARK[:10]!r} + {MARK[10:]!r}\nos.abort()\n"

    def cores_allowed() -> None:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    child = subprocess.Popen([sys.executable, "-c", program], cwd=directory, preexec_fn=cores_allowed)  # noqa: PLW1509 - no threads are started meanwhile
    _, status = os.waitpid(child.pid, 0)
    child.returncode = status
    assert os.WTERMSIG(status) == signal.SIGABRT
    holding = [path for path in directory.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]
    return os.WCOREDUMP(status), holding


class TestCores:
    @pytest.mark.parametrize("name", ["read", "generate"])
    def test_a_process_that_crashes_with_a_key_leaves_none(self, tmp_path: Path, key_pair: Path, name: str) -> None:
        dumps, _ = crashed(tmp_path, "")
        if not dumps:
            pytest.skip("this system writes no core dumps (RLIMIT_CORE, or /proc/sys/kernel/core_pattern)")
        workflow = "from ccoctl.workflows import create_key_pair as pair\nfrom pathlib import Path\n"
        does = {"read": f"key = pair.inspect(Path({str(key_pair)!r}))", "generate": "key = pair.generate(2048)"}[name]
        (tmp_path / "with").mkdir()
        assert crashed(tmp_path / "with", workflow + does) == (False, [])

    def test_where_the_kernel_cannot_be_asked_the_limit_is_nought(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = resource.getrlimit(resource.RLIMIT_CORE)
        monkeypatch.setattr(sys, "platform", "darwin")
        try:
            keep_out_of_core_dumps()
            assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_CORE, before)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has PR_SET_DUMPABLE")
    @pytest.mark.parametrize(
        "brings", [lambda path: load_private_key_file(path / PRIVATE), inspect], ids=["a file", "a directory"]
    )
    def test_the_kernel_is_told_before_a_key_is_read(self, key_pair: Path, brings: Callable[[Path], object]) -> None:
        if (child := os.fork()) == 0:
            brings(key_pair)
            os._exit(0 if _dumpable() == 0 else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def _dumpable() -> int:
    import ctypes

    return int(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
