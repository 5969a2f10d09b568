"""Names as Kubernetes takes them: labels and subdomains by RFC 1123."""

from __future__ import annotations

import re

from ccoctl.credentialsrequest.cursor import Cursor, shortened

_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABEL_PATTERN = re.compile(_LABEL)
_SUBDOMAIN_PATTERN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def label(cursor: Cursor) -> str:
    """A namespace's name."""
    return _checked(cursor, _LABEL_PATTERN, 63, "lower-case letters, digits and dashes")


def subdomain(cursor: Cursor) -> str:
    """The name of a Secret, a service account or a request."""
    return _checked(cursor, _SUBDOMAIN_PATTERN, 253, "lower-case letters, digits, dashes and dots")


def _checked(cursor: Cursor, pattern: re.Pattern[str], longest: int, characters: str) -> str:
    before = len(cursor.problems)
    name = cursor.text()
    if len(cursor.problems) == before and (len(name) > longest or not pattern.fullmatch(name)):
        cursor.complain(
            f"{shortened(name)!a} is no name that Kubernetes takes: 1 to {longest} characters, {characters}, "
            "beginning and ending with a letter or digit"
        )
    return name
