"""Names as they come from a command line: a service account, a pod, a node.

Source: RFC 1123 labels and subdomains, as Kubernetes' apimachinery validates them.
"""

from __future__ import annotations

import re

from ccoctl.errors import Problem

_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_UID = re.compile(r"[0-9A-Za-z-]{1,64}")


def namespace_problems(where: str, name: str) -> tuple[Problem, ...]:
    """What Kubernetes would refuse in a namespace's name."""
    return _problems(where, name, _NAMESPACE, 63, "lower-case letters, digits and dashes")


def name_problems(where: str, name: str) -> tuple[Problem, ...]:
    """What Kubernetes would refuse in the name of a service account, a Secret, a pod or a node."""
    return _problems(where, name, _NAME, 253, "lower-case letters, digits, dashes and dots")


def uid_problems(where: str, uid: str) -> tuple[Problem, ...]:
    """What is no UID of an object; those of Kubernetes are UUIDs, and nothing depends on it."""
    if _UID.fullmatch(uid):
        return ()
    return (Problem(where, f"{uid[:60]!a} is no UID: 1 to 64 letters, digits and dashes"),)


def service_account_problems(where: str, text: str) -> tuple[Problem, ...]:
    """What is wrong with `namespace/name`."""
    namespace, slash, name = text.partition("/")
    if not slash:
        return (Problem(where, f"{text[:60]!a} is not NAMESPACE/NAME"),)
    return namespace_problems(where, namespace) + name_problems(where, name)


def _problems(where: str, name: str, pattern: re.Pattern[str], longest: int, characters: str) -> tuple[Problem, ...]:
    if len(name) <= longest and pattern.fullmatch(name):
        return ()
    what = (
        f"{name[:60]!a} is no name that Kubernetes takes: 1 to {longest} characters, {characters}, "
        "beginning and ending with a letter or digit"
    )
    return (Problem(where, what),)
