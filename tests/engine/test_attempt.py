"""One call, tried until it is done or there is no hope."""

from __future__ import annotations

import pytest

from ccoctl.engine.attempt import Attempts, with_retries
from ccoctl.engine.call import Call
from ccoctl.errors import CloudError, ErrorKind, InterruptedRunError
from tests.engine.simulated import FakeClock, SimulatedCloud, attempts, failure

CALL = Call(service="cloud", operation="a")


def test_the_last_error_is_the_one_that_is_told() -> None:
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.TRANSIENT, "First"), failure(ErrorKind.DENIED, "Last")]})

    with pytest.raises(CloudError, match="Last"):
        with_retries(cloud, CALL, attempts())


def test_whoever_listens_hears_the_attempt_the_pause_and_the_reason() -> None:
    heard: list[tuple[int, float, str]] = []
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.NOT_YET, "NoSuchEntity")] * 3})

    answer, tries = with_retries(
        cloud, CALL, attempts(), lambda attempt, pause, error: heard.append((attempt, pause, error.code))
    )

    assert (answer, tries) == ({"Id": "id-of-a"}, 4)
    assert heard == [(1, 0.25, "NoSuchEntity"), (2, 0.5, "NoSuchEntity"), (3, 1.0, "NoSuchEntity")]


def test_chance_spreads_those_that_were_turned_away_together() -> None:
    def pauses(chance: float) -> list[float]:
        clock = FakeClock()
        cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED)] * 2})
        with_retries(cloud, CALL, Attempts(clock=clock, chance=lambda: chance))
        return clock.pauses

    assert (pauses(0.0), pauses(1.0)) == ([0.25, 0.5], [0.5, 1.0])


def test_a_stop_ends_the_pause_and_no_further_attempt_is_made() -> None:
    how = attempts()
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED)] * 9}, on_call=lambda _call: how.stop.set())

    with pytest.raises(InterruptedRunError):
        with_retries(cloud, CALL, how)

    assert len(cloud.asked) == 1
