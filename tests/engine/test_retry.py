"""When to try again, and how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.engine.call import Call
from ccoctl.engine.retry import RetryPolicy, delay, may_have_acted, settled
from ccoctl.errors import ErrorKind
from tests.engine.simulated import failure

POLICY = RetryPolicy()
PASSING = [ErrorKind.THROTTLED, ErrorKind.TRANSIENT, ErrorKind.NOT_YET]


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind not in PASSING])
def test_what_trying_again_does_not_help_is_given_up_at_once(kind: ErrorKind) -> None:
    assert delay(POLICY, kind, attempt=1, elapsed=0.0, chance=0.5) is None


@given(st.sampled_from(PASSING), st.integers(1, 10_000), st.floats(0, 400), st.floats(0, 1))
def test_pauses_are_bounded_and_end_in_time(kind: ErrorKind, attempt: int, elapsed: float, chance: float) -> None:
    patience = POLICY.patience(kind)
    assert patience is not None

    pause = delay(POLICY, kind, attempt=attempt, elapsed=elapsed, chance=chance)

    assert (pause is None) == (elapsed >= patience.total)
    if pause is not None:
        assert 0 < pause <= patience.longest
        assert elapsed + pause <= patience.total + 1e-6


def test_pauses_grow() -> None:
    pauses = [delay(POLICY, ErrorKind.THROTTLED, attempt=number, elapsed=0.0, chance=1.0) for number in range(1, 8)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0]


@pytest.mark.parametrize(
    ("in_doubt", "code", "done"),
    [(True, "Exists", True), (False, "Exists", False), (False, "Gone", True), (True, "Other", False)],
)
def test_what_is_there_is_ours_only_where_an_attempt_may_have_acted(in_doubt: bool, code: str, done: bool) -> None:
    call = Call(service="cloud", operation="a", tolerate=frozenset({"Gone"}), tolerate_again=frozenset({"Exists"}))

    assert settled(call, failure(ErrorKind.EXISTS, code), in_doubt=in_doubt) is done


def test_only_an_answer_that_is_missing_leaves_a_doubt() -> None:
    assert [kind for kind in ErrorKind if may_have_acted(kind)] == [ErrorKind.TRANSIENT]
