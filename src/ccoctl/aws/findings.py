"""A least-privilege reading of each role: what works and yet gives more than it should, or is about to stop working.

Source: IAM user guide, "Security best practices in IAM" and "Create a role for OpenID Connect federation"; the actions
that let whoever has them gain others are those that IAM Access Analyzer's policy checks warn of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ccoctl.aws import policy
from ccoctl.aws.conditions import wildcards
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Further, Role, Unwanted
from ccoctl.engine.diff import Unseen
from ccoctl.federation.proof import Finding, Severity

NEAR = 0.8
"""The share of a limit from which a policy is called near it."""
_ESCALATING = (
    *("iam:PassRole", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:AttachRolePolicy"),
    *("iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:UpdateAssumeRolePolicy"),
    *("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:AddUserToGroup", "sts:AssumeRole"),
)
"""Actions by which a role can become another."""
_NOBODY = tuple(f"{kind}/=nobody=" for kind in ("role", "user", "policy", "group"))
"""Whom only a pattern for all of a kind matches."""


_NOT_ASKED_FOR = "Remove it, or put what is needed into the CredentialsRequest."


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """One role as it is, with what it is meant to be."""

    role: Role
    """As it was found."""
    subjects: frozenset[str]
    """Whom it is for."""
    provider_arn: str
    host: str
    """The issuer's, with which the condition keys begin."""
    further: Further = msgspec.field(default_factory=dict)
    """Its inline policies besides that of its own name, as far as they were read."""


def findings(reviewed: Iterable[Reviewed]) -> tuple[Finding, ...]:
    """All of them, the gravest first; what is the same for several roles is said once."""
    roles = list(reviewed)
    where: dict[tuple[Severity, str, str], list[str]] = {}
    for one in roles:
        for severity, what, remedy in dict.fromkeys(_of(one)):
            where.setdefault((severity, what, remedy), []).append(one.role.name)
    return gravest_first(
        Finding(severity=severity, where=_places(names, len(roles)), what=what, remedy=remedy)
        for (severity, what, remedy), names in where.items()
    )


def unwanted_findings(unwanted: Unwanted, provider_arn: str) -> tuple[Finding, ...]:
    """Roles of ours that nobody wants; those that the issuer's tokens open are grave: nobody reviews them otherwise."""
    return (*(_unwanted(role, provider_arn) for role in unwanted.roles), *_unseen_roles(unwanted))


def _unwanted(role: Role, provider_arn: str) -> Finding:
    is_open = provider_arn in policy.federated(role.trust)
    trusts = "and tokens of this issuer open it" if is_open else "and it does not trust this issuer"
    return Finding(
        severity=Severity.HIGH if is_open else Severity.MEDIUM,
        where=f"role {role.name}",
        what=f"it carries the tag of this set-up, nobody wants it, {trusts}",
        remedy="Where an upgrade made it, end that with `ccoctl aws upgrade finish`; else see who added it, and delete "
        "it if no component has it in its Secret.",
    )


def _unseen_roles(unwanted: Unwanted) -> Iterator[Finding]:
    if unwanted.unlisted is not None:
        action = unwanted.unlisted.action
        what = f"roles of ours that nobody wants were not looked for ({action})"
        yield Finding(severity=Severity.LOW, where="account", what=what, remedy=f"Allow {action}.")
    for name, unseen in unwanted.hidden.items():
        what = f"nobody wants it, and whether it is ours could not be seen ({unseen.action})"
        yield Finding(severity=Severity.LOW, where=f"role {name}", what=what, remedy=f"Allow {unseen.action}.")


def gravest_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """In the order of their severity, and else as they come."""
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


_Found = tuple[Severity, str, str]


def _places(names: list[str], total: int) -> str:
    if len(names) == 1:
        return f"role {names[0]}"
    return f"all {total} roles" if len(names) == total else f"{len(names)} roles: {', '.join(names)}"


def _of(one: Reviewed) -> Iterator[_Found]:
    yield from _trust(one)
    yield from _permissions(one.role)
    yield from _further(one)
    yield from _sizes(one.role)


def _trust(one: Reviewed) -> Iterator[_Found]:
    for statement in _allowing(one.role.trust.document):
        yield from _principals(statement, one)
        if "NotAction" in statement:
            yield Severity.HIGH, "its trust policy allows whatever is not listed (NotAction)", "List the actions."
        if not _is_for_tokens(statement):
            continue
        keys = _condition_keys(statement)
        yield from _subjects(keys, one)
        if not any(key == f"{one.host}:aud".lower() for _, key, _ in keys):
            what = "its trust policy takes tokens for any audience of the provider"
            yield Severity.LOW, what, "Run create-all or create-iam-roles with --bind-audience."


def _principals(statement: Mapping[str, Any], one: Reviewed) -> Iterator[_Found]:
    remedy = "See who added it; create-all writes the trust policy anew."
    if "NotPrincipal" in statement:
        yield Severity.HIGH, "its trust policy lets in whoever is not listed (NotPrincipal)", remedy
        return
    named = statement.get("Principal")
    pairs = named.items() if isinstance(named, Mapping) else [("AWS", named)]
    for kind, names in pairs:
        for name in _texts(names):
            if (kind, name) != ("Federated", one.provider_arn):
                yield Severity.HIGH, f"its trust policy also lets in {kind} {name}", remedy


def _subjects(keys: list[tuple[str, str, tuple[str, ...]]], one: Reviewed) -> Iterator[_Found]:
    key = f"{one.host}:sub".lower()
    positive = [(operator, values) for operator, name, values in keys if name == key and "not" not in operator.lower()]
    certain = [item for item in positive if not item[0].lower().endswith("ifexists")]
    if not certain:
        what = "its trust policy names no subject, so every service account of the cluster may assume it"
        yield Severity.HIGH, what, "Run create-all: it binds the role to its service accounts."
        return
    for operator, values in certain:
        is_pattern = "like" in operator.lower()
        for value in values:
            if is_pattern and ("*" in value or "?" in value):
                yield Severity.HIGH, f"its trust policy takes subjects by the pattern {value}", "Name each subject."
            elif value not in one.subjects:
                what = f"its trust policy also takes {value}, which no request asks for"
                yield Severity.HIGH, what, "Run create-all, or add the service account to the request."


def _permissions(role: Role) -> Iterator[_Found]:
    yield from _other_policies(role)
    if isinstance(role.permissions, Unseen):
        what = f"its permissions policy could not be read and was not reviewed ({role.permissions.action})"
        yield Severity.MEDIUM, what, f"Allow {role.permissions.action}."
        return
    if role.permissions is None:
        yield Severity.MEDIUM, "it has no permissions policy of its own name", "Run create-all."
        return
    for statement in _allowing(role.permissions.document):
        yield from _statement(statement, role)


def _further(one: Reviewed) -> Iterator[_Found]:
    """What policies that nobody asked for allow, by the same rules."""
    for name, held in sorted(one.further.items()):
        through = f"through its inline policy {name}"
        if isinstance(held, Unseen):
            what = f"what it may do {through} could not be read and was not reviewed ({held.action})"
            yield Severity.MEDIUM, what, f"Allow {held.action}."
        for statement in _allowing(held.document) if isinstance(held, Policy) else ():
            for severity, what, _ in _statement(statement, one.role):
                yield severity, f"{what}, {through}", _NOT_ASKED_FOR


def _statement(statement: Mapping[str, Any], role: Role) -> Iterator[_Found]:
    resources = [] if statement.get("Condition") else _texts(statement.get("Resource", []))
    everywhere = "*" in resources
    for name in ("NotAction", "NotResource"):
        if name in statement:
            yield Severity.HIGH, f"it may do whatever is not listed ({name})", "List what is needed instead."
    actions = _texts(statement.get("Action", []))
    for action in actions:
        if action in {"*", "*:*"}:
            yield Severity.HIGH, "it may do everything (action *)", "List the actions that the component needs."
        elif action.endswith(":*"):
            yield Severity.MEDIUM, f"it may do everything of one service ({action})", "List the actions instead."
    has_all = everywhere or _match_anybody(resources, role)
    gained = sorted({target for target in _ESCALATING if has_all and _covers(actions, target)})
    if gained:
        what = f"it may gain other rights, on every resource and without a condition: {', '.join(gained)}"
        yield Severity.HIGH, what, "Narrow the request's resource, or add a condition or a permissions boundary."
    if everywhere:
        what = "it has rights on every resource (resource * without a condition)"
        yield Severity.LOW, what, "Narrow the request's resource where the service knows resources."


def _match_anybody(resources: list[str], role: Role) -> bool:
    """True for every role, user, policy or group of the account, which IAM's actions are about."""
    account = str(role.arn).partition(":role/")[0]
    return any(wildcards(pattern).fullmatch(f"{account}:{name}") for pattern in resources for name in _NOBODY)


def _covers(actions: list[str], target: str) -> bool:
    return any(wildcards(action.lower()).fullmatch(target.lower()) is not None for action in actions)


def _other_policies(role: Role) -> Iterator[_Found]:
    remedy = _NOT_ASKED_FOR
    if not isinstance(role.inline_policies, Unseen):
        for name in role.inline_policies:
            if name != role.name:
                yield Severity.MEDIUM, f"it has the inline policy {name}, which no request asks for", remedy
    if not isinstance(role.attached_policies, Unseen):
        for arn in role.attached_policies:
            yield Severity.MEDIUM, f"it has the managed policy {arn}, which no request asks for", remedy


def _sizes(role: Role) -> Iterator[_Found]:
    trust = policy.size(role.trust.document)
    if trust >= NEAR * policy.TRUST_POLICY_LIMIT:
        what = f"its trust policy has {trust} of the {policy.TRUST_POLICY_LIMIT} characters that IAM takes by default"
        yield Severity.LOW, what, "Have AWS raise the quota before more service accounts are added."
    inline = policy.size(role.permissions.document) if isinstance(role.permissions, Policy) else 0
    if inline >= NEAR * policy.INLINE_POLICIES_LIMIT:
        what = f"its permissions policy has {inline} of the {policy.INLINE_POLICIES_LIMIT} characters that IAM takes"
        yield Severity.LOW, what, "Join statements before more are added."


def _allowing(document: object) -> Iterator[Mapping[str, Any]]:
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    for statement in statements if isinstance(statements, list | tuple) else [statements]:
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield statement


def _is_for_tokens(statement: Mapping[str, Any]) -> bool:
    return "NotAction" in statement or _covers(_texts(statement.get("Action", [])), "sts:AssumeRoleWithWebIdentity")


def _condition_keys(statement: Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Operator, key in lower case, and values of each condition."""
    condition = statement.get("Condition")
    if not isinstance(condition, Mapping):
        return []
    return [
        (str(operator), str(key).lower(), tuple(_texts(values)))
        for operator, keys in condition.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
    ]


def _texts(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list | tuple) else [value]) if isinstance(item, str)]
