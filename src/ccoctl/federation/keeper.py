"""Keeps a projected token fresh behind whoever reads it, as the kubelet does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec

from ccoctl.federation.clock import Clock
from ccoctl.federation.projected import ProjectedVolume
from ccoctl.federation.refresh import LONGEST_JITTER, Term, is_due, pause_after_failure, pause_until_due


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token as its issuer gave it."""

    token: str = field(repr=False)
    term: Term


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh that did not succeed."""

    error: Exception
    failures: int
    """One after the other, this one included."""
    expired: bool
    """True when the token that is there is good for nothing any more."""
    again_in: float
    """Seconds until the next attempt."""


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """A new token is in the volume."""

    term: Term
    failures: int
    """Attempts that failed before."""


Report = Callable[[Refreshed | Failed], None]


class TokenKeeper:
    """While its block runs, the volume holds a token that is good; the first one is there before the block begins."""

    def __init__(
        self,
        volume: ProjectedVolume,
        issue: Callable[[], Issued],
        *,
        clock: Clock,
        chance: Callable[[], float],
        report: Report,
        name: str = "token",
    ) -> None:
        """Nothing happens yet.

        Args:
            volume: where the token is kept.
            issue: gives a new token, or raises.
            clock: the time of day.
            chance: a random number from 0 to 1.
            report: is told of each refresh and each failure, mostly in the keeper's thread.
            name: of the token's file.
        """
        self.path = volume.directory / name
        self._volume = volume
        self._issue = issue
        self._clock = clock
        self._chance = chance
        self._report = report
        self._lock = threading.Lock()
        self._term: Term | None = None
        self._jitter = 0.0
        self._failures = 0
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="token-keeper")

    def __enter__(self) -> Self:
        """Fetch the first token, and begin to keep it fresh.

        Raises:
            CcoctlError: there is no first token.
        """
        self.refresh()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; the files stay."""
        self._stopped.set()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Look now, not only when the pause is over."""
        self._woken.set()

    def refresh(self) -> None:
        """Put a new token into the volume, however good the old one is.

        Raises:
            CcoctlError: there is none; the old one stays.
        """
        with self._lock:
            refreshed = self._fetch()
        self._report(refreshed)

    def look(self) -> float:
        """Refresh the token if it is due; seconds until the next look. Never raises: failures are reported."""
        with self._lock:
            term, now = self._term, self._clock.now()
            if term is not None and not is_due(term, now=now, jitter=self._jitter):
                return pause_until_due(term, now=now, jitter=self._jitter)
            told: Refreshed | Failed
            try:
                told = self._fetch()
                pause = pause_until_due(told.term, now=now, jitter=self._jitter)
            except Exception as error:
                self._failures += 1
                pause = pause_after_failure(self._failures, self._chance())
                expired = term is None or term.is_over(now)
                told = Failed(error=error, failures=self._failures, expired=expired, again_in=pause)
        self._report(told)
        return pause

    def _fetch(self) -> Refreshed:
        issued = self._issue()
        self._volume.write({self.path.name: issued.token.encode("ascii")}, now=self._clock.now())
        self._term = issued.term
        self._jitter = self._chance() * LONGEST_JITTER
        failures, self._failures = self._failures, 0
        return Refreshed(term=issued.term, failures=failures)

    def _keep(self) -> None:
        pause = self.look()
        while not self._stopped.is_set():
            self._clock.pause(pause, self._woken)
            self._woken.clear()
            if not self._stopped.is_set():
                pause = self.look()
