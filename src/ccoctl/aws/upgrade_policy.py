"""The union of what two releases want of a role: what is there stays, and what is missing is added.

Source: IAM user guide, "Policy evaluation logic": a call is allowed when any statement allows it and none denies it. So
an Allow is added where it is missing, a Deny of the new release waits until the old one is gone, and one that is there
and would refuse what the new release needs stands in the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from ccoctl.aws import policy
from ccoctl.aws.conditions import wildcards
from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.aws.policy import Policy

Statement: TypeAlias = Mapping[str, Any]
_ASSUME = "sts:assumerolewithwebidentity"
_COMPARED = frozenset({"Effect", "Action", "Resource", "Condition"})


class Union(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that allows what either allows."""

    policy: Policy
    waiting: tuple[str, ...] = ()
    """Actions that the new release denies and the old one may need: they are denied once that is gone."""
    refused: tuple[str, ...] = ()
    """Actions that the new release needs and a statement that is there may deny."""


def permissions(found: Policy, wanted: Policy) -> Union:
    """What a role may do, for both releases; the found policy itself where nothing is missing."""
    there, needed = _statements(found), _statements(wanted)
    same = {_key(statement, whole=True) for statement in there}
    waiting = [_texts(one["Action"]) for one in needed if one["Effect"] == "Deny" and _key(one, whole=True) not in same]
    added = list(there)
    for statement in (one for one in needed if one["Effect"] == "Allow"):
        missing = _missing(added, statement)
        if missing:
            _add(added, {**statement, "Action": missing})
    denials = {_key(one, whole=True) for one in needed if one["Effect"] == "Deny"}
    return Union(
        policy=found if added == there else _with(found, added),
        waiting=tuple(sorted({action for actions in waiting for action in actions})),
        refused=_refused([one for one in there if _key(one, whole=True) not in denials], needed),
    )


def trust(found: Policy, wanted: Policy) -> Policy:
    """Who may assume a role, for both releases; the found policy itself where nobody is missing.

    A statement that also asks for the audience of the pods' tokens is as good as one that does not.
    """
    added = _statements(found)
    for statement in _statements(wanted):
        fitting = [number for number, one in enumerate(added) if _lets_in(one, statement)]
        known = {subject for number in fitting for subject in _subjects(added[number])}
        missing = [subject for subject in _subjects(statement) if subject not in known]
        if missing and fitting:
            added[fitting[0]] = _with_subjects(added[fitting[0]], [*_subjects(added[fitting[0]]), *missing])
        elif missing:
            added.append(_with_subjects(statement, missing))
    return found if added == _statements(found) else _with(found, added)


def lost(found: Policy, wanted: Policy) -> tuple[str, ...]:
    """The actions and subjects that the found policy allows and the wanted one does not, sorted."""
    after = _statements(wanted)
    actions = [
        action
        for one in _statements(found)
        if one.get("Effect") == "Allow" and one.keys() >= {"Action", "Resource"}
        for action in _missing(after, one)
    ]
    let_in = {subject for one in after for subject in _subjects(one)}
    subjects = [
        one for statement in _statements(found) if statement.get("Effect") == "Allow" for one in _subjects(statement)
    ]
    return tuple(sorted({*actions, *(subject for subject in subjects if subject not in let_in)}))


def compact(document: Policy) -> Policy:
    """The same meaning in fewer characters: statements that differ in their actions or subjects alone are one.

    Actions that a pattern of the same statement covers are left out.
    """
    merged: dict[str, dict[str, Any]] = {}
    for number, statement in enumerate(_statements(document)):
        key = _mergeable(statement) or str(number)
        if key not in merged:
            merged[key] = dict(statement)
        elif "Principal" in statement:
            merged[key] = _with_subjects(merged[key], [*_subjects(merged[key]), *_subjects(statement)])
        else:
            merged[key]["Action"] = [*_texts(merged[key]["Action"]), *_texts(statement["Action"])]
    return _with(document, [_tidy(statement) for statement in merged.values()])


def binds_audience(found: Policy) -> bool:
    """True when every statement that lets tokens in also asks for their audience."""
    entries = [one for one in _statements(found) if one.get("Effect") == "Allow" and _subjects(one)]
    return bool(entries) and all(any(_is_audience(key) for key in _equals(one)) for one in entries)


def providers(found: Policy) -> tuple[str, ...]:
    """The ARNs of the OIDC providers whose tokens a trust policy lets in."""
    listed: list[str] = []
    for statement in _statements(found):
        principal = statement.get("Principal")
        if statement.get("Effect") == "Allow" and isinstance(principal, Mapping):
            listed += _texts(principal.get("Federated", []))
    return tuple(dict.fromkeys(arn for arn in listed if ":oidc-provider/" in arn))


def covers(pattern: str, action: str) -> bool:
    """True when everything that the second pattern matches, the first one does, too."""
    if "?" in pattern and "*" in action:
        return pattern.lower() == action.lower()
    return wildcards(pattern.lower()).fullmatch(action.lower()) is not None


def _missing(there: Iterable[Statement], wanted: Statement) -> list[str]:
    """The wanted actions that no statement allows on as much and on no further condition."""
    shape = _shape(wanted)
    allowed = [one for one in map(_shape, there) if one.get("Effect") == "Allow" and one.keys() <= _COMPARED]
    patterns = [action for one in allowed if _reaches(one, shape) for action in _texts(one.get("Action", []))]
    return [action for action in _texts(wanted["Action"]) if not any(covers(pattern, action) for pattern in patterns)]


def _reaches(one: Statement, wanted: Statement) -> bool:
    resources = _texts(one.get("Resource", []))
    named = all(any(_names_resource(known, text) for known in resources) for text in _texts(wanted["Resource"]))
    return named and one.get("Condition") in (None, {}, wanted.get("Condition"))


def _names_resource(known: str, text: str) -> bool:
    """True when a resource is named, as itself or by `*`."""
    return known in {"*", text}


def _add(statements: list[Statement], wanted: Statement) -> None:
    """Into the statement that differs in its actions alone, else as a statement of its own."""
    for number, one in enumerate(statements):
        if "Action" in one and _key(one) == _key(wanted):
            statements[number] = {**one, "Action": [*_texts(one["Action"]), *wanted["Action"]]}
            return
    statements.append(wanted)


def _refused(there: Iterable[Statement], needed: Iterable[Statement]) -> tuple[str, ...]:
    denials = [one for one in there if one.get("Effect") != "Allow"]
    return tuple(
        sorted(
            {
                action
                for statement in needed
                if statement["Effect"] == "Allow"
                for action in _texts(statement["Action"])
                if any(_may_deny(denial, action, statement) for denial in denials)
            }
        )
    )


def _may_deny(denial: Statement, action: str, wanted: Statement) -> bool:
    """Whether a denial can ever concern this; its condition is not looked at."""
    if "Resource" in denial and not _may_meet(denial["Resource"], wanted["Resource"]):
        return False
    if "NotAction" in denial:
        return not any(covers(pattern, action) for pattern in _texts(denial["NotAction"]))
    return any(_overlap(pattern.lower(), action.lower()) for pattern in _texts(denial.get("Action", "*")))


def _may_meet(one: object, other: object) -> bool:
    return any(_overlap(left, right) for left in _texts(one) for right in _texts(other))


def _overlap(one: str, other: str) -> bool:
    """Whether two patterns may match the same text: surely not where what they begin with differs."""
    if not set("*?") & set(other):
        return wildcards(one).fullmatch(other) is not None
    if not set("*?") & set(one):
        return wildcards(other).fullmatch(one) is not None
    left, right = (text.replace("?", "*").partition("*")[0] for text in (one, other))
    return left.startswith(right) or right.startswith(left)


def _lets_in(one: Statement, wanted: Statement) -> bool:
    """Whether a statement lets tokens of the same issuer in by their subject, and asks for nothing more of a pod's."""
    shape, keys = _shape(one), _equals(one)
    return (
        shape.get("Effect") == "Allow"
        and _ASSUME in shape.get("Action", [])
        and set(providers(_alone(wanted))) <= set(providers(_alone(one)))
        and set(shape.get("Condition", {})) == {"StringEquals"}
        and {key.lower() for key in keys if not _is_audience(key)} == {_subject_key(wanted).lower()}
        and all(TOKEN_AUDIENCE in _texts(value) for key, value in keys.items() if _is_audience(key))
    )


def _alone(statement: Statement) -> Policy:
    return Policy({"Statement": [statement]})


def _equals(statement: Statement) -> Mapping[str, Any]:
    condition = statement.get("Condition")
    keys = condition.get("StringEquals") if isinstance(condition, Mapping) else None
    return keys if isinstance(keys, Mapping) else {}


def _is_audience(key: str) -> bool:
    return key.lower().endswith(":aud")


def _subject_key(statement: Statement) -> str:
    return next((key for key in _equals(statement) if key.lower().endswith(":sub")), "")


def _subjects(statement: Statement) -> list[str]:
    return _texts(_equals(statement).get(_subject_key(statement), []))


def _with_subjects(statement: Statement, subjects: Sequence[str]) -> dict[str, Any]:
    equals = {**_equals(statement), _subject_key(statement): list(dict.fromkeys(subjects))}
    return {**statement, "Condition": {**statement["Condition"], "StringEquals": equals}}


def _statements(document: Policy) -> list[Statement]:
    listed = document.document.get("Statement")
    entries = listed if isinstance(listed, list | tuple) else [listed]
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _with(document: Policy, statements: Sequence[Statement]) -> Policy:
    return Policy({**document.document, "Statement": list(statements)})


def _shape(statement: Statement) -> Mapping[str, Any]:
    """A statement in the form in which equal meanings are equal."""
    whole: Any = policy.canonical({"Statement": [statement]})
    shape: Mapping[str, Any] = whole["Statement"][0]
    return shape


def _key(statement: Statement, *, whole: bool = False) -> str:
    """What must be the same for two statements to be one; with `whole`, the actions, too."""
    shape = {name: value for name, value in _shape(statement).items() if whole or name != "Action"}
    return json.dumps(shape, sort_keys=True, default=str)


def _mergeable(statement: Statement) -> str:
    """A key that statements share which may become one; empty for one that must stay as it is."""
    if "Principal" in statement:
        return _key(_with_subjects(statement, ()), whole=True) if _subject_key(statement) else ""
    return _key(statement) if "Action" in statement else ""


def _tidy(statement: Statement) -> dict[str, Any]:
    if "Action" not in statement or "Principal" in statement:
        return dict(statement)
    kept: list[str] = []
    for action in _texts(statement["Action"]):
        if not any(covers(pattern, action) for pattern in kept):
            kept = [*(one for one in kept if not covers(action, one)), action]
    return {**statement, "Action": kept}


def _texts(value: object) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list | tuple) else [value])]


__all__ = ["Union", "binds_audience", "compact", "covers", "lost", "permissions", "providers", "trust"]
