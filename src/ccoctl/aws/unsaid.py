"""What a server is not quoted with: the secrets that it was told, should it repeat them.

STS and IAM answer a wrong signature with the whole request that it should cover, session token included, and whoever
stands in between may answer with all headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

INSTEAD = "<secret>"
_REQUEST = re.compile(r"\s*The (?:Canonical String|String-to-Sign)")
_NAMED = re.compile(r"(?i)(x-amz-security-token|webidentitytoken)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",;&]+")
_TOKEN = re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")
_SHORTEST = 8
"""Characters; what is shorter is no secret, and may be in any word."""


def unsaid(message: str, secrets: Iterable[str]) -> str:
    """A server's words without secrets: those that are known, and what has the shape of one."""
    shown = _REQUEST.split(message, maxsplit=1)[0]
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            shown = shown.replace(secret, INSTEAD).replace(quote(secret, safe=""), INSTEAD)
    return _TOKEN.sub(INSTEAD, _NAMED.sub(rf"\1\2{INSTEAD}", shown))


def told(credentials: Any, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The secrets of a request: those of the SDK's credentials as they are now, and a token among the parameters."""
    held = getattr(credentials, "_frozen_credentials", None) or credentials  # asking would refresh them
    found = (getattr(held, "secret_key", ""), getattr(held, "token", ""), getattr(held, "session_token", ""))
    return tuple(str(secret) for secret in (*found, parameters.get("WebIdentityToken", "")) if secret)


__all__ = ["INSTEAD", "told", "unsaid"]
