"""One call, tried until it is done or there is no hope: for the executor and for those who only read."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import msgspec

from ccoctl.engine.call import Answer, Call, Unchanged, Written, at_path
from ccoctl.engine.clock import Clock, SystemClock
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.pages import Pages, entries
from ccoctl.engine.retry import Patience, RetryPolicy, delay, kind_for, may_have_acted, settled
from ccoctl.errors import CloudError, ErrorKind, InterruptedRunError


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are repeated; `stop` ends every pause."""

    policy: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    clock: Clock = msgspec.field(default_factory=SystemClock)
    chance: Callable[[], float] = random.random
    stop: threading.Event = msgspec.field(default_factory=threading.Event)


OnRetry = Callable[[int, float, CloudError], None]
"""The attempt that failed, the seconds until the next one, and why."""


def with_retries(
    cloud: Cloud, call: Call, attempts: Attempts | None = None, on_retry: OnRetry | None = None
) -> tuple[Answer, int]:
    """The answer, and the number of attempts that it took.

    Raises:
        CloudError: the last error, when trying again does not help or was tried long enough, which it says then; or
            what the call replaces is not what was seen any more.
        InterruptedRunError: the run was stopped while it waited for the next attempt.
    """
    how = attempts or Attempts()
    failures, spent = Counter[ErrorKind](), defaultdict[ErrorKind, float](float)
    first = how.clock.now()
    if call.unchanged is not None:
        _refuse_change(cloud, call, call.unchanged, how)
    while True:
        attempt, begun = failures.total() + 1, how.clock.now()
        try:
            return cloud.perform(call), attempt
        except CloudError as error:
            if settled(call, error, in_doubt=any(may_have_acted(kind) for kind in failures)):
                return _made_before(cloud, call, how, error), attempt
            kind = kind_for(call, error)
            failures[kind] += 1
            elapsed = spent[kind] + how.clock.now() - begun
            pause = delay(how.policy, kind, attempt=failures[kind], elapsed=elapsed, chance=how.chance())
            if pause is None:
                raise _given_up(error, attempt, how.clock.now() - first) from error
            if on_retry is not None:
                on_retry(attempt, pause, error)
            how.clock.pause(pause, how.stop)
            if how.stop.is_set():
                raise InterruptedRunError("stopped while waiting to try again", where=call.name) from error
            spent[kind] += how.clock.now() - begun


def _refuse_change(cloud: Cloud, call: Call, seen: Unchanged, how: Attempts) -> None:
    answer, _ = with_retries(cloud, seen.question, how)
    there = at_path(answer, seen.member)
    if (_parsed(there) if isinstance(there, str) else there) != seen.was:
        what = f"{call.name} was not asked for, since it would replace another {seen.member} than was seen"
        raise CloudError(what, kind=ErrorKind.PERMANENT, code="PreconditionFailed", operation=call.name, remedy=CHANGED)


def _made_before(cloud: Cloud, call: Call, how: Attempts, error: CloudError) -> Answer:
    """The answer that was lost, as far as somebody needs it.

    Raises:
        CloudError: what is there was not made by this call.
    """
    if error.code not in call.tolerate_again:
        return {}
    if call.written is not None and not _is_as_sent(cloud, call, call.written, how):
        raise error
    if call.listed is None:
        return {}
    place = call.listed

    def page(marker: str) -> Call:
        return Call(service=call.service, operation=place.operation, parameters={"Marker": marker} if marker else {})

    there = Pages(f"{place.member}.Items", f"{place.member}.NextMarker", f"{place.member}.NextMarker")
    for entry in entries(lambda question: with_retries(cloud, question, how)[0], page, there):
        if entry.get(place.name) == place.value:
            return {place.answers: entry}
    raise error


def _is_as_sent(cloud: Cloud, call: Call, written: Written, how: Attempts) -> bool:
    """Whether what the call sent can be read where it wrote."""
    try:
        answer, _ = with_retries(cloud, written.question, how)
    except CloudError:
        return False
    return all(
        _holds(at_path(answer, member), call.parameters.get(parameter)) for member, parameter in written.same.items()
    )


def _holds(found: object, sent: object) -> bool:
    """Whether a member of an answer is what was sent, in one of the forms that answers have."""
    match found, sent:
        case bytes(), str():
            return found == sent.encode()
        case Mapping(), str():
            return found == _parsed(sent)
        case list(), list() | tuple():
            return all(item in found for item in sent)
        case _:
            return found == sent


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _given_up(error: CloudError, attempts: int, seconds: float) -> CloudError:
    """The last error with what was tried; the same one where it was final at once."""
    if error.kind not in {ErrorKind.THROTTLED, ErrorKind.TRANSIENT}:
        return error
    return CloudError(
        f"{error.what} (given up after {attempts} attempts in {seconds:.0f} seconds)",
        kind=error.kind,
        code=error.code,
        operation=error.operation,
        actions=error.actions,
        where=error.where,
        remedy=error.remedy or _REPEAT,
    )


CHANGED = "Somebody else changed it meanwhile: run the command again, which starts from what is there now."
_REPEAT = "It may pass: run the command again later, and it goes on where it ended."
READING = RetryPolicy(transient=Patience(first=0.25, longest=5.0, total=10.0))
"""Nothing was done yet when the account is looked at: a network that is down is told soon."""
_WORTH_TELLING = 3
"""The attempt after which a person has waited for about a second."""
Tell = Callable[[str], None]
"""Takes a sentence about what takes longer than it should."""


def read(cloud: Cloud, call: Call, tell: Tell | None = None) -> Answer:
    """The answer to a question, retried as a step's call is, but with less patience for a network that is down.

    Raises:
        CloudError: as `with_retries`.
    """

    def retried(attempt: int, _pause: float, error: CloudError) -> None:
        if tell is not None and attempt == _WORTH_TELLING:
            tell(f"{call.name} is tried again and again: {error.code or error.what}")

    return with_retries(cloud, call, Attempts(policy=READING), retried)[0]
