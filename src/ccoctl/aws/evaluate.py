"""What IAM decides: may this principal do this to that, in this context?

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy element reference". Where a policy holds what is
not known here, the answer is no: a statement that cannot be read allows nothing, and one that may deny does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ccoctl.aws.conditions import Context, UnknownConditionError, fulfils, wildcards

Document = Mapping[str, Any]


class Verdict(Enum):
    """How a question is decided."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    """No statement allows it."""
    DENIED = "denied"
    """A statement denies it, whatever else allows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict and why."""

    verdict: Verdict
    why: str

    @property
    def allowed(self) -> bool:
        """True when it is allowed."""
        return self.verdict is Verdict.ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to do."""

    action: str
    """`service:Action`."""
    resource: str | None = None
    """ARN, or `*` for an action that knows no resources; None where the policy is attached to the resource itself."""
    principals: frozenset[tuple[str, str]] | None = None
    """Who asks, as kind and name, say `("Federated", "arn:…")`; None where the policy is attached to who asks."""
    context: Context = field(default_factory=dict)


def decide(documents: Iterable[object], question: Question) -> Decision:
    """One verdict over the statements of several policies."""
    allowed: str | None = None
    unreadable = ""
    for statement in _statements(documents):
        effect = statement.get("Effect")
        try:
            concerned = _concerns(statement, question)
        except UnknownConditionError as error:
            unreadable = str(error)
            concerned = effect != "Allow"
        if concerned and effect == "Allow":
            allowed = str(statement.get("Sid", "")) or "a statement"
        elif concerned:
            return Decision(verdict=Verdict.DENIED, why=f"a statement denies {question.action}")
    if allowed is not None:
        return Decision(verdict=Verdict.ALLOWED, why=f"{allowed} allows {question.action}")
    why = f"no statement allows {question.action}"
    return Decision(
        verdict=Verdict.NOT_ALLOWED, why=f"{why}; one could not be read: {unreadable}" if unreadable else why
    )


def _statements(documents: Iterable[object]) -> Iterable[Mapping[str, Any]]:
    for document in documents:
        listed = document.get("Statement", []) if isinstance(document, Mapping) else []
        for statement in listed if isinstance(listed, list | tuple) else [listed]:
            if isinstance(statement, Mapping):
                yield statement


def _concerns(statement: Mapping[str, Any], question: Question) -> bool:
    parts = (
        _names_action(statement, question.action),
        question.resource is None or _names_resource(statement, question.resource),
        question.principals is None or _names_principal(statement, question.principals),
    )
    if not all(parts):
        return False
    return "Condition" not in statement or fulfils(statement["Condition"], question.context)


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any_like(action.lower(), (text.lower() for text in _texts(statement["NotAction"])))
    return _any_like(action.lower(), (text.lower() for text in _texts(statement.get("Action", []))))


def _names_resource(statement: Mapping[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not _any_like(resource, _patterns(statement["NotResource"]))
    return _any_like(resource, _patterns(statement.get("Resource", [])))


def _patterns(value: object) -> list[str]:
    texts = _texts(value)
    if any("${" in text for text in texts):
        raise UnknownConditionError("policy variables are not evaluated here")
    return texts


def _names_principal(statement: Mapping[str, Any], principals: frozenset[tuple[str, str]]) -> bool:
    if "NotPrincipal" in statement:
        # with Allow it would let in everybody else in the world, so only a Deny may say it
        named = _principals(statement["NotPrincipal"])
        return statement.get("Effect") != "Allow" and not named & principals
    named = _principals(statement.get("Principal"))
    everybody = ("AWS", "*") in named and (statement.get("Effect") != "Allow" or not _is_federated(principals))
    return everybody or bool(named & principals)


def _is_federated(principals: frozenset[tuple[str, str]]) -> bool:
    """Whoever comes with a token of some issuer is let in by that issuer's name alone, never by `*`."""
    return any(kind == "Federated" for kind, _ in principals)


def _principals(value: object) -> frozenset[tuple[str, str]]:
    if value == "*":
        return frozenset({("AWS", "*")})
    if not isinstance(value, Mapping):
        return frozenset()
    return frozenset((str(kind), name) for kind, names in value.items() for name in _texts(names))


def _any_like(value: str, patterns: Iterable[str]) -> bool:
    return any(wildcards(pattern).fullmatch(value) is not None for pattern in patterns)


def _texts(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list | tuple) else [value]) if isinstance(item, str)]
