"""A cloud in memory behind the port: answers by rule, fails when told to, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.plan import Action, Address, After, Plan, Step
from ccoctl.errors import CloudError, ErrorKind


class FakeClock:
    """A clock that moves only when somebody pauses."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float, stop: threading.Event) -> None:
        del stop
        with self._lock:
            self.pauses.append(seconds)
            self.time += seconds


def attempts(clock: FakeClock | None = None) -> Attempts:
    """Repeating without real pauses and without chance."""
    return Attempts(clock=clock or FakeClock(), chance=lambda: 1.0)


@dataclass
class SimulatedCloud:
    """Answers `{"Id": operation}`; `failures` are raised in turn before an operation succeeds."""

    failures: dict[str, list[CloudError]] = field(default_factory=lambda: defaultdict(list))
    answers: Mapping[str, list[Answer]] = field(default_factory=dict)
    on_call: Callable[[Call], None] = lambda _call: None
    asked: list[Call] = field(default_factory=list)
    now_running: int = 0
    most_running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, call: Call) -> Answer:
        with self._lock:
            self.asked.append(call)
            self.now_running += 1
            self.most_running = max(self.most_running, self.now_running)
            planned = self.failures[call.operation].pop(0) if self.failures.get(call.operation) else None
        try:
            self.on_call(call)
            if planned is not None:
                raise planned
            rest = self.answers.get(call.operation)
            return rest.pop(0) if rest else {"Id": f"id-of-{call.operation}"}
        finally:
            with self._lock:
                self.now_running -= 1

    def times(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(call.operation for call in self.asked)


def failure(kind: ErrorKind, code: str = "Code") -> CloudError:
    """An error of a kind."""
    return CloudError(f"failed with {code}", kind=kind, code=code)


def step(name: str, *needs: str, work: Call | None = None) -> Step:
    """A step whose call is named after it."""
    return Step(
        id=name,
        address=Address("thing", name),
        action=Action.CREATE,
        summary=f"make {name}",
        work=work or Call(service="cloud", operation=name),
        after=tuple(After(step=need, reason="it must") for need in needs),
    )


def plan(*steps: Step) -> Plan:
    """A plan of steps."""
    return Plan(steps=steps)
