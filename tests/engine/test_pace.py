"""A service is asked as often as it takes: never more than a set rate, less when it throttles, and more again later."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.pace import LEAST, LESS, RECOVERY, Bucket, Pace, Rate
from ccoctl.errors import CloudError, ErrorKind
from tests.engine.simulated import FakeClock, SimulatedCloud, failure

RATE = Rate(ceiling=10.0, burst=20.0)
THROTTLED = failure(ErrorKind.THROTTLED, "Throttling")


def call(service: str = "iam") -> Call:
    return Call(service=service, operation="GetRole")


def moments(bucket: Bucket, number: int, now: float = 0.0) -> list[float]:
    """When so many calls may be made that all want to be made now."""
    return [now + bucket.take(now) for _ in range(number)]


def most_in_a_second(made: list[float]) -> int:
    return max(sum(moment <= other < moment + 1.0 - 1e-9 for other in made) for moment in made)


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    made = moments(Bucket(RATE, 0.0), 50)

    assert made[:20] == [0.0] * 20
    assert made[20:] == pytest.approx([number / 10 for number in range(1, 31)])
    assert most_in_a_second(made[20:]) <= 10


def test_a_quiet_time_fills_the_bucket_but_never_beyond_its_burst() -> None:
    bucket = Bucket(RATE, 0.0)
    moments(bucket, 20)

    assert moments(bucket, 6, now=0.5)[:5] == [0.5] * 5
    assert sum(moment == 1000.0 for moment in moments(bucket, 30, now=1000.0)) == 20


def test_a_refusal_takes_the_burst_and_lowers_the_rate_that_was_measured() -> None:
    bucket = Bucket(RATE, 0.0)
    for moment in (0.0, 0.25, 0.5, 0.75):
        assert bucket.take(moment) == 0.0

    bucket.turned_away(0.75, 0.8)

    assert bucket.allowed == pytest.approx(LESS * 4)
    assert bucket.take(0.8) == pytest.approx(1 / (LESS * 4))


def test_what_was_under_way_when_it_was_lowered_lowers_it_no_further() -> None:
    bucket = Bucket(RATE, 0.0)
    moments(bucket, 10)
    for answered in (0.2, 0.21, 0.22, 0.23):
        bucket.turned_away(0.0, answered)
    once = bucket.allowed

    bucket.turned_away(0.5, 0.6)

    assert once == pytest.approx(LESS * 10, rel=0.01)
    assert bucket.allowed < once


def test_a_rate_comes_back_bit_by_bit_and_the_burst_with_it() -> None:
    bucket = Bucket(RATE, 0.0)
    moments(bucket, 20)
    bucket.turned_away(0.0, 0.1)
    lowered = bucket.allowed
    bucket.take(1.1)

    assert bucket.allowed == pytest.approx(lowered + RATE.ceiling / RECOVERY)
    assert sum(moment == RECOVERY / 5 for moment in moments(bucket, 5, now=RECOVERY / 5)) == 1
    bucket.take(RECOVERY)
    assert bucket.allowed == RATE.ceiling
    assert sum(moment == 2 * RECOVERY for moment in moments(bucket, 30, now=2 * RECOVERY)) == 20


def test_however_often_it_is_turned_away_it_goes_on() -> None:
    bucket = Bucket(RATE, 0.0)
    for moment in range(100):
        bucket.turned_away(float(moment), float(moment))

    assert LEAST <= bucket.allowed < 2 * LEAST
    assert bucket.take(100.0) <= 1 / LEAST


@dataclass
class Throttling:
    """An API with a bucket of its own: what comes too fast is turned away."""

    clock: FakeClock
    refused: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    level: float = 5.0
    seen: float = 0.0

    def perform(self, _call: Call) -> Answer:
        now = self.clock.now()
        self.level, self.seen = min(5.0, self.level + (now - self.seen) * 4.0), now
        if self.level < 1.0:
            self.refused.append(now)
            raise THROTTLED
        self.level -= 1.0
        self.done.append(now)
        return {}


def test_an_api_that_takes_less_than_the_ceiling_is_found_out_within_a_few_refusals() -> None:
    clock = FakeClock()
    api = Throttling(clock)
    pace = Pace(rates={"iam": RATE}, clock=clock)
    while len(api.done) < 400:
        try:
            pace.perform(call(), api.perform)
        except CloudError:
            clock.pause(0.5, threading.Event())

    # it takes four a second: three quarters of them are used, and one call in twenty is turned away at most
    assert 400 / api.done[-1] > 3.0
    assert len(api.refused) < 20


def test_services_do_not_wait_for_each_other_and_one_without_a_rate_for_nobody() -> None:
    clock = FakeClock()
    cloud = SimulatedCloud()
    pace = Pace(rates={"iam": Rate(ceiling=1.0, burst=1.0), "sts": Rate(ceiling=2.0, burst=1.0)}, clock=clock)
    for service in ("iam", "sts", *["s3"] * 10):
        pace.perform(call(service), cloud.perform)
    assert clock.pauses == []

    pace.perform(call("sts"), cloud.perform)

    assert clock.pauses == [0.5]
    assert len(cloud.asked) == 13


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.THROTTLED])
def test_other_errors_pass_and_change_nothing(kind: ErrorKind) -> None:
    clock = FakeClock()
    cloud = SimulatedCloud(failures={"GetRole": [failure(kind)]})
    pace = Pace(rates={"iam": RATE}, clock=clock)

    with pytest.raises(CloudError):
        pace.perform(call(), cloud.perform)

    for _ in range(19):
        pace.perform(call(), cloud.perform)
    assert clock.pauses == []


class StillClock(FakeClock):
    """A clock that stands, whoever pauses."""

    def pause(self, seconds: float, stop: threading.Event) -> None:
        before = self.time
        super().pause(seconds, stop)
        self.time = before


def test_threads_share_a_rate_and_no_two_have_the_same_turn() -> None:
    clock = StillClock()
    cloud = SimulatedCloud()
    pace = Pace(rates={"iam": RATE}, clock=clock)

    def ask() -> None:
        for _ in range(15):
            pace.perform(call(), cloud.perform)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(cloud.asked) == 60
    assert sorted(clock.pauses) == pytest.approx([number / 10 for number in range(1, 41)])
