"""A private key is closed to others, or refused unless the user says otherwise; and no core dump holds it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ccoctl.errors import FileError
from ccoctl.workflows.create_key_pair import INSTALLER, PRIVATE, PUBLIC, create_key_pair, inspect, load_private_key_file
from ccoctl.workflows.private_keys import keep_out_of_core_dumps, taking_unprotected

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
