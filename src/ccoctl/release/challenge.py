"""What a registry asks for before it answers: the header WWW-Authenticate taken apart.

Source: RFC 9110, sections 11.2 to 11.6; the distribution project's token authentication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

_LONGEST = 16 * 1024
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar's token, no secret # nosec B105
_SCHEME = re.compile(rf"\s*,?\s*({_TOKEN})(?=\s|,|$)(?!\s*=)")
_PARAMETER = re.compile(rf'\s*,?\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
_TOKEN68 = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_ESCAPED = re.compile(r"\\(.)")


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """One way to authenticate."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str]
    """By their names in lower case."""


def challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of one header or of several, in their order; what is no challenge ends a header."""
    return tuple(challenge for header in headers for challenge in _of(header[:_LONGEST]))


def _of(header: str) -> list[Challenge]:
    found = []
    position = 0
    while matched := _SCHEME.match(header, position):
        position = matched.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            parameters.setdefault(name.lower(), plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
            position = parameter.end()
        if not parameters and (single := _TOKEN68.match(header, position)):
            position = single.end()
        found.append(Challenge(scheme=matched[1].lower(), parameters=parameters))
    return found
