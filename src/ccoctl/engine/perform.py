"""Does the work of one step: resolves its Outputs, calls, asks until, or writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ccoctl.engine.attempt import Attempts, with_retries
from ccoctl.engine.call import Answer, Call, Output, at_path, resolve
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Event, StepRetried, StepWaiting
from ccoctl.engine.plan import Step, Wait, WriteFile
from ccoctl.errors import CcoctlError, CloudError, InterruptedRunError

WriteText = Callable[[WriteFile, str], None]
"""Writes a file's resolved content."""


class Performer(msgspec.Struct, frozen=True, kw_only=True):
    """Does one step, in whatever thread it is called."""

    cloud: Cloud
    write_file: WriteText
    how: Attempts
    tell: Callable[[Event], None]
    answers: Mapping[str, Answer]
    """Of the steps that are done, by id."""

    def do(self, step: Step) -> tuple[Answer, int]:
        """The step's answer, empty for a file, and the number of attempts.

        Raises:
            CcoctlError: what the step ended with.
            InterruptedRunError: the run was stopped while the step waited.
        """
        match step.work:
            case Call():
                return self._call(step, step.work)
            case Wait():
                return self._wait(step, step.work)
            case WriteFile():
                self.write_file(step.work, str(resolve(step.work.content, self._known)))
                return {}, 1
            case _:
                assert_never(step.work)

    def _call(self, step: Step, call: Call) -> tuple[Answer, int]:
        parameters = resolve(call.parameters, self._lookup)
        if not isinstance(parameters, Mapping):
            raise TypeError(f"the parameters of {call.name} are no mapping")

        def retried(attempt: int, pause: float, error: CloudError) -> None:
            self.tell(StepRetried(step=step, attempt=attempt, delay=pause, reason=error.code or error.what))

        return with_retries(self.cloud, replace(call, parameters=parameters), self.how, retried)

    def _wait(self, step: Step, wanted: Wait) -> tuple[Answer, int]:
        begun = self.how.clock.now()
        interval = wanted.first_interval
        questions = 0
        while True:
            answer, _ = self._call(step, wanted.call)
            questions += 1
            seen = at_path(answer, wanted.path)
            if seen == wanted.equals:
                return answer, questions
            elapsed = self.how.clock.now() - begun
            if elapsed >= wanted.deadline:
                raise CcoctlError(
                    f"it is still {seen!r} and not {wanted.equals!r} after {elapsed:.0f} seconds",
                    where=str(step.address),
                    remedy="Run the command again: it goes on waiting, and makes nothing twice.",
                )
            self.tell(StepWaiting(step=step, seen=str(seen), elapsed=elapsed, deadline=wanted.deadline))
            self.how.clock.pause(min(interval, wanted.deadline - elapsed), self.how.stop)
            if self.how.stop.is_set():
                raise InterruptedRunError("stopped while waiting", where=str(step.address))
            interval = min(interval * 1.5, wanted.longest_interval)

    def _lookup(self, output: Output) -> object:
        return at_path(self.answers[output.step], output.path)

    def _known(self, output: Output) -> object:
        value = self._lookup(output)
        if value is None:
            raise CcoctlError(f"the answer of {output.step} has no {output.path}")
        return value
