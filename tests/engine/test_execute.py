"""A plan is carried out: order, failures, retries, waits, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.engine.call import Call, JsonText, Output, Template
from ccoctl.engine.events import Event, PlanEnded, PlanStarted, StepEnded, StepRetried, StepStarted, StepWaiting
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Action, Address, Plan, Result, State, Step, Wait, WriteFile
from ccoctl.errors import ErrorKind
from tests.engine.simulated import FakeClock, SimulatedCloud, attempts, failure, plan, step


def run(wanted: Plan, cloud: SimulatedCloud, **options: object) -> Result:
    """Carry a plan out without files and real pauses."""
    options.setdefault("attempts", attempts())
    return execute(wanted, cloud, write_file=_no_file, **options)  # type: ignore[arg-type] # options of several types


def _no_file(work: WriteFile, content: str) -> None:
    raise AssertionError(f"{work.path}: {content}")


def states(result: Result) -> dict[str, State]:
    return {outcome.step.id: outcome.state for outcome in result.outcomes}


def test_a_step_uses_what_an_earlier_one_answered() -> None:
    late = Output(step="a", path="Id", placeholder="<a>")
    uses = Call(service="cloud", operation="b", parameters={"Of": Template(("x-", late)), "Doc": JsonText({"a": late})})
    cloud = SimulatedCloud()

    result = run(plan(step("a"), step("b", work=uses)), cloud)

    assert result.ok
    assert cloud.asked[1].parameters == {"Of": "x-id-of-a", "Doc": '{"a":"id-of-a"}'}


def test_a_parameter_that_comes_to_nothing_is_left_out() -> None:
    late = Output(step="a", path="Missing", placeholder="<a>")
    cloud = SimulatedCloud()

    run(plan(step("a"), step("b", work=Call(service="cloud", operation="b", parameters={"X": late, "Y": 1}))), cloud)

    assert cloud.asked[1].parameters == {"Y": 1}


def test_a_failed_step_stops_what_needs_it_and_nothing_else() -> None:
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.PERMANENT)]})

    result = run(plan(step("a"), step("b", "a"), step("c", "b"), step("d")), cloud)

    assert states(result) == {"a": State.FAILED, "b": State.SKIPPED, "c": State.SKIPPED, "d": State.DONE}
    assert {outcome.because for outcome in result.of(State.SKIPPED)} == {"a"}
    assert cloud.times() == {"a": 1, "d": 1}
    assert not result.interrupted


def test_every_root_cause_is_kept() -> None:
    cloud = SimulatedCloud(failures={name: [failure(ErrorKind.DENIED, name)] for name in ("a", "b")})

    result = run(plan(step("a"), step("b"), step("c", "a", "b")), cloud)

    assert [outcome.step.id for outcome in result.of(State.FAILED)] == ["a", "b"]
    assert len(result.of(State.SKIPPED)) == 1


def test_what_may_pass_is_tried_again() -> None:
    clock = FakeClock()
    cloud = SimulatedCloud(
        failures={"a": [failure(kind) for kind in (ErrorKind.THROTTLED, ErrorKind.TRANSIENT, ErrorKind.NOT_YET)]}
    )
    events: list[Event] = []

    result = run(plan(step("a")), cloud, attempts=attempts(clock), listener=events.append)

    assert result.outcomes[0].attempts == 4
    assert [event.attempt for event in events if isinstance(event, StepRetried)] == [1, 2, 3]
    assert clock.pauses == [0.5, 0.25, 0.25]


def test_what_does_not_pass_ends_within_its_deadline() -> None:
    clock = FakeClock()
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.TRANSIENT)] * 1000})

    result = run(plan(step("a")), cloud, attempts=attempts(clock))

    assert states(result) == {"a": State.FAILED}
    assert 59.0 < clock.time <= 60.5


def test_codes_that_a_call_names_are_waited_out_or_taken_for_done() -> None:
    fresh = Call(service="cloud", operation="a", not_yet=frozenset({"MalformedPolicy"}))
    gone = Call(service="cloud", operation="b", tolerate=frozenset({"NoSuchEntity"}))
    again = Call(service="cloud", operation="c", tolerate_again=frozenset({"Exists"}))
    cloud = SimulatedCloud(
        failures={
            "a": [failure(ErrorKind.PERMANENT, "MalformedPolicy")],
            "b": [failure(ErrorKind.MISSING, "NoSuchEntity")],
            "c": [failure(ErrorKind.TRANSIENT), failure(ErrorKind.EXISTS, "Exists")],
        }
    )

    result = run(plan(step("a", work=fresh), step("b", work=gone), step("c", work=again)), cloud)

    assert result.ok
    assert cloud.times() == {"a": 2, "b": 1, "c": 2}


def test_what_exists_at_the_first_attempt_is_somebody_elses() -> None:
    again = Call(service="cloud", operation="c", tolerate_again=frozenset({"Exists"}))
    cloud = SimulatedCloud(failures={"c": [failure(ErrorKind.EXISTS, "Exists")]})

    assert not run(plan(step("c", work=again)), cloud).ok


def _wait(deadline: float = 100.0) -> Step:
    question = Call(service="cloud", operation="ask")
    work = Wait(call=question, path="Thing.Status", equals="Deployed", deadline=deadline)
    return Step(id="wait", address=Address("thing", "x"), action=Action.WAIT, summary="wait for x", work=work)


def test_a_wait_asks_until_and_its_last_answer_counts() -> None:
    answers = [{"Thing": {"Status": "InProgress"}, "ETag": "1"}, {"Thing": {"Status": "Deployed"}, "ETag": "2"}]
    events: list[Event] = []

    result = run(plan(_wait()), SimulatedCloud(answers={"ask": list(answers)}), listener=events.append)

    assert result.answers["wait"]["ETag"] == "2"
    assert [event.seen for event in events if isinstance(event, StepWaiting)] == ["InProgress"]


def test_a_wait_ends_at_its_deadline() -> None:
    clock = FakeClock()

    result = run(plan(_wait(deadline=60.0)), SimulatedCloud(), attempts=attempts(clock))

    assert states(result) == {"wait": State.FAILED}
    assert clock.time == 60.0
    assert "Run the command again" in str(result.outcomes[0].error)


def test_files_get_their_resolved_text() -> None:
    written: dict[str, str] = {}
    late = Output(step="a", path="Id", placeholder="<a>")
    work = WriteFile(path=PurePosixPath("out/x.yaml"), content=Template(("id: ", late, "\n")))
    file = Step(id="f", address=Address("file", "x"), action=Action.WRITE_FILE, summary="write x", work=work)

    def write(work: WriteFile, content: str) -> None:
        written[str(work.path)] = content

    execute(plan(step("a"), file), SimulatedCloud(), write_file=write, attempts=attempts())

    assert written == {"out/x.yaml": "id: id-of-a\n"}


def test_a_text_is_never_written_with_a_hole_in_it() -> None:
    late = Output(step="a", path="Missing", placeholder="<a>")
    work = WriteFile(path=PurePosixPath("x.yaml"), content=Template(("id: ", late)))
    file = Step(id="f", address=Address("file", "x"), action=Action.WRITE_FILE, summary="write x", work=work)

    assert states(run(plan(step("a"), file), SimulatedCloud()))["f"] is State.FAILED


def test_a_bug_in_a_step_is_an_outcome_too() -> None:
    def explode(_call: Call) -> None:
        raise ZeroDivisionError("a bug")

    result = run(plan(step("a"), step("b", "a")), SimulatedCloud(on_call=explode))

    assert isinstance(result.outcomes[0].error, ZeroDivisionError)
    assert states(result)["b"] is State.SKIPPED


def test_a_call_that_lacks_part_of_a_text_is_not_made() -> None:
    late = Output(step="a", path="Missing", placeholder="<a>")
    uses = Call(service="cloud", operation="b", parameters={"Of": Template(("x-", late))})
    cloud = SimulatedCloud()

    result = run(plan(step("a"), step("b", work=uses)), cloud)

    assert str(result.outcomes[1].error) == "the answer of a has no Missing"
    assert cloud.times() == {"a": 1}


def test_a_step_that_would_end_the_process_is_a_failed_step() -> None:
    def leave(_call: Call) -> None:
        raise SystemExit(7)

    result = run(plan(step("a"), step("b", "a"), step("c")), SimulatedCloud(on_call=leave))

    assert "SystemExit: 7" in str(result.outcomes[0].error)
    assert states(result) == {"a": State.FAILED, "b": State.SKIPPED, "c": State.FAILED}


def test_a_plan_that_cannot_be_carried_out_is_refused_before_anything_is_called() -> None:
    cloud = SimulatedCloud()

    with pytest.raises(ValueError, match="cycle"):
        run(plan(step("first"), step("a", "b"), step("b", "a")), cloud)
    with pytest.raises(ValueError, match="at least one"):
        run(plan(step("first")), cloud, concurrency=0)

    assert not cloud.asked


def test_a_listener_that_fails_disturbs_nothing_and_hears_no_more(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if isinstance(event, StepEnded):
            raise BrokenPipeError("nobody reads")

    result = run(plan(step("a"), step("b", "a"), step("c", "b")), SimulatedCloud(), listener=listen)

    assert result.ok
    assert sum(isinstance(event, StepEnded) for event in heard) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "progress is shown no more: BrokenPipeError: nobody reads"
    ]


def test_no_thread_is_left() -> None:
    before = threading.enumerate()

    run(plan(*(step(f"s{number}") for number in range(20))), SimulatedCloud())

    assert threading.enumerate() == before


def test_all_places_are_used_at_once() -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(_call: Call) -> None:
        together.wait()

    cloud = SimulatedCloud(on_call=meet)

    assert run(plan(*(step(f"s{number}") for number in range(4))), cloud, concurrency=4).ok


def test_answers_are_in_the_plans_order() -> None:
    result = run(plan(step("short"), step("long"), step("end", "long")), SimulatedCloud(), concurrency=1)

    assert list(result.answers) == ["short", "long", "end"]


def test_a_stop_that_comes_too_late_to_stop_anything_interrupted_nothing() -> None:
    how = attempts()

    result = run(plan(step("a")), SimulatedCloud(on_call=lambda _call: how.stop.set()), attempts=how)

    assert result.ok
    assert not result.interrupted


def test_a_stop_ends_a_wait_at_its_next_pause() -> None:
    how = attempts()
    cloud = SimulatedCloud(on_call=lambda _call: how.stop.set())

    result = run(plan(_wait()), cloud, attempts=how)

    assert states(result) == {"wait": State.SKIPPED}
    assert result.interrupted
    assert len(cloud.asked) == 1


def test_a_stop_lets_running_calls_end_and_starts_nothing() -> None:
    how = attempts()

    def stop(call: Call) -> None:
        if call.operation == "a":
            how.stop.set()

    result = run(plan(step("a"), step("b", "a"), step("c", "b")), SimulatedCloud(on_call=stop), attempts=how)

    assert states(result) == {"a": State.DONE, "b": State.SKIPPED, "c": State.SKIPPED}
    assert result.interrupted
    assert {outcome.because for outcome in result.of(State.SKIPPED)} == {""}


def test_the_longest_chain_goes_first() -> None:
    cloud = SimulatedCloud()

    run(plan(step("short"), step("long"), step("middle", "long"), step("end", "middle")), cloud, concurrency=1)

    assert [call.operation for call in cloud.asked][:3] == ["long", "middle", "short"]


def test_events_come_one_at_a_time_from_start_to_end() -> None:
    inside = threading.Lock()
    events: list[Event] = []

    def listen(event: Event) -> None:
        assert inside.acquire(blocking=False)
        events.append(event)
        inside.release()

    run(plan(*(step(f"s{number}") for number in range(50))), SimulatedCloud(), listener=listen)

    assert isinstance(events[0], PlanStarted)
    assert isinstance(events[-1], PlanEnded)
    assert sum(isinstance(event, StepStarted) for event in events) == 50
    assert sum(isinstance(event, StepEnded) for event in events) == 50


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Plan, frozenset[str]]:
    """A plan of up to 15 steps, each needing some earlier ones, and the steps that fail."""
    size = draw(st.integers(0, 15))
    steps = [
        step(f"s{number}", *(f"s{need}" for need in draw(st.sets(st.integers(0, number - 1), max_size=3)) if number))
        if number
        else step("s0")
        for number in range(size)
    ]
    failing = draw(st.sets(st.sampled_from([item.id for item in steps]))) if steps else set()
    return Plan(steps=tuple(steps)), frozenset(failing)


@settings(deadline=None)
@given(graphs(), st.integers(1, 4))
def test_any_plan_ends_as_it_must(drawn: tuple[Plan, frozenset[str]], concurrency: int) -> None:
    wanted, failing = drawn
    done: set[str] = set()
    by_id = {item.id: item for item in wanted.steps}
    early: list[str] = []

    def check(call: Call) -> None:
        early.extend(need for need in by_id[call.operation].needs if need not in done)

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded) and event.outcome.state is State.DONE:
            done.add(event.outcome.step.id)

    cloud = SimulatedCloud(failures={name: [failure(ErrorKind.PERMANENT)] for name in failing}, on_call=check)
    result = run(wanted, cloud, concurrency=concurrency, listener=listen)

    assert not early
    assert [outcome.step for outcome in result.outcomes] == list(wanted.steps)
    assert cloud.most_running <= concurrency
    lost: set[str] = set()
    for outcome in result.outcomes:
        hindered = any(need in lost for need in outcome.step.needs)
        if hindered:
            lost.add(outcome.step.id)
            assert outcome.state is State.SKIPPED
        elif outcome.step.id in failing:
            lost.add(outcome.step.id)
            assert outcome.state is State.FAILED
        else:
            assert outcome.state is State.DONE


_INTERRUPTED = """
import os, signal, sys, threading
from ccoctl.engine.call import Call
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Action, Address, Plan, Step, After
class Cloud:
    def perform(self, call):
        if call.operation == "a":
            print("started", flush=True)
            threading.Event().wait(float(sys.argv[1]))
        return {}
def step(name, *needs):
    return Step(id=name, address=Address("t", name), action=Action.CREATE, summary=name,
                work=Call(service="s", operation=name), after=tuple(After(step=n, reason="r") for n in needs))
result = execute(Plan(steps=(step("a"), step("b", "a"))), Cloud(), write_file=lambda work, text: None)
print(result.interrupted, [outcome.state.value for outcome in result.outcomes])
"""


def test_ctrl_c_lets_running_calls_end() -> None:
    process = subprocess.Popen([sys.executable, "-c", _INTERRUPTED, "1"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=30)

    assert rest == "True ['done', 'skipped']\n"


def test_a_second_ctrl_c_does_not_wait_for_a_call_that_hangs() -> None:
    command = [sys.executable, "-c", _INTERRUPTED, "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        os.kill(process.pid, signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGINT
    assert told.rstrip().endswith("KeyboardInterrupt")
