"""Two releases compared: a table with details for people, Markdown for a ticket, JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ccoctl.credentialsrequest.diff import Grant, Moved, ReleaseDiff, RequestDiff

_HEAD = ("SECRET", "CHANGE", "ACTIONS", "RESOURCES", "CONDITIONS", "SERVICE ACCOUNTS")


def diff_text(diff: ReleaseDiff) -> str:
    """A table of the requests that differ, then what each gains and loses."""
    if not diff.differs:
        return "\n".join([f"No request differs; {_requests(len(diff.unchanged))} the same.", *_deleted(diff)])
    lines = [*_aligned([_HEAD, *map(_row, diff.requests)])]
    for request in diff.requests:
        lines += ["", f"{request.secret} ({request.change.value}, request {request.name})"]
        lines += [f"  {line}" for line in _details(request)]
    return "\n".join([*lines, "", f"{_requests(len(diff.unchanged))} the same.", *_deleted(diff)])


def diff_markdown(diff: ReleaseDiff) -> str:
    """The same for a ticket or a pull request."""
    lines = [f"## CredentialsRequests: {_cell(diff.before)} → {_cell(diff.after)}", ""]
    if diff.differs:
        head = [name.capitalize() for name in _HEAD]
        lines += [_markdown_row(head), _markdown_row(["---"] * len(head))]
        lines += [_markdown_row([_cell(text) for text in _row(request)]) for request in diff.requests]
        for request in diff.requests:
            lines += ["", f"### {_cell(str(request.secret))}", ""]
            lines += [f"- {_code(line)}" for line in _details(request)]
        lines.append("")
    lines.append(f"{_requests(len(diff.unchanged))} the same.")
    return "\n".join([*lines, *(_cell(line) for line in _deleted(diff))])


def diff_json(diff: ReleaseDiff) -> dict[str, Any]:
    """The same as data."""
    return {
        "from": diff.before,
        "to": diff.after,
        "differs": diff.differs,
        "requests": [_request_json(request) for request in diff.requests],
        "unchanged": [_secret_json(secret.namespace, secret.name) for secret in diff.unchanged],
        "marked_for_deletion": list(diff.deleted),
    }


def _request_json(request: RequestDiff) -> dict[str, Any]:
    return {
        "secret": _secret_json(request.secret.namespace, request.secret.name),
        "request": request.name,
        "change": request.change.value,
        "permissions": {"gained": list(map(_grant_json, request.gained)), "lost": list(map(_grant_json, request.lost))},
        "actions": _moved_json(request.actions),
        "resources": _moved_json(request.resources),
        "conditions": _moved_json(request.conditions),
        "service_accounts": _moved_json(request.service_accounts),
        "settings": {name.replace(" ", "_"): {"from": old, "to": new} for name, (old, new) in request.settings.items()},
    }


def _secret_json(namespace: str, name: str) -> dict[str, str]:
    return {"namespace": namespace, "name": name}


def _grant_json(grant: Grant) -> dict[str, Any]:
    told = {"effect": grant.effect, "actions": list(grant.actions), "resource": grant.resource}
    return {**told, "condition": grant.condition} if grant.condition else told


def _moved_json(moved: Moved) -> dict[str, list[str]]:
    return {"gained": list(moved.gained), "lost": list(moved.lost)}


def _row(request: RequestDiff) -> tuple[str, ...]:
    counted = (request.actions, request.resources, request.conditions, request.service_accounts)
    return (str(request.secret), request.change.value, *map(_counts, counted))


def _counts(moved: Moved) -> str:
    parts = [f"+{len(moved.gained)}" if moved.gained else "", f"-{len(moved.lost)}" if moved.lost else ""]
    return " ".join(part for part in parts if part) or "="


def _details(request: RequestDiff) -> Iterator[str]:
    for mark, grants in (("+", request.gained), ("-", request.lost)):
        for grant in grants:
            condition = f" where {grant.condition}" if grant.condition else ""
            yield from (f"{mark} {grant.effect} {action} on {grant.resource}{condition}" for action in grant.actions)
    yield from (f"+ service account {name}" for name in request.service_accounts.gained)
    yield from (f"- service account {name}" for name in request.service_accounts.lost)
    yield from (f"~ {what}: {old} -> {new}" for what, (old, new) in request.settings.items())


def _requests(count: int) -> str:
    return "1 request is" if count == 1 else f"{count} requests are"


def _deleted(diff: ReleaseDiff) -> list[str]:
    return [f"Marked for deletion in {diff.after}: {', '.join(diff.deleted)}."] if diff.deleted else []


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text in which Markdown finds nothing of its own."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>#|" else character for character in text)


def _code(text: str) -> str:
    """Text as code, fenced by more back quotes than it holds in a row."""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"


__all__ = ["diff_json", "diff_markdown", "diff_text"]
