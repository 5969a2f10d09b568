"""Whether a secret can stand in a header: whoever writes requests quotes one that cannot, whole, in an error."""

from __future__ import annotations


def is_sendable(secret: str) -> bool:
    """False for what no key or token has, and what comes of copying: line ends, blanks, control characters."""
    return secret.isascii() and secret.isprintable() and " " not in secret


__all__ = ["is_sendable"]
