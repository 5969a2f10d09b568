"""The order of steps."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.engine.graph import graph, heights, in_order
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

    assert [item.id for item in graph(steps).below["a"]] == ["b", "d"]
    assert heights(steps) == {"a": 2, "b": 1, "c": 0, "d": 0}


def test_heights_do_not_hang_on_the_given_order() -> None:
    assert heights((step("c", "b"), step("b", "a"), step("a"))) == {"a": 2, "b": 1, "c": 0}


@given(st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12), st.randoms())
def test_any_order_is_put_right_and_a_right_one_kept(needs: list[set[int]], random: Random) -> None:
    right = [step(f"s{at}", *(f"s{need}" for need in sorted(of) if need < at)) for at, of in enumerate(needs)]
    mixed = list(right)
    random.shuffle(mixed)

    ordered = in_order(mixed)

    assert in_order(right) == tuple(right)
    assert sorted(item.id for item in ordered) == sorted(item.id for item in right)
    place = {item.id: at for at, item in enumerate(ordered)}
    assert all(place[need] < place[item.id] for item in ordered for need in item.needs)
