"""A machine whose clock is off: AWS refuses what it signs, and tells with every answer what time it is.

Source: IAM user guide, "Troubleshoot Signature Version 4 for API requests" (a signature is good for 5 minutes, at some
services for 15); S3 API reference, "List of error codes" (RequestTimeTooSkewed); RFC 9110, section 6.6.1 (Date).
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

SIGNATURES = frozenset(
    {
        *("RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"),
        *("RequestInTheFuture", "AuthFailure", "403", "400"),
    }
)
"""Codes that a signature of another time ends in; S3 answers a HEAD with the bare status."""
TOKENS = frozenset({"ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim"})
"""Codes that a token of another time ends in."""
_SIGNATURE_LIVES = 240.0
"""Seconds; the strictest services take signatures of 300, and an answer takes a while."""
_TOKEN_LIVES = 60.0
"""Seconds; with a smaller difference it is something else that is wrong with a token."""

REMEDY = (
    "Set the clock of this machine (`timedatectl set-ntp true`, or `chronyc makestep`) and run the command again: AWS "
    "takes what was signed within a few minutes of its own time."
)


def off_by(code: str, headers: Mapping[str, Any], now: float) -> float:
    """Seconds that this machine's clock is ahead of AWS's, where that explains the error; else 0.

    Args:
        code: of the error.
        headers: of the answer, by lower-case name.
        now: by this machine's clock, in seconds since 1970.
    """
    limit = _SIGNATURE_LIVES if code in SIGNATURES else _TOKEN_LIVES if code in TOKENS else None
    theirs = _date(str(headers.get("date", "")))
    if limit is None or theirs is None or abs(now - theirs) < limit:
        return 0.0
    return now - theirs


def words(ahead: float) -> str:
    """How far the clock is off, for people."""
    minutes = max(1, round(abs(ahead) / 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (rest, "min")) if number]
    return f"the clock of this machine is {' '.join(parts)} {'ahead of' if ahead > 0 else 'behind'} AWS's"


def _date(header: str) -> float | None:
    try:
        return parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None


__all__ = ["REMEDY", "SIGNATURES", "TOKENS", "off_by", "words"]
