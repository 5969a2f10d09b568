"""Answers of AWS to resources. What AWS sends is not trusted to have the shape that it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ccoctl.aws import policy
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Provider, Role
from ccoctl.engine.call import Answer
from ccoctl.engine.diff import Unseen


def tags_of(answer: object, member: str) -> dict[str, str]:
    """Tags from a list of Key and Value."""
    entries = answer.get(member) if isinstance(answer, Mapping) else None
    if not isinstance(entries, list):
        return {}
    return {str(entry.get("Key", "")): str(entry.get("Value", "")) for entry in entries if isinstance(entry, Mapping)}


def provider_of(arn: str, answer: Answer) -> Provider:
    """A provider; IAM answers its URL without the scheme."""
    audiences = answer.get("ClientIDList")
    return Provider(
        url=f"https://{str(answer.get('Url', '')).removeprefix('https://')}",
        arn=arn,
        audiences=frozenset(map(str, audiences)) if isinstance(audiences, list) else frozenset(),
        tags=tags_of(answer, "Tags"),
    )


def role_of(
    answer: Answer,
    *,
    permissions: Answer | Unseen | None,
    inline: Answer | Unseen | None,
    attached: Answer | Unseen | None,
) -> Role:
    """A role from the answers to GetRole, GetRolePolicy and the two lists of its policies."""
    role = answer.get("Role")
    role = role if isinstance(role, Mapping) else {}
    boundary = role.get("PermissionsBoundary")
    return Role(
        name=str(role.get("RoleName", "")),
        path=str(role.get("Path", "/")),
        trust=_policy(role.get("AssumeRolePolicyDocument")) or policy.parse(""),
        permissions=permissions_of(permissions),
        description=str(role.get("Description", "")),
        tags=tags_of(role, "Tags"),
        boundary=str(boundary.get("PermissionsBoundaryArn", "")) if isinstance(boundary, Mapping) else "",
        max_session_duration=int(role.get("MaxSessionDuration") or 3600),
        arn=str(role.get("Arn", "")),
        inline_policies=inline if isinstance(inline, Unseen) else _names(inline, "PolicyNames", ""),
        attached_policies=attached
        if isinstance(attached, Unseen)
        else _names(attached, "AttachedPolicies", "PolicyArn"),
        last_used=_last_used(role),
    )


def permissions_of(answer: Answer | Unseen | None) -> Policy | Unseen | None:
    """What an inline policy allows, from the answer to GetRolePolicy."""
    if isinstance(answer, Unseen):
        return answer
    return _policy(answer.get("PolicyDocument")) if isinstance(answer, Mapping) else None


def _policy(document: object) -> Policy | None:
    if isinstance(document, Mapping):
        return Policy(dict(document))
    if isinstance(document, str):
        return policy.parse(document if document.lstrip().startswith("{") else unquote(document))
    return None


def _names(answer: Answer | None, member: str, key: str) -> tuple[str, ...]:
    entries: Any = answer.get(member) if answer is not None else None
    if not isinstance(entries, list):
        return ()
    return tuple(str(entry.get(key, "")) if isinstance(entry, Mapping) else str(entry) for entry in entries)


def _last_used(role: Mapping[str, Any]) -> str:
    used = role.get("RoleLastUsed")
    if not isinstance(used, Mapping) or not used.get("LastUsedDate"):
        return ""
    return f"{used['LastUsedDate']:%Y-%m-%d %H:%M} UTC in {used.get('Region', 'an unknown region')}"
