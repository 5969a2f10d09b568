"""What IAM decides: may this principal do this to that, in this context?

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy element reference". Where a policy holds what is
not known here, the answer is no: a statement that cannot be read allows nothing, and one that may deny does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

from ccoctl.aws.conditions import Context, UnreadablePolicyError, fulfils, wildcards

Document = Mapping[str, Any]

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_KINDS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})


class Verdict(Enum):
    """How a question is decided."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    """No statement allows it."""
    DENIED = "denied"
    """A statement denies it, whatever else allows it."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and why."""

    verdict: Verdict
    why: str

    @property
    def allowed(self) -> bool:
        """True when it is allowed."""
        return self.verdict is Verdict.ALLOWED


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do."""

    action: str
    """`service:Action`."""
    resource: str | None = None
    """ARN, or `*` for an action that knows no resources; None where the policy is attached to the resource itself."""
    principals: frozenset[tuple[str, str]] | None = None
    """Who asks, as kind and name, say `("Federated", "arn:…")`; None where the policy is attached to who asks."""
    context: Context = msgspec.field(default_factory=dict)


def decide(documents: Iterable[object], question: Question) -> Decision:
    """One verdict over the statements of several policies."""
    allowed: str | None = None
    unreadable = ""
    for statement in _statements(documents):
        effect = statement.get("Effect") if isinstance(statement, Mapping) else None
        try:
            concerned = _concerns(statement, question)
        except UnreadablePolicyError as error:
            unreadable = f"; one could not be read: {error.what}"
            concerned = effect != "Allow"
        if concerned and effect != "Allow":
            return Decision(verdict=Verdict.DENIED, why=f"a statement denies {question.action}{unreadable}")
        if concerned and isinstance(statement, Mapping):
            allowed = str(statement.get("Sid", "")) or "a statement"
    if allowed is not None:
        return Decision(verdict=Verdict.ALLOWED, why=f"{allowed} allows {question.action}")
    return Decision(verdict=Verdict.NOT_ALLOWED, why=f"no statement allows {question.action}{unreadable}")


def _statements(documents: Iterable[object]) -> Iterable[object]:
    for document in documents:
        listed = document.get("Statement", []) if isinstance(document, Mapping) else []
        yield from listed if isinstance(listed, list | tuple) else [listed]


def _concerns(statement: object, question: Question) -> bool:
    """The action comes first: what is said of others is no reason to deny this one, however it is said."""
    if not isinstance(statement, Mapping):
        raise UnreadablePolicyError("a statement is no object")
    if unknown := [key for key in statement if key not in _ELEMENTS]:
        raise UnreadablePolicyError(f"a statement has the unknown element {str(unknown[0])[:40]!a}")
    return (
        _names_action(statement, question)
        and (question.principals is None or _names_principal(statement, question.principals))
        and (question.resource is None or _names_resource(statement, question.resource))
        and ("Condition" not in statement or fulfils(statement["Condition"], question.context))
    )


def _names_action(statement: Mapping[str, Any], question: Question) -> bool:
    value, negated = _element(statement, "Action")
    named = _any_like(question.action.lower(), [text.lower() for text in _texts(value)])
    if negated and statement.get("Effect") == "Allow" and _is_federated(question.principals):
        return False  # a token is let in by name; "everything but" something else names nothing
    return named != negated


def _names_resource(statement: Mapping[str, Any], resource: str) -> bool:
    value, negated = _element(statement, "Resource")
    patterns = _texts(value)
    if any("${" in text for text in patterns):
        raise UnreadablePolicyError("policy variables are not evaluated here")
    return _any_like(resource, patterns) != negated


def _names_principal(statement: Mapping[str, Any], principals: frozenset[tuple[str, str]]) -> bool:
    value, negated = _element(statement, "Principal")
    named = _principals(value)
    if statement.get("Effect") == "Allow":
        # NotPrincipal with Allow would let in everybody else in the world, so only a Deny may say it
        everybody = ("AWS", "*") in named and not _is_federated(principals)
        return not negated and (everybody or bool(named & principals))
    if negated:
        return not named & principals
    return any(name == "*" for _, name in named) or bool(named & (principals | _accounts(principals)))


def _element(statement: Mapping[str, Any], name: str) -> tuple[object, bool]:
    """What an element says, and whether it says it as `Not…`."""
    given = [key for key in (name, f"Not{name}") if key in statement]
    if len(given) != 1:
        wrong = f"both {name} and Not{name}" if given else f"neither {name} nor Not{name}"
        raise UnreadablePolicyError(f"a statement has {wrong}")
    return statement[given[0]], given[0] != name


def _is_federated(principals: frozenset[tuple[str, str]] | None) -> bool:
    """Whoever comes with a token of some issuer is let in by that issuer's name alone, never by `*`."""
    return any(kind == "Federated" for kind, _ in principals or ())


def _principals(value: object) -> frozenset[tuple[str, str]]:
    if value == "*":
        return frozenset({("AWS", "*")})
    if not isinstance(value, Mapping) or not value or not value.keys() <= _KINDS:
        raise UnreadablePolicyError("a statement's principal is none")
    return frozenset((str(kind), name) for kind, names in value.items() for name in _texts(names))


def _accounts(principals: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """The accounts that these are in, in both of their forms: who denies an account denies everybody in it."""
    parts = [name.split(":") for kind, name in principals if kind == "AWS" and name.count(":") >= 5]
    roots = [f"{':'.join(part[:2])}:iam::{part[4]}:root" for part in parts]
    return frozenset(("AWS", name) for name in (*roots, *(part[4] for part in parts)))


def _any_like(value: str, patterns: Iterable[str]) -> bool:
    return any(wildcards(pattern).fullmatch(value) is not None for pattern in patterns)


def _texts(value: object) -> list[str]:
    texts = [item for item in (value if isinstance(value, list | tuple) else [value]) if isinstance(item, str)]
    if not texts or (isinstance(value, list | tuple) and len(texts) != len(value)):
        raise UnreadablePolicyError("a statement has an element that is neither a text nor a list of texts")
    return texts
