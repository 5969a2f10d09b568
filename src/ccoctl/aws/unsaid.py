"""What a server is not quoted with: the secrets that it was told, should it repeat them.

STS and IAM answer a wrong signature with the whole request that it should cover, session token included, and whoever
stands in between may answer with all headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

INSTEAD = "<secret>"
_REQUEST = re.compile(r"\s*The (?:Canonical String|String-to-Sign)")
_NAMED = re.compile(r"(?i)(x-amz-security-token|webidentitytoken)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",;&]+")
_TOKEN = re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")
_BREAK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SHORTEST = 8
"""Characters; what is shorter is no secret, and may be in any word."""


def unsaid(message: str, secrets: Iterable[str]) -> str:
    """A server's words without secrets: those that are known, and what has the shape of one."""
    shown = _REQUEST.split(message, maxsplit=1)[0]
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        shown = shown.replace(spelling, INSTEAD)
    return _TOKEN.sub(INSTEAD, _NAMED.sub(rf"\1\2{INSTEAD}", shown))


def _spellings(secret: str) -> Iterator[str]:
    """A secret as it may be quoted: whole or what is between its line ends, as in a URL, as `repr` writes it."""
    for piece in (secret, *_BREAK.split(secret)):
        if len(piece) >= _SHORTEST:
            data = piece.encode(errors="replace")
            yield from (piece, quote(piece, safe=""), repr(piece)[1:-1], ascii(piece)[1:-1], repr(data)[2:-1])


def told(credentials: Any, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The secrets of a request: those of the SDK's credentials as they are now, and a token among the parameters."""
    held = getattr(credentials, "_frozen_credentials", None) or credentials  # asking would refresh them
    found = (getattr(held, "secret_key", ""), getattr(held, "token", ""), getattr(held, "session_token", ""))
    return tuple(str(secret) for secret in (*found, parameters.get("WebIdentityToken", "")) if secret)


__all__ = ["INSTEAD", "told", "unsaid"]
