"""Bad weather on demand: throttling, server errors, resets and denials, the same for the same seed."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from fnmatch import fnmatchcase

import msgspec

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.conditions import Weather

_REFUSALS = {
    "throttle": {
        "iam": (400, "Throttling"),
        "sts": (400, "Throttling"),
        "s3": (503, "SlowDown"),
        "cloudfront": (400, "Throttling"),
        "ec2": (503, "RequestLimitExceeded"),
    },
    "error": {
        "iam": (500, "ServiceFailure"),
        "sts": (500, "InternalFailure"),
        "s3": (500, "InternalError"),
        "cloudfront": (500, "InternalError"),
        "ec2": (500, "InternalError"),
    },
    "unavailable": {
        "iam": (503, "ServiceUnavailable"),
        "sts": (503, "ServiceUnavailable"),
        "s3": (503, "ServiceUnavailable"),
        "cloudfront": (503, "ServiceUnavailable"),
        "ec2": (503, "Unavailable"),
    },
}
_NAMING = ("RoleName", "PolicyName", "OpenIDConnectProviderArn", "Url", "RoleArn", "RoleSessionName")
"""Parameters that say what a request is about: by them equal requests are told from others."""
_MESSAGES = {
    "throttle": "Rate exceeded",
    "error": "We encountered an internal error. Please try again.",
    "unavailable": "Service is unable to handle request.",
}


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong with one request."""

    answer: Answer | None = None
    """Given instead of carrying the request out."""
    reset_before: bool = False
    reset_after: bool = False


FAIR = Fault()


class Faults:
    """Decides for each request; the n-th of several equal requests fares alike in every run of one seed."""

    def __init__(self, weather: Weather) -> None:
        """The weather stays like that until it is changed."""
        self._weather = weather
        self._seen: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def change(self, weather: Weather) -> None:
        """Another weather from now on, which begins anew."""
        with self._lock:
            self._weather = weather
            self._seen.clear()

    def reset(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seen.clear()

    def of(self, asked: Asked) -> Fault:
        """What goes wrong with this request."""
        weather = self._weather
        if weather.is_fair or not any(fnmatchcase(_name(asked), pattern) for pattern in weather.only):
            return FAIR
        draw = self._draw(asked)
        for share, fault in (
            (weather.throttle, Fault(_refusal(asked, "throttle"))),
            (weather.server_errors, Fault(_refusal(asked, "error"))),
            (weather.unavailable, Fault(_refusal(asked, "unavailable"))),
            (weather.connection_resets / 2, Fault(reset_before=True)),
            (weather.connection_resets / 2 + weather.lost_answers, Fault(reset_after=True)),
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
        what = f"{_name(asked)} {asked.path} {sorted(asked.query)}".encode()
        what += " ".join(asked.form.get(name, "") for name in _NAMING).encode()
        with self._lock:
            self._seen[what] += 1
            number = self._seen[what]
        digest = hashlib.sha256(f"{self._weather.seed} {number} ".encode() + what).digest()
        return int.from_bytes(digest[:8]) / 2**64


def _name(asked: Asked) -> str:
    return f"{asked.service}:{asked.operation}"


def _refusal(asked: Asked, kind: str) -> Answer:
    words = _REFUSALS[kind]
    status, code = words.get(asked.service, words["iam"])
    return refusal(asked.service, asked.method, status, code, _MESSAGES[kind])
