"""A plan for people: resource by resource, differences of documents line by line; and the same as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import msgspec
from msgspec import structs

from ccoctl.engine.call import Call, with_placeholders
from ccoctl.engine.plan import Action, Address, FieldChange, Plan, Step, Wait, WriteFile

_MARKS = {
    Action.CREATE: "+",
    Action.DELETE: "-",
    Action.UPDATE: "~",
    Action.REWRITE: "?",
    Action.WRITE_FILE: "+",
    Action.READ: " ",
    Action.WAIT: " ",
}
"""What a person sees of an action. The strongest one of a resource's steps, in this order, is that of the resource."""
_CONTEXT = 2
"""Lines around a difference."""


def plan_text(plan: Plan) -> str:
    """The plan resource by resource, with a mark for what becomes of each, and the notes at the end."""
    by_resource: dict[Address, list[Step]] = {}
    for step in plan.steps:
        by_resource.setdefault(step.address, []).append(step)
    lines: list[str] = []
    for address, steps in by_resource.items():
        lines.append(f"{_mark(steps)} {address}")
        for step in steps:
            lines.append(f"    {step.summary}")
            lines += [f"      {line}" for change in step.changes for line in change_lines(change)]
    lines += [f"note: {note}" for note in plan.notes]
    return "\n".join([*lines, summary(plan)])


def _mark(steps: list[Step]) -> str:
    strongest = min((step.action for step in steps), key=list(_MARKS).index)
    replaced = strongest is Action.WRITE_FILE and any(step.changes for step in steps)
    return "~" if replaced else _MARKS[strongest]


def summary(plan: Plan) -> str:
    """One line: how much would change."""
    if plan.changes_nothing:
        return "Nothing to do: everything is as wanted."
    words = {
        Action.CREATE: "to create",
        Action.UPDATE: "to change",
        Action.REWRITE: "to write again unseen",
        Action.DELETE: "to delete",
        Action.WRITE_FILE: "to write",
    }
    counts = {action: len({step.address for step in plan.steps if step.action is action}) for action in words}
    made = {step.address for step in plan.steps if step.action is Action.CREATE}
    counts[Action.UPDATE] = len({s.address for s in plan.steps if s.action is Action.UPDATE} - made)
    said = [
        f"{count} {'file' if action is Action.WRITE_FILE else 'resource'}{'' if count == 1 else 's'} {words[action]}"
        for action, count in counts.items()
        if count
    ]
    return "Plan: " + ", ".join(said) + "."


def change_lines(change: FieldChange) -> Iterator[str]:
    """A difference of one property: on one line where it fits, else as a unified diff."""
    old, new = (_shown(value) for value in (change.old, change.new))
    if "\n" not in old and "\n" not in new:
        yield f"{change.name}: {old} -> {new}"
        return
    yield f"{change.name}:"
    diff = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT)
    yield from (f"  {line}" for line in list(diff)[2:])


def _shown(value: object) -> str:
    value = plain(value)
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def plain(value: object) -> Any:
    """A value of a change as JSON takes it: documents by their content, what is known late by its placeholder."""
    document = getattr(value, "document", None)
    if document is not None:
        value = document
    value = with_placeholders(value)
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, msgspec.Struct):
        return {name: plain(member) for name, member in structs.asdict(value).items()}
    if value is None or isinstance(value, str | int | float | bool | dict | list):
        return value
    return str(value)


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as data: one entry for each step."""
    return {
        "changes": not plan.changes_nothing,
        "steps": [_step_json(step) for step in plan.steps],
        "notes": list(plan.notes),
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "resource": {"kind": step.address.kind, "name": step.address.name},
        "action": step.action.value,
        "summary": step.summary,
        **_work_json(step.work),
        "needs": list(step.needs),
        "changes": [
            {"field": change.name, "old": plain(change.old), "new": plain(change.new)} for change in step.changes
        ],
    }


def _work_json(work: Call | Wait | WriteFile) -> dict[str, Any]:
    match work:
        case Call():
            return {"call": work.name}
        case Wait(call=call):
            return {"call": call.name}
        case WriteFile(path=path):
            return {"file": str(path)}
