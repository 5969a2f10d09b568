"""When a projected token is to be fetched anew, as the kubelet decides it.

Source: `requiresRefresh` in Kubernetes' pkg/kubelet/token/token_manager.go.
"""

from __future__ import annotations

import msgspec

LONGEST_USE = 24 * 3600
"""Seconds after which every token is replaced."""
LONGEST_JITTER = 10.0
"""Seconds that a refresh may come earlier, so that the pods of a node do not ask all at once."""
SWEEP = 60.0
"""Seconds after which the kubelet looks again, whatever it expects: a machine may sleep, a clock may be set."""
SHORTEST_PAUSE = 1.0
"""Seconds; an issuer whose tokens are due as soon as they come is not asked without end."""
FIRST_RETRY = 1.0
"""Seconds after the first failure; each later pause is twice as long, up to SWEEP."""


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """How long a token is good for."""

    expires: float
    """Seconds since 1970."""
    life: int
    """Seconds that were asked for."""

    @property
    def begins(self) -> float:
        """When it was issued; taken from its end, as the kubelet does."""
        return self.expires - self.life

    def is_over(self, now: float) -> bool:
        """True when nobody accepts the token any more."""
        return now >= self.expires


def due_at(term: Term, jitter: float) -> float:
    """The moment after which the token is to be replaced; `jitter` is a random number of seconds from 0 to 10."""
    fifth = term.life * 20 // 100
    return min(term.begins + LONGEST_USE, term.expires - fifth) - jitter


def is_due(term: Term, *, now: float, jitter: float) -> bool:
    """True when a new token is to be fetched: it is time, or the clock was set to before the token began."""
    return now > due_at(term, jitter) or now < term.begins


def pause_until_due(term: Term, *, now: float, jitter: float) -> float:
    """Seconds until the next look."""
    return min(max(due_at(term, jitter) - now, SHORTEST_PAUSE), SWEEP)


def pause_after_failure(failures: int, chance: float) -> float:
    """Seconds until the next attempt.

    Args:
        failures: one after the other, from 1.
        chance: a random number from 0 to 1; it spreads those that failed together.
    """
    longest: float = min(SWEEP, FIRST_RETRY * 2.0 ** min(failures - 1, 30))
    return longest * (0.5 + chance / 2)
