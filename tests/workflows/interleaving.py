"""Two administrators at work on one account at the same time: their calls in an order that a seed decides."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.sts import Credentials
from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.clock import SystemClock
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.plan import Result, State
from ccoctl.errors import CcoctlError
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.workflows.commands import REGION

CALL = 0.1
"""Seconds that a call takes by their clock."""


@dataclass
class Time:
    """A clock that moves when somebody calls, or when everybody waits."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Turns:
    """Lets one of the administrators go on at a time, when all who are not at their end want to."""

    time: Time
    chance: random.Random
    alive: set[str]
    after_call: Callable[[Call], None]
    """Looks at the account after each call."""
    waiting: dict[str, float] = field(default_factory=dict)
    """Who wants to go on, and from when on."""
    turn: str = ""
    last: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, who: str, *, after: float = 0.0) -> None:
        """Wait for one's turn, which comes in that many seconds at the earliest."""
        with self.changed:
            self.waiting[who] = self.time.now + after
            self._choose()
            self.changed.wait_for(lambda: self.turn == who)

    def give(self) -> None:
        """Let the next one go on."""
        with self.changed:
            self.last, self.turn = self.turn, ""
            self.time.now += CALL

    def end(self, who: str) -> None:
        """Somebody is at the end of his run."""
        with self.changed:
            self.alive.discard(who)
            self._choose()

    def _choose(self) -> None:
        if self.turn or not self.alive or set(self.waiting) != self.alive:
            return
        self.time.now = max(self.time.now, min(self.waiting.values()))
        ready = sorted(who for who, when in self.waiting.items() if when <= self.time.now)
        # somebody is quicker for a while, and then it is the other one
        goes_on = self.last in ready and self.chance.random() < 0.6
        self.turn = self.last if goes_on else self.chance.choice(ready)
        del self.waiting[self.turn]
        self.changed.notify_all()


@dataclass
class Administrator:
    """The cloud and the clock of one of them."""

    name: str
    cloud: AwsCloud
    turns: Turns | None = None
    """None where nobody else is there."""
    one: threading.RLock = field(default_factory=threading.RLock)

    def perform(self, call: Call) -> Answer:
        turns = self.turns
        if turns is None:
            return self.cloud.perform(call)
        with self.one:
            turns.take(self.name)
            try:
                answer = self.cloud.perform(call)
            finally:
                turns.after_call(call)
                turns.give()
            return answer

    def bearing(self, credentials: Credentials) -> Cloud:
        return self.cloud.bearing(credentials)


@dataclass
class Ended:
    """What a run ended with."""

    claims: bool
    """Whether it said that all is done."""
    said: str = ""


def ended(result: Result, more: str = "") -> Ended:
    """What a plan that was carried out comes to."""
    failed = [f"{outcome.step.id}: {outcome.error}" for outcome in result.of(State.FAILED)]
    return Ended(result.ok and not more, "; ".join([*failed, *([more] if more else [])]))


Run = Callable[[Administrator, Attempts], Ended]


class _Pausing:
    """The engine's clock of one administrator: meanwhile the other one acts."""

    def __init__(self, who: Administrator, time: Time) -> None:
        self._who, self._time = who, time

    def now(self) -> float:
        return self._time.now

    def pause(self, seconds: float, stop: threading.Event) -> None:
        del stop  # nobody stops them
        turns = self._who.turns
        if turns is None:
            self._time.now += seconds
            return
        with self._who.one:
            turns.take(self._who.name, after=seconds)
            turns.give()


@dataclass
class Stage:
    """An account with everybody who works on it."""

    aws: EmbeddedAws
    time: Time
    cloud: AwsCloud

    def alone(self, run: Run) -> Ended:
        """A run while nobody else is there."""
        return self._run(run, Administrator("alone", self.cloud))

    def together(self, runs: dict[str, Run], seed: int, after_call: Callable[[Call], None]) -> dict[str, Ended]:
        """Several runs at once, in the order that a seed gives."""
        turns = Turns(self.time, random.Random(seed), set(runs), after_call)
        found: dict[str, Ended] = {}
        bugs: list[BaseException] = []

        def work(name: str, run: Run) -> None:
            try:
                found[name] = self._run(run, Administrator(name, self.cloud, turns))
            except BaseException as error:
                bugs.append(error)
            finally:
                turns.end(name)

        threads = [threading.Thread(target=work, args=item, daemon=True) for item in runs.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if bugs:
            raise bugs[0]
        assert set(found) == set(runs), "they wait for each other"
        return found

    def _run(self, run: Run, who: Administrator) -> Ended:
        try:
            return run(who, Attempts(clock=_Pausing(who, self.time), chance=lambda: 1.0))
        except CcoctlError as error:
            return Ended(claims=False, said=str(error))


@contextmanager
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """An empty account, by a clock of its own."""
    time = Time(1_800_000_000.0)

    def pause(_self: SystemClock, seconds: float, _stop: Any) -> None:
        time.now += seconds

    monkeypatch.setattr(SystemClock, "now", lambda _self: time.now)
    monkeypatch.setattr(SystemClock, "pause", pause)
    with embedded_aws(Conditions(distribution_delay=5.0), clock=time) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        yield Stage(aws, time, AwsCloud(Connection(region=REGION)))
