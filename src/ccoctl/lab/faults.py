"""Bad weather on demand: throttling, server errors, resets and denials, the same for the same seed."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.conditions import Weather

_REFUSALS = {
    "s3": {"throttle": (503, "SlowDown"), "error": (500, "InternalError")},
    "iam": {"throttle": (400, "Throttling"), "error": (500, "ServiceFailure")},
    "sts": {"throttle": (400, "Throttling"), "error": (500, "InternalFailure")},
    "cloudfront": {"throttle": (400, "Throttling"), "error": (500, "InternalError")},
    "ec2": {"throttle": (503, "RequestLimitExceeded"), "error": (500, "InternalError")},
}
_NAMING = ("RoleName", "PolicyName", "OpenIDConnectProviderArn", "Url", "RoleArn", "RoleSessionName")
"""Parameters that say what a request is about: by them equal requests are told from others."""
_MESSAGES = {"throttle": "Rate exceeded", "error": "We encountered an internal error. Please try again."}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request."""

    answer: Answer | None = None
    """Given instead of carrying the request out."""
    reset_before: bool = False
    reset_after: bool = False


FAIR = Fault()


class Faults:
    """Decides for each request; the n-th of several equal requests fares alike in every run of one seed."""

    def __init__(self, weather: Weather) -> None:
        """The weather does not change."""
        self._weather = weather
        self._seen: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seen.clear()

    def of(self, asked: Asked) -> Fault:
        """What goes wrong with this request."""
        weather = self._weather
        if not (weather.throttle or weather.server_errors or weather.connection_resets):
            return FAIR
        draw = self._draw(asked)
        for share, fault in (
            (weather.throttle, Fault(_refusal(asked, "throttle"))),
            (weather.server_errors, Fault(_refusal(asked, "error"))),
            (weather.connection_resets / 2, Fault(reset_before=True)),
            (weather.connection_resets / 2, Fault(reset_after=True)),
        ):
            if draw < share:
                return fault
            draw -= share
        return FAIR

    def denies(self, action: str) -> bool:
        """True when nobody may do this."""
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in self._weather.deny)

    def _draw(self, asked: Asked) -> float:
        """A number from 0 to 1 that depends on the request and on how often it was made, not on what runs beside it."""
        what = f"{asked.service}:{asked.operation} {asked.path} {sorted(asked.query)}".encode()
        what += " ".join(asked.form.get(name, "") for name in _NAMING).encode()
        with self._lock:
            self._seen[what] += 1
            number = self._seen[what]
        digest = hashlib.sha256(f"{self._weather.seed} {number} ".encode() + what).digest()
        return int.from_bytes(digest[:8]) / 2**64


def _refusal(asked: Asked, kind: str) -> Answer:
    status, code = _REFUSALS.get(asked.service, _REFUSALS["iam"])[kind]
    return refusal(asked.service, asked.method, status, code, _MESSAGES[kind])
