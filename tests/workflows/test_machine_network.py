"""A network that is not as it should be, and a clock that is off: a clear error, in time, and no half-written file.

Every command that asks AWS, behind a proxy that hangs, refuses or talks nonsense, without names, and an hour off. The
short form tries each trouble with one command and each command with one trouble; the deadlines are shortened, but for
one command of the long form.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import embedded_aws
from tests.conftest import Count
from tests.workflows.commands import Cli, Done
from tests.workflows.every_command import ROWS, Names, Stage, staged, tree, with_flags

pytestmark = pytest.mark.harness

ASKING = [names for names, row in ROWS.items() if "aws" in row.asks]
NOT_ANSWERED = "AWS did not answer"
long = pytest.mark.long


@dataclass(frozen=True)
class Trouble:
    """What a proxy does with whoever connects, and what is said of it."""

    said: str
    answer: bytes | None = b""
    """None: nothing is ever said, and the connection stays open."""
    proxy: str = ""
    """Another address than the proxy's own."""


TROUBLES = {
    "silent": Trouble(NOT_ANSWERED, answer=None),
    "hangs up": Trouble(NOT_ANSWERED),
    "wants a login": Trouble(
        "USER:PASSWORD", b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"
    ),
    "bad gateway": Trouble(NOT_ANSWERED, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
    "nonsense": Trouble(NOT_ANSWERED, b"\x16\x03\x01\x00\xff" * 100 + b"\r\n\r\n"),
    "not there": Trouble(NOT_ANSWERED, proxy="http://127.0.0.1:9"),
    "no such name": Trouble(NOT_ANSWERED, proxy="http://proxy.invalid:3128"),
}


@contextmanager
def proxy(trouble: Trouble) -> Iterator[str]:
    """A proxy with that trouble; gives its address."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                held.append(connection)
                if trouble.answer is not None:
                    with contextlib.suppress(OSError):  # whoever asked may be gone
                        connection.settimeout(5)
                        connection.recv(4096)
                        connection.sendall(trouble.answer)
                        connection.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield trouble.proxy or f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in held:
        connection.close()


@pytest.fixture
def begun(
    cli: Cli, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Names], Callable[[], Done]]]:
    """Sets a command's world up; what is returned runs the command, which must fail and write nothing."""
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    opened = []

    def begin(names: Names) -> Callable[[], Done]:
        world = staged(cli.aws, key_pair, tmp_path, ROWS[names])
        stage: Stage = world.__enter__()
        opened.append(world)

        def fail() -> Done:
            before = tree(stage.root)
            cli.capsys.readouterr()
            code = run(with_flags(names, ROWS[names].arguments(stage)))
            told = cli.capsys.readouterr()
            assert code == 1, told.out + told.err
            assert "bug of ccoctl" not in told.err, told.err
            assert tree(stage.root) == before
            return Done(code, told.out, told.err)

        return fail

    yield begin
    for world in opened:
        world.__exit__(None, None, None)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a moment from now on, when the world is set up."""
    monkeypatch.setattr("ccoctl.aws.client.CONNECT_TIMEOUT", 0.3)
    monkeypatch.setattr("ccoctl.aws.client.READ_TIMEOUT", 0.3)
    brief = Patience(first=0.1, longest=0.1, total=0.1)
    monkeypatch.setattr("ccoctl.engine.attempt.READING", RetryPolicy(transient=brief))


def behind(trouble: str, monkeypatch: pytest.MonkeyPatch, fail: Callable[[], Done]) -> None:
    """Run a command behind a proxy."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with proxy(TROUBLES[trouble]) as address:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, address)
        done = fail()
    assert TROUBLES[trouble].said in done.err, done.err
    assert "HTTPS_PROXY" in done.err


PLAN = ("aws", "plan")


@pytest.mark.parametrize(
    ("names", "trouble"),
    [
        pytest.param(names, trouble, id=f"{' '.join(names)}, {trouble}", marks=() if in_short else long)
        for number, names in enumerate(ASKING)
        for place, trouble in enumerate(TROUBLES)
        for in_short in [names == PLAN or place == number % len(TROUBLES)]
    ],
)
def test_a_proxy_with_a_trouble_is_told(
    names: Names,
    trouble: str,
    begun: Callable[[Names], Callable[[], Done]],
    monkeypatch: pytest.MonkeyPatch,
    count: Count,
) -> None:
    fail = begun(names)
    hurry(monkeypatch)
    behind(trouble, monkeypatch, fail)
    count(1, "commands behind a proxy with a trouble")


@long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_by_the_real_deadlines(
    trouble: str, begun: Callable[[Names], Callable[[], Done]], monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    behind(trouble, monkeypatch, begun(("aws", "create-all")))
    count(1, "commands behind a proxy with a trouble")


@pytest.mark.parametrize(
    "names", [pytest.param(names, id=" ".join(names), marks=() if names == PLAN else long) for names in ASKING]
)
def test_an_endpoint_whose_name_is_not_known(
    names: Names, begun: Callable[[Names], Callable[[], Done]], monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    fail = begun(names)
    hurry(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://aws.invalid")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    assert "AWS_ENDPOINT_URL" in fail().err
    count(1, "commands without DNS")


class TestAClockThatIsOff:
    @pytest.mark.parametrize(
        ("names", "ahead"),
        [
            pytest.param(names, ahead, id=f"{' '.join(names)}, {ahead}", marks=() if ahead == 3600 else long)
            for names in ASKING
            for ahead in (3600, -3600)
        ],
    )
    def test_by_an_hour(
        self,
        names: Names,
        ahead: float,
        begun: Callable[[Names], Callable[[], Done]],
        monkeypatch: pytest.MonkeyPatch,
        count: Count,
    ) -> None:
        fail = begun(names)
        with embedded_aws(Conditions(clock_ahead=ahead)) as aws:
            for name, value in aws.environment().items():
                monkeypatch.setenv(name, value)
            told = fail().err
        assert f"the clock of this machine is 1 h {'behind' if ahead > 0 else 'ahead of'} AWS's" in told
        assert "Set the clock" in told
        count(1, "commands with a clock that is off")

    @pytest.mark.parametrize("ahead", [270, -270])
    def test_by_less_than_five_minutes_it_does_no_harm(
        self, ahead: float, cli: Cli, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither to signatures nor to tokens."""
        names = ("aws", "verify")
        with embedded_aws(Conditions(clock_ahead=ahead)) as aws, staged(aws, key_pair, tmp_path, ROWS[names]) as stage:
            for name, value in aws.environment().items():
                monkeypatch.setenv(name, value)
            cli.capsys.readouterr()
            assert run(with_flags(names, ROWS[names].arguments(stage))) == 0
