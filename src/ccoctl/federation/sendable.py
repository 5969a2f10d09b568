"""Whether a secret can stand in a header: whoever writes requests quotes one that cannot, whole, in an error."""

from __future__ import annotations

MARRED = "has a line end, a blank or another character in it that none has"
"""What is told of a secret, in place of the secret."""
_REFUSED = "Illegal header value"


def is_sendable(secret: str) -> bool:
    """False for what no key or token has, and what comes of copying: line ends, blanks, control characters."""
    return secret.isascii() and secret.isprintable() and " " not in secret


def has_controls(text: str) -> bool:
    """True for text with line ends or other control characters, which nobody has in a password on purpose."""
    return any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in text)


def is_refused_header(error: BaseException) -> bool:
    """True for the error of httpx about a header that it does not send, whose value it quotes."""
    return _REFUSED in str(error)


__all__ = ["MARRED", "has_controls", "is_refused_header", "is_sendable"]
