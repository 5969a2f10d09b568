"""IAM's limits, where moto has none: names, sizes and counts.

Source: IAM API reference (patterns and lengths of parameters) and IAM user guide, "IAM and AWS STS quotas".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ccoctl.lab.accounts import iam, is_nobody
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked

ROLES = 1000
PROVIDERS = 100
TRUST_POLICY = 2048
INLINE_POLICIES = 10240
"""Characters together, white space not counted."""
TAGS = 50
CLIENT_IDS = 100
THUMBPRINTS = 5
ATTACHED_POLICIES = 10
MANAGED_POLICY = 6144
"""Characters, white space not counted."""

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
_DESCRIPTION = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")
_TAG_KEY = re.compile(r"[\w\s.:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")


def check(asked: Asked) -> Answer | None:
    """The refusal of a request that goes beyond a limit; None for every other."""
    problem = next(_problems(asked), None)
    if problem is None:
        return None
    code, message = problem
    return refusal("iam", asked.method, 409 if code in {"LimitExceeded", "EntityAlreadyExists"} else 400, code, message)


def _problems(asked: Asked) -> Iterator[tuple[str, str]]:
    yield from _parameters(asked)
    yield from _tags(asked)
    match asked.operation:
        case "CreateRole":
            yield from _new_role(asked)
        case "UpdateAssumeRolePolicy":
            yield from _trust_policy(asked.form.get("PolicyDocument", ""))
        case "PutRolePolicy":
            yield from _inline_policy(asked)
        case "AttachRolePolicy":
            yield from _attachment(asked)
        case "CreatePolicy" | "CreatePolicyVersion":
            if _size(asked.form.get("PolicyDocument", "")) > MANAGED_POLICY:
                yield _limit(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY}")
        case "CreateOpenIDConnectProvider":
            yield from _new_provider(asked)
            yield from _client_ids(_members(asked, "ClientIDList"))
            yield from _thumbprints(asked)
        case "AddClientIDToOpenIDConnectProvider":
            there = _provider(asked)
            yield from _client_ids([*(there.client_id_list if there else []), asked.form.get("ClientID", "")])
        case "UpdateOpenIDConnectProviderThumbprint":
            yield from _thumbprints(asked)


def _parameters(asked: Asked) -> Iterator[tuple[str, str]]:
    for name, pattern in (
        ("RoleName", _NAME),
        ("PolicyName", _POLICY_NAME),
        ("Path", _PATH),
        ("Description", _DESCRIPTION),
    ):
        value = asked.form.get(name)
        if value is not None and not pattern.fullmatch(value):
            yield _invalid(
                f"Value at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: its length or pattern"
            )
    duration = asked.form.get("MaxSessionDuration")
    if duration is not None and not (duration.isascii() and duration.isdecimal() and 3600 <= int(duration) <= 43200):
        yield _invalid("Value at 'maxSessionDuration' failed to satisfy constraint: it must be from 3600 to 43200")


def _tags(asked: Asked) -> Iterator[tuple[str, str]]:
    pairs = [
        (value, asked.form.get(f"{name.removesuffix('.Key')}.Value", ""))
        for name, value in asked.form.items()
        if name.startswith("Tags.member.") and name.endswith(".Key")
    ]
    if len({key for key, _ in pairs} | _tags_there(asked)) > TAGS:
        yield _limit(f"The number of tags has reached the maximum limit of {TAGS}.")
    if len({key.lower() for key, _ in pairs}) != len(pairs):
        yield "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    for key, value in pairs:
        if key.lower().startswith("aws:"):
            yield "InvalidInput", "Tag keys that begin with aws: are kept for AWS."
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            yield _invalid("Value at 'tags' failed to satisfy constraint: the length or pattern of a key or value")


def _new_role(asked: Asked) -> Iterator[tuple[str, str]]:
    name, there = asked.form.get("RoleName", ""), iam(asked.partition).roles.values()
    if any(role.name.lower() == name.lower() for role in there):
        yield "EntityAlreadyExists", f"Role with name {name} already exists."
    if len(there) >= ROLES:
        yield _limit(f"Cannot exceed quota for RolesPerAccount: {ROLES}")
    yield from _trust_policy(asked.form.get("AssumeRolePolicyDocument", ""))


def _trust_policy(text: str) -> Iterator[tuple[str, str]]:
    if _size(text) > TRUST_POLICY:
        yield _limit(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY}")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        yield "MalformedPolicyDocument", "This policy contains invalid Json"
        return
    listed = document.get("Statement", [])
    for entry in listed if isinstance(listed, list) else [listed]:
        yield from _trust_statement(entry)


def _trust_statement(entry: object) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, dict) or entry.get("Effect") not in {"Allow", "Deny"}:
        yield "MalformedPolicyDocument", "Syntax errors in policy."
        return
    if {"Resource", "NotResource"} & entry.keys():
        yield "MalformedPolicyDocument", "Has prohibited field Resource"
    for name in ("Principal", "Action"):
        if (name in entry) == (f"Not{name}" in entry):
            yield "MalformedPolicyDocument", f"Missing required field {name}"
    principal = entry.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else []
    for arn in named if isinstance(named, list) else [named]:
        if is_nobody(str(arn)):
            yield "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{str(arn)[:200]}"'


def _inline_policy(asked: Asked) -> Iterator[tuple[str, str]]:
    name = asked.form.get("RoleName", "")
    role = _role(asked)
    others = dict(role.policies) if role is not None else {}
    others[asked.form.get("PolicyName", "")] = asked.form.get("PolicyDocument", "")
    if sum(map(_size, others.values())) > INLINE_POLICIES:
        yield _limit(f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for role {name}")


def _new_provider(asked: Asked) -> Iterator[tuple[str, str]]:
    url = asked.form.get("Url", "")
    parts = urlsplit(url)
    if not 1 <= len(url) <= 255 or parts.scheme != "https" or not parts.hostname or ":" in parts.netloc:
        yield _invalid("Invalid Open ID Connect Provider URL")
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield _invalid("Invalid Open ID Connect Provider URL")
    if len(iam(asked.partition).open_id_providers) >= PROVIDERS:
        yield _limit(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS}")


def _client_ids(clients: list[str]) -> Iterator[tuple[str, str]]:
    if len(set(clients)) > CLIENT_IDS:
        yield _limit(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}")
    if not all(1 <= len(client) <= 255 for client in clients):
        yield _invalid("Value at 'clientIDList' failed to satisfy constraint: 1 to 255 characters each")


def _thumbprints(asked: Asked) -> Iterator[tuple[str, str]]:
    prints = _members(asked, "ThumbprintList")
    if len(prints) > THUMBPRINTS:
        yield "InvalidInput", f"Thumbprint list must contain at most {THUMBPRINTS} entries."
    if not all(map(_THUMBPRINT.fullmatch, prints)):
        yield _invalid("Value at 'thumbprintList' failed to satisfy constraint: 40 hexadecimal characters each")


def _members(asked: Asked, name: str) -> list[str]:
    return [value for key, value in asked.form.items() if key.startswith(f"{name}.member.")]


def _provider(asked: Asked) -> Any:
    return iam(asked.partition).open_id_providers.get(asked.form.get("OpenIDConnectProviderArn", ""))


def _role(asked: Asked) -> Any:
    name = asked.form.get("RoleName", "")
    return next((item for item in iam(asked.partition).roles.values() if item.name == name), None)


def _tags_there(asked: Asked) -> set[str]:
    """Keys of the tags that a TagRole or TagOpenIDConnectProvider adds to."""
    found = {"TagRole": _role, "TagOpenIDConnectProvider": _provider}.get(asked.operation, lambda _: None)(asked)
    if found is None or not found.tags:
        return set()
    return set(found.tags) if isinstance(found.tags, dict) else {tag["Key"] for tag in found.tags}


def _attachment(asked: Asked) -> Iterator[tuple[str, str]]:
    role = _role(asked)
    if role is not None and len({*role.managed_policies, asked.form.get("PolicyArn", "")}) > ATTACHED_POLICIES:
        yield _limit(f"Cannot exceed quota for PoliciesPerRole: {ATTACHED_POLICIES}")


def _size(text: str) -> int:
    """Characters that count: white space outside of strings does not."""
    try:
        return len(json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False))
    except ValueError:
        return len(text)


def _invalid(message: str) -> tuple[str, str]:
    return "ValidationError", f"1 validation error detected: {message}"


def _limit(message: str) -> tuple[str, str]:
    return "LimitExceeded", message
