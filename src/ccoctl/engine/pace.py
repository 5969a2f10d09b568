"""No more calls a second than a service takes: a bucket of tokens for each, which learns from being turned away.

AWS keeps such buckets itself, for each account and API, and does not say how large they are (AWS security blog, "How to
monitor and query IAM resources at scale", part 2). So a rate is a courtesy to whoever shares the account, and what is
right is found out as the SDKs' adaptive mode does: a service that throttles is asked less at once, and bit by bit more
again. Repeating the call that was turned away is somebody else's business (`engine/attempt.py`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.clock import Clock, SystemClock
from ccoctl.errors import CloudError, ErrorKind

LESS = 0.7
"""What is left of the rate after a refusal."""
RECOVERY = 60.0
"""Seconds without a refusal in which a rate comes back from nothing to its ceiling."""
LEAST = 1.0
"""Calls a second; slower than that is standing still, and whoever stops a run waits for those whose turn is to come."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What a service is asked at most."""

    ceiling: float
    """Calls a second in the long run."""
    burst: float
    """Calls at once after a quiet time."""


class Bucket:
    """The tokens of one service. Whoever uses it from several threads does so one at a time.

    Moments are seconds of one clock that never goes back.
    """

    def __init__(self, rate: Rate, now: float) -> None:
        """It is full."""
        self._rate = rate
        self._allowed = rate.ceiling
        self._tokens = rate.burst
        self._seen = now
        self._lowered = float("-inf")
        self._asked: deque[float] = deque()
        """When the calls of the last second were let go, or are to be."""

    @property
    def allowed(self) -> float:
        """Calls a second at present."""
        return self._allowed

    def take(self, now: float) -> float:
        """Take a token, which may be one to come: the seconds until the call may be made."""
        self._refill(now)
        self._tokens -= 1
        wait = max(0.0, -self._tokens / self._allowed)
        self._asked.append(now + wait)
        return wait

    def turned_away(self, made: float, now: float) -> None:
        """A call that was made then was throttled: ask less.

        What was under way when the rate was lowered says nothing about the lower one, and counts for nothing.
        """
        if made < self._lowered:
            return
        self._refill(now)
        self._allowed = max(LEAST, LESS * min(self._allowed, self._measured(now)))
        self._tokens = min(self._tokens, 0.0)
        self._lowered = now

    def _refill(self, now: float) -> None:
        elapsed, self._seen = max(0.0, now - self._seen), max(now, self._seen)
        self._tokens += elapsed * self._allowed
        ceiling = self._rate.ceiling
        self._allowed = min(ceiling, self._allowed + elapsed * ceiling / RECOVERY)
        # nothing is saved up while it is slow: a burst is what it was turned away for
        self._tokens = min(self._tokens, self._rate.burst if self._allowed >= ceiling else 1.0)

    def _measured(self, now: float) -> float:
        """Calls within the last second; at least one, since one was turned away."""
        while self._asked and self._asked[0] <= now - 1.0:
            self._asked.popleft()
        return max(1.0, float(sum(moment <= now for moment in self._asked)))


class Pace(msgspec.Struct, kw_only=True):
    """The buckets of all services that have a rate, for all threads of a run."""

    rates: Mapping[str, Rate]
    """By the service of a Call; any other service is asked at once."""
    clock: Clock = msgspec.field(default_factory=SystemClock)
    _buckets: dict[str, Bucket] = msgspec.field(default_factory=dict)
    _lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    _never: threading.Event = msgspec.field(default_factory=threading.Event)

    def perform(self, call: Call, perform: Callable[[Call], Answer]) -> Answer:
        """The answer, asked for as soon as it is this call's turn.

        Raises:
            CloudError: as `perform`.
        """
        if call.service not in self.rates:
            return perform(call)
        wait = self._turn(call.service)
        if wait > 0:
            self.clock.pause(wait, self._never)
        made = self.clock.now()
        try:
            return perform(call)
        except CloudError as error:
            if error.kind is ErrorKind.THROTTLED:
                self._slower(call.service, made)
            raise

    def _turn(self, service: str) -> float:
        with self._lock:
            now = self.clock.now()
            if service not in self._buckets:
                self._buckets[service] = Bucket(self.rates[service], now)
            return self._buckets[service].take(now)

    def _slower(self, service: str, made: float) -> None:
        with self._lock:
            self._buckets[service].turned_away(made, self.clock.now())


__all__ = ["Bucket", "Pace", "Rate"]
