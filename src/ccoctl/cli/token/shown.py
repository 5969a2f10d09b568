"""An inspected token as text and as JSON; the signature is in neither."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ccoctl.federation.clock import iso
from ccoctl.federation.inspect import Inspection
from ccoctl.workflows.token_inspect import Checked

_TIMES = ("iat", "nbf", "exp")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REST = "The role's trust policy decides the rest: give --trust-policy and --role-arn."


def as_text(seen: Inspection, checked: Checked | None, now: float) -> str:
    """For people."""
    return "\n".join([*_parts(seen), "", *_times(seen, now), *_problems(seen), *(_verdict(checked) if checked else ())])


def as_json(seen: Inspection, checked: Checked | None, now: float) -> dict[str, object]:
    """For scripts."""
    told: dict[str, object] = {
        "header": dict(seen.header),
        "claims": dict(seen.claims),
        "expires": None if seen.expires is None else _when(seen.expires),
        "seconds_left": None if seen.expires is None else int(seen.expires - now),
        "problems": list(seen.problems),
    }
    if checked is not None:
        answer = checked.answer
        told["verifies"] = not checked.refusal
        told["refusal"] = checked.refusal
        told["sts"] = {
            "granted": None if answer.granted and not checked.trust_decided else answer.granted,
            "trust_policy_checked": checked.trust_decided,
            "status": answer.status,
            "code": answer.code,
            "message": answer.message,
            "reason": answer.reason,
        }
    return told


def _parts(seen: Inspection) -> Iterator[str]:
    for name, members in (("header", seen.header), ("claims", seen.claims)):
        yield f"{name}: {_pretty(members)}"


def _pretty(members: Mapping[str, object]) -> str:
    return json.dumps(dict(members), indent=2)


def _times(seen: Inspection, now: float) -> Iterator[str]:
    for name in _TIMES:
        value = seen.claims.get(name)
        if type(value) is int:  # True is an int to isinstance
            yield f"{name}:       {_when(value)} ({span(value - now)})"
    if seen.expires is None:
        yield "exp:       the token does not say when it expires"


def _problems(seen: Inspection) -> Iterator[str]:
    if seen.problems:
        yield "problems:"
        yield from (f"  - {problem}" for problem in seen.problems)


def _verdict(checked: Checked) -> Iterator[str]:
    yield f"verifies:  {f'no. {checked.refusal}' if checked.refusal else 'yes'}"
    answer = checked.answer
    if not answer.granted:
        yield f"STS:       HTTP {answer.status} {answer.code}: {answer.message}"
        if answer.reason != answer.message:
            yield f"           because {answer.reason}"
    elif checked.trust_decided:
        yield "STS:       HTTP 200: it would hand out credentials of the role"
    else:
        yield f"STS:       would take the token. {_REST}"


def _when(seconds: int) -> str:
    try:
        return iso(seconds)
    except (ValueError, OverflowError, OSError):
        return "a time that no calendar has"


def span(seconds: float) -> str:
    """A time from now, for people: `in 2 hours`, `3 minutes ago`."""
    whole = int(abs(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= 2 * size), (1, "second"))
    count = whole // size
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{words} ago" if seconds < 0 else f"in {words}"
