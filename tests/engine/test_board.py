"""What may start, and what a failure takes with it: the executor's state without its threads."""

from __future__ import annotations

from ccoctl.engine.board import Board
from ccoctl.engine.plan import Outcome, State, Step
from tests.engine.simulated import plan, step


def start(board: Board) -> Step:
    started = board.start()
    assert started is not None
    return started


def end(board: Board, ended: Step, state: State = State.DONE) -> list[tuple[str, State, str]]:
    return [(item.step.id, item.state, item.because) for item in board.end(Outcome(step=ended, state=state))]


def test_a_step_is_ready_when_the_last_of_its_needs_is_done() -> None:
    board = Board(plan(step("a"), step("b"), step("c", "a", "b")))
    first, second = start(board), start(board)

    assert (first.id, second.id, board.start(), board.running) == ("a", "b", None, 2)
    end(board, first)
    assert board.start() is None
    end(board, second)
    assert start(board).id == "c"


def test_the_longest_chain_goes_first_and_then_the_plans_order() -> None:
    board = Board(plan(step("x"), step("y"), step("long"), step("end", "long")))

    assert [start(board).id for _ in range(3)] == ["long", "x", "y"]


def test_a_failure_takes_all_that_hangs_on_it_and_nothing_twice() -> None:
    board = Board(plan(step("a"), step("b"), step("c", "a"), step("d", "a", "b"), step("e", "c", "d")))
    first, second = start(board), start(board)

    assert end(board, first, State.FAILED) == [
        ("a", State.FAILED, ""),
        ("c", State.SKIPPED, "a"),
        ("d", State.SKIPPED, "a"),
        ("e", State.SKIPPED, "a"),
    ]
    assert end(board, second, State.FAILED) == [("b", State.FAILED, "")]
    assert board.start() is None
    assert board.close() == ()


def test_what_was_never_started_is_skipped_because_of_nobody() -> None:
    board = Board(plan(step("a"), step("b", "a")))
    end(board, start(board))

    assert [(item.step.id, item.because, item.attempts) for item in board.close()] == [("b", "", 0)]
    assert [item.state for item in board.outcomes()] == [State.DONE, State.SKIPPED]
