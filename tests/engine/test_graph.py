"""The order of steps."""

from __future__ import annotations

import pytest

from ccoctl.engine.graph import dependents, heights, in_order
from tests.engine.simulated import step


def ids(*steps: object) -> list[str]:
    return [item.id for item in in_order(steps)]  # type: ignore[arg-type] # the tests give steps


def test_needs_come_first_and_otherwise_the_given_order_stays() -> None:
    assert ids(step("c", "a"), step("b"), step("a"), step("d", "b")) == ["b", "a", "c", "d"]


def test_a_need_that_is_no_step_is_a_bug() -> None:
    with pytest.raises(ValueError, match="which the plan does not have"):
        in_order([step("a", "nowhere")])


def test_two_steps_of_one_id_are_a_bug() -> None:
    with pytest.raises(ValueError, match="share an id"):
        in_order([step("a"), step("a")])


def test_a_circle_is_a_bug() -> None:
    with pytest.raises(ValueError, match="cycle"):
        in_order([step("a", "b"), step("b", "a")])


def test_what_hangs_on_what() -> None:
    steps = (step("a"), step("b", "a"), step("c", "b"), step("d", "a"))

    assert [item.id for item in dependents(steps)["a"]] == ["b", "d"]
    assert heights(steps) == {"a": 2, "b": 1, "c": 0, "d": 0}
