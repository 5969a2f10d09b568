"""When to try again, and how long to wait: a function of the error, never of the call."""

from __future__ import annotations

import msgspec

from ccoctl.engine.call import Call
from ccoctl.errors import CloudError, ErrorKind


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of error is waited out."""

    first: float
    """Seconds before the second attempt; each later pause is twice as long."""
    longest: float
    """Seconds; no pause is longer."""
    total: float
    """Seconds, all attempts that failed like this and the pauses after them together, when it is given up."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long each kind of error that may pass is waited out.

    Each has a time of its own, since AWS's clients meet them mixed: a network that fails is told within a minute also
    where the calls in between were throttled, and nobody is given up on because of a queue before it.
    """

    throttled: Patience = Patience(first=0.5, longest=20.0, total=300.0)
    """IAM lets a few calls a second through, and several tools may share an account."""
    transient: Patience = Patience(first=0.25, longest=10.0, total=60.0)
    """A network that is down for a minute is told to the user rather than waited for."""
    not_yet: Patience = Patience(first=0.25, longest=5.0, total=120.0)
    """AWS's services agree within seconds, rarely a minute."""

    def patience(self, kind: ErrorKind) -> Patience | None:
        """How this kind is waited out; None for what trying again does not help."""
        match kind:
            case ErrorKind.THROTTLED:
                return self.throttled
            case ErrorKind.TRANSIENT:
                return self.transient
            case ErrorKind.NOT_YET:
                return self.not_yet
            case _:
                return None


def kind_for(call: Call, error: CloudError) -> ErrorKind:
    """What an error means for this call: some codes only say that something new is not seen everywhere yet."""
    return ErrorKind.NOT_YET if error.code in call.not_yet else error.kind


def may_have_acted(kind: ErrorKind) -> bool:
    """True for an error after which the call may have been carried out: no answer came, or the server broke down."""
    return kind is ErrorKind.TRANSIENT


def settled(call: Call, error: CloudError, *, in_doubt: bool) -> bool:
    """True when the error says that what the call wants is there already.

    Args:
        call: what was asked.
        error: what came of it.
        in_doubt: an earlier attempt may have acted. One that was throttled or refused did not, and what is there after
            it is somebody else's.
    """
    return error.code in call.tolerate or (in_doubt and error.code in call.tolerate_again)


def delay(policy: RetryPolicy, kind: ErrorKind, *, attempt: int, elapsed: float, chance: float) -> float | None:
    """Seconds until the next attempt, or None to give up.

    Args:
        policy: how long each kind is waited out.
        kind: of the error.
        attempt: how many failed like this, from 1.
        elapsed: seconds that they took, with the pauses after them.
        chance: a random number from 0 to 1; it spreads callers that were turned away together.
    """
    patience = policy.patience(kind)
    if patience is None or elapsed >= patience.total:
        return None
    pause = min(patience.longest, patience.first * 2.0 ** min(attempt - 1, 30))
    spread: float = pause * (0.5 + chance / 2)
    return min(spread, patience.total - elapsed)
