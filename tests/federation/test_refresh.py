"""When a token is replaced: after 80 percent of its life or a day, a little early, and never in a hurry without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.federation.refresh import (
    LONGEST_JITTER,
    LONGEST_USE,
    SHORTEST_PAUSE,
    SWEEP,
    Term,
    due_at,
    is_due,
    pause_after_failure,
    pause_until_due,
)

ISSUED = 1_800_000_000
HOUR = Term(expires=ISSUED + 3600, life=3600)

terms = st.builds(
    lambda begins, life: Term(expires=begins + life, life=life), st.integers(0, 2**40), st.integers(600, 2**32)
)
jitters = st.floats(0, LONGEST_JITTER)


@pytest.mark.parametrize(
    ("life", "after"),
    [
        (600, 480),
        (3600, 2880),
        (3607, 3607 - 721),  # a fifth is rounded down, as Go divides whole numbers
        (86400, 69120),
        (108000, 86400),
        (365 * 86400, 86400),
    ],
)
def test_a_token_is_due_after_four_fifths_of_its_life_or_a_day(life: int, after: int) -> None:
    term = Term(expires=ISSUED + life, life=life)

    assert due_at(term, 0.0) == ISSUED + after
    assert not is_due(term, now=ISSUED + after, jitter=0.0)
    assert is_due(term, now=ISSUED + after + 0.001, jitter=0.0)


def test_jitter_makes_it_due_earlier() -> None:
    assert is_due(HOUR, now=ISSUED + 2875, jitter=10.0)
    assert not is_due(HOUR, now=ISSUED + 2875, jitter=2.0)


def test_a_clock_that_was_set_back_makes_it_due() -> None:
    assert is_due(HOUR, now=ISSUED - 1, jitter=0.0)


def test_the_end_is_over_and_the_moment_before_is_not() -> None:
    assert HOUR.is_over(ISSUED + 3600)
    assert not HOUR.is_over(ISSUED + 3599.9)


@given(terms, jitters)
def test_every_token_is_replaced_while_it_is_good_and_not_at_once(term: Term, jitter: float) -> None:
    due = due_at(term, jitter)

    assert term.begins < due < term.expires
    assert due - term.begins <= LONGEST_USE
    assert not is_due(term, now=term.begins, jitter=jitter)
    assert is_due(term, now=term.expires, jitter=jitter)


@given(terms, jitters, st.floats(0, 1), st.floats(0, 1))
def test_what_is_due_stays_due(term: Term, jitter: float, first: float, second: float) -> None:
    earlier, later = (term.begins + term.life * part for part in sorted((first, second)))

    assert is_due(term, now=later, jitter=jitter) or not is_due(term, now=earlier, jitter=jitter)


@given(terms, jitters, st.floats(0, 1))
def test_the_next_look_is_never_far_and_never_long_after_it_is_due(term: Term, jitter: float, part: float) -> None:
    now = term.begins + term.life * part
    pause = pause_until_due(term, now=now, jitter=jitter)

    assert SHORTEST_PAUSE <= pause <= SWEEP
    if not is_due(term, now=now, jitter=jitter):
        assert now + pause <= due_at(term, jitter) + SHORTEST_PAUSE


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_pauses_after_failures_grow_and_end_at_the_sweep(failures: int, chance: float) -> None:
    pause = pause_after_failure(failures, chance)

    assert 0.5 <= pause <= SWEEP
    assert pause <= pause_after_failure(failures + 1, chance)
    assert failures < 7 or pause >= SWEEP / 2
