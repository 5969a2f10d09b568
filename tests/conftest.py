"""Fixtures that every test may use."""

from __future__ import annotations

import functools
import gc
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.loaders
import pytest

pytest_plugins = ["ccoctl.lab.pytest_plugin"]

ROOT = Path(__file__).resolve().parent.parent


def pytest_sessionstart(session: pytest.Session) -> None:
    """Coverage follows pytest into its workers and no further: the programs that tests run are slow enough.

    And who starts the tests may ignore signals (nohup, a script's `&`), which the programs would take over.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    runs_tests_itself = hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None)
    if runs_tests_itself:
        for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
            del os.environ[name]


def pytest_collection_finish() -> None:
    """Seven thousand tests and what they import stay: the collector need not look at them each time."""
    import hypothesis  # noqa: F401 - it asks the collector who refers to what it registers: before, not after

    gc.collect()
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """A log that `--debug` began ends with its test: it would go on writing to a stream that is closed by then."""
    log = logging.getLogger("ccoctl")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)
    log.propagate = True


@pytest.fixture(scope="session", autouse=True)
def _the_sdk_reads_its_data_once() -> Iterator[None]:
    """Each command has a session of its own, which reads a megabyte of JSON: half of what a run of tests would do."""
    read = functools.cache(botocore.loaders.JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.loaders.JSONFileLoader, "load_file", lambda _self, path: read(path))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real requests, tokens and goldens beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder.name}/ is not beside the checkout: its real data cannot be compared")
    return folder


Count = Callable[[int, str], None]
"""Takes a number and what was counted, in the plural: 21, "points at which create-all was killed"."""


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy in the environment, and no host that is exempt from one."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """Tells at the end of the run how much a harness tried; the same words of several tests are added up."""

    def told(number: int, what: str) -> None:
        request.node.user_properties.append((COUNTED, f"{number} {what}"))

    return told


COUNTED = "counted"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the harnesses counted, wherever their processes ran."""
    totals = Counter[str]()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == COUNTED:
                tried, _, what = str(value).partition(" ")
                totals[what] += int(tried)
    if totals:
        terminalreporter.section("tried")
        for what, total in sorted(totals.items()):
            terminalreporter.write_line(f"{total:7,} {what}")


_CHANGES = frozenset({"open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename"})


@pytest.fixture(scope="session")
def crash() -> Callable[[Callable[[], object], int], bool]:
    """Runs a task in a child process killed right before its n-th (from 0) touch of the file system.

    Gives True when the task came to its end before that.
    """

    def run(task: Callable[[], object], number: int) -> bool:
        if (child := os.fork()) == 0:
            left = number

            def kill(event: str, _arguments: object) -> None:
                nonlocal left
                if event in _CHANGES:
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(kill)
            try:
                task()
            except BaseException:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the task failed by itself"
        return os.WIFEXITED(status)

    return run
