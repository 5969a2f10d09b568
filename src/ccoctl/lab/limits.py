"""IAM's limits, where moto has none: names, sizes and counts.

Source: IAM API reference (patterns and lengths of parameters) and IAM user guide, "IAM and AWS STS quotas".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ccoctl.lab.accounts import iam
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
        case "CreateOpenIDConnectProvider":
            yield from _new_provider(asked)


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
    if duration is not None and not (duration.isdecimal() and 3600 <= int(duration) <= 43200):
        yield _invalid("Value at 'maxSessionDuration' failed to satisfy constraint: it must be from 3600 to 43200")


def _tags(asked: Asked) -> Iterator[tuple[str, str]]:
    pairs = [
        (value, asked.form.get(f"{name.removesuffix('.Key')}.Value", ""))
        for name, value in asked.form.items()
        if name.startswith("Tags.member.") and name.endswith(".Key")
    ]
    if len(pairs) > TAGS:
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


def _inline_policy(asked: Asked) -> Iterator[tuple[str, str]]:
    name = asked.form.get("RoleName", "")
    role = next((item for item in iam(asked.partition).roles.values() if item.name == name), None)
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
    clients = [value for name, value in asked.form.items() if name.startswith("ClientIDList.member.")]
    if len(clients) > CLIENT_IDS:
        yield _limit(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}")
    if not all(1 <= len(client) <= 255 for client in clients):
        yield _invalid("Value at 'clientIDList' failed to satisfy constraint: 1 to 255 characters each")
    prints = [value for name, value in asked.form.items() if name.startswith("ThumbprintList.member.")]
    if len(prints) > THUMBPRINTS:
        yield _invalid("Thumbprint list must contain fewer than 5 entries.")
    if not all(map(_THUMBPRINT.fullmatch, prints)):
        yield _invalid("Value at 'thumbprintList' failed to satisfy constraint: 40 hexadecimal characters each")


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
