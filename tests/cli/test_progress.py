"""Progress on stderr: plain lines for a log, a live display for a person."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from msgspec.structs import replace
from rich.console import Console

from ccoctl.cli.progress import Display, looking, progress
from ccoctl.engine.call import Call
from ccoctl.engine.events import Event, PlanStarted, StepEnded, StepRetried, StepStarted, StepWaiting
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Action, Address, Outcome, Plan, State, Step, Wait
from ccoctl.errors import ErrorKind
from tests.engine.simulated import SimulatedCloud, attempts, failure, plan, step

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-9;]*m")
LONG = "create role demo-openshift-cluster-csi-drivers-ebs-cloud-credentials-and-so-on-beyond-the-edge"


class Terminal(io.StringIO):
    """A stream that says it is read by a person."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 80 columns with colours."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def watch(stream: io.StringIO, wanted: Plan, cloud: SimulatedCloud) -> str:
    """Carry a plan out, one step at a time, and give what was shown."""
    with progress(stream) as listener:
        execute(
            wanted,
            cloud,
            write_file=lambda work, _text: pytest.fail(str(work.path)),
            concurrency=1,
            listener=listener,
            attempts=attempts(),
        )
    return stream.getvalue()


def waiting_for(summary: str) -> Step:
    work = Wait(call=Call(service="cloud", operation="ask"), path="Status", equals="Deployed", deadline=900.0)
    return Step(id="wait", address=Address("thing", "x"), action=Action.WAIT, summary=summary, work=work)


def test_a_log_gets_a_line_for_all_that_ends_waits_or_is_tried_again() -> None:
    cloud = SimulatedCloud(
        failures={"a": [failure(ErrorKind.THROTTLED, "Throttling")], "b": [failure(ErrorKind.DENIED, "NotYours")]},
        answers={"ask": [{"Status": "InProgress"}, {"Status": "Deployed"}]},
    )

    shown = watch(io.StringIO(), plan(step("a"), step("b", "a"), step("c", "b"), waiting_for("wait for x")), cloud)

    assert shown.splitlines() == [
        "again in 0.5 s: make a (attempt 1: Throttling)",
        "done: make a",
        "failed: make b: failed with NotYours",
        "not done: make c",
        "waiting: wait for x (InProgress, 0 of at most 900 s)",
        "done: wait for x",
    ]


def test_a_bug_is_called_one() -> None:
    def explode(_call: Call) -> None:
        raise KeyError("x")

    shown = watch(io.StringIO(), plan(step("a")), SimulatedCloud(on_call=explode))

    assert shown == "failed: make a: this is a bug of ccoctl, KeyError: 'x'\n"


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_nothing_that_a_server_says_moves_the_cursor(kind: type[io.StringIO], terminal: Terminal) -> None:
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.PERMANENT, "\x1b[2Jevil [red]x[/red]")]})

    shown = watch(kind(), plan(step("a")), cloud)

    assert "\x1b[2J" not in shown
    assert "failed: make a: failed with \\x1b[2Jevil [red]x[/red]" in shown


def test_what_ended_stays_on_the_terminal_in_one_piece(terminal: Terminal) -> None:
    wanted = plan(replace(step("a"), summary=f"{LONG} a"), replace(step("b"), summary=f"{LONG} b"))
    cloud = SimulatedCloud(failures={"b": [failure(ErrorKind.PERMANENT, "Sorry")]})

    shown = _SEQUENCE.sub("", watch(terminal, wanted, cloud))

    assert f"done: {LONG} a\n" in shown
    assert f"failed: {LONG} b: failed with Sorry\n" in shown


def frame(*events: Event) -> list[str]:
    """The lines that are shown after some events, on 80 columns."""
    screen = io.StringIO()
    console = Console(file=screen, width=80)
    display = Display(console)
    for event in events:
        display(event)
    console.print(display.frame)
    return screen.getvalue().splitlines()


def test_the_display_has_a_line_for_each_running_step_and_a_bar_for_the_whole() -> None:
    a, b, c = step("a"), step("b"), step("c")

    *running, whole = frame(
        PlanStarted(plan(a, b, c)),
        StepStarted(a),
        StepStarted(b),
        StepStarted(c),
        StepEnded(Outcome(step=b, state=State.SKIPPED)),
    )

    assert [line.split()[-2:] for line in running] == [["make", "a"], ["make", "c"]]
    assert "1/3" in whole


def test_what_is_seen_and_how_long_it_takes_are_never_cut_off() -> None:
    long = replace(step("a"), summary=LONG)
    started = (PlanStarted(plan(long)), StepStarted(long))

    waits, _ = frame(*started, StepWaiting(long, "InProgress", 12.0, 900.0))
    retries, _ = frame(*started, StepRetried(long, 1, 2.0, "Throttling"))

    assert "0:00:00 InProgress, at most 900 s: create role" in waits
    assert "0:00:00 Throttling, again in 2.0 s: create role" in retries
    assert waits.endswith("…")
    assert len(waits) == 80


def test_no_colour_where_none_is_wanted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _COLOUR.search(watch(terminal, plan(step("a")), SimulatedCloud()))
    monkeypatch.setenv("NO_COLOR", "1")

    assert not _COLOUR.search(watch(Terminal(), plan(step("a")), SimulatedCloud()))


def test_a_terminal_that_can_do_nothing_gets_the_log(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    assert watch(terminal, plan(step("a")), SimulatedCloud()) == "done: make a\n"


def test_a_log_does_without_rich() -> None:
    script = (
        "import io, sys\n"
        "from ccoctl.cli.progress import looking, progress\n"
        "with looking(io.StringIO()), progress(io.StringIO()): pass\n"
        "print('rich' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_looking_says_what_takes_longer(kind: type[io.StringIO], terminal: Terminal) -> None:
    stream = kind()
    with looking(stream) as tell:
        tell("iam:GetRole is tried again")

    assert "iam:GetRole is tried again\n" in _SEQUENCE.sub("", stream.getvalue())
