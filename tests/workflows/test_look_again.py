"""Looking again at what was done: as often as it may take IAM to show it, and no longer."""

from __future__ import annotations

from ccoctl.engine.attempt import Attempts
from ccoctl.workflows.look_again import look_again
from tests.engine.simulated import FakeClock, attempts


def test_what_is_seen_at_once_is_looked_at_once() -> None:
    clock = FakeClock()
    assert look_again(iter([1, 2]).__next__, lambda seen: seen == 1, attempts(clock)) == 1
    assert clock.pauses == []


def test_what_is_seen_later_is_waited_for() -> None:
    clock = FakeClock()
    assert look_again(iter([1, 2, 3, 4]).__next__, lambda seen: seen == 3, attempts(clock)) == 3
    assert clock.pauses == [1.0, 2.0]


def test_what_is_never_seen_is_given_up_and_told_as_it_was_last() -> None:
    clock = FakeClock()
    assert look_again(iter(range(9)).__next__, lambda _seen: False, attempts(clock)) == 4
    assert clock.pauses == [1.0, 2.0, 4.0, 8.0]


def test_whoever_is_stopped_does_not_wait() -> None:
    stopped = Attempts(clock=(clock := FakeClock()))
    stopped.stop.set()
    assert look_again(iter([1, 2]).__next__, lambda _seen: False, stopped) == 1
    assert clock.pauses == []
