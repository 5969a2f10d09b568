"""Bucket policies: which ones S3 takes, which are public, and whom one lets do what.

Source: S3 user guide, "Bucket policies" and "Blocking public access to your Amazon S3 storage", section "The meaning of
public"; IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ccoctl.aws.evaluate import Question, Verdict, decide
from ccoctl.lab import accounts
from ccoctl.lab.principals import Principal

LIMIT = 20 * 1024
"""Bytes of a bucket policy."""
_FIXING = frozenset(
    {
        *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:sourceaccount", "aws:sourcearn"),
        *("aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:userid", "s3:dataaccesspointarn"),
    }
)
"""Condition keys that make a grant to everybody one to somebody, where their values have no wildcards."""
_POSITIVE = ("stringequals", "stringlike", "arnequals", "arnlike", "ipaddress")


def parse(text: str | bytes | None) -> Mapping[str, Any]:
    """A policy as a document; an empty one, which allows nothing, where it is no JSON object."""
    try:
        document = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def problem(body: bytes, bucket_arn: str, identities: frozenset[tuple[str, str]]) -> str:
    """Why S3 does not take a policy, in its words; empty where it does.

    Args:
        body: the policy.
        bucket_arn: of the bucket that it is for.
        identities: kinds and names of the origin access identities that are there.
    """
    if not body.lstrip().startswith(b"{") or not (document := parse(body)):
        return "Policies must be valid JSON and the first byte must be '{'"
    if len(body) > LIMIT:
        return "Policy exceeds the maximum allowed document size"
    if document.get("Version", "2008-10-17") not in {"2008-10-17", "2012-10-17"}:
        return "The policy must contain a valid version string"
    statements = tuple(_statements(document))
    if not statements:
        return "Missing required field Statement"
    return next((what for entry in statements for what in _flaws(entry, bucket_arn, identities)), "")


def is_public(document: Mapping[str, Any]) -> bool:
    """True when a policy allows everybody something, without a condition that says who."""
    return any(
        entry.get("Effect") == "Allow" and ("AWS", "*") in _principals(entry) and not _is_fixed(entry.get("Condition"))
        for entry in _statements(document)
    )


def verdict(document: Mapping[str, Any], principal: Principal, question: Question) -> Verdict:
    """What a policy says to somebody of the same account, or to nobody in particular."""
    if principal.is_anonymous:
        return decide([document], replace(question, principals=frozenset())).verdict
    partition = principal.arn.split(":")[1]
    names = {principal.arn, principal.role_arn or principal.arn}
    account = {f"arn:{partition}:iam::{accounts.ACCOUNT}:root", accounts.ACCOUNT}
    as_anybody = decide([document], replace(question, principals=_aws(names | account)))
    if as_anybody.verdict is Verdict.DENIED:
        return Verdict.DENIED
    # to name the account is to leave it to the account's own policies
    granted = decide([document], replace(question, principals=_aws({principal.arn}))).allowed
    if not granted and principal.role_arn:
        # what is granted to a role, and not to its session, goes no further than boundary and session policies
        limits = [decide(group, question).allowed for group in principal.policies[1:]]
        granted = all(limits) and decide([document], replace(question, principals=_aws({principal.role_arn}))).allowed
    return Verdict.ALLOWED if granted else Verdict.NOT_ALLOWED


def _aws(names: Iterable[str]) -> frozenset[tuple[str, str]]:
    return frozenset(("AWS", name) for name in names)


def _statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = document.get("Statement", [])
    for entry in listed if isinstance(listed, list) else [listed]:
        if isinstance(entry, dict):
            yield entry


def _flaws(entry: Mapping[str, Any], bucket_arn: str, identities: frozenset[tuple[str, str]]) -> Iterator[str]:
    if entry.get("Effect") not in {"Allow", "Deny"}:
        yield f"Invalid effect: {str(entry.get('Effect'))[:40]}"
    for name in ("Principal", "Action", "Resource"):
        if (name in entry) == (f"Not{name}" in entry):
            yield f"Missing required field {name}"
    actions = [text for name in ("Action", "NotAction") for text in _texts(entry.get(name, []))]
    if not actions or not all(text == "*" or text.lower().startswith("s3:") for text in actions):
        yield "Policy has invalid action"
    resources = [text for name in ("Resource", "NotResource") for text in _texts(entry.get(name, []))]
    if not resources or not all(text == bucket_arn or text.startswith(f"{bucket_arn}/") for text in resources):
        yield "Policy has invalid resource"
    if any(map(_is_nobody(identities), _principals(entry))):
        yield "Invalid principal in policy"


def _is_nobody(identities: frozenset[tuple[str, str]]) -> Any:
    def decide_one(named: tuple[str, str]) -> bool:
        kind, name = named
        if kind == "CanonicalUser" or ":iam::cloudfront:" in name:
            return named not in identities
        return kind not in {"AWS", "Service", "Federated"} or (kind == "AWS" and accounts.is_nobody(name))

    return decide_one


def _principals(entry: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    value = entry.get("Principal", entry.get("NotPrincipal"))
    if value == "*":
        return frozenset({("AWS", "*")})
    if not isinstance(value, dict):
        return frozenset()
    return frozenset((kind, name) for kind, names in value.items() for name in _texts(names))


def _is_fixed(condition: object) -> bool:
    if not isinstance(condition, dict):
        return False
    return any(
        str(key).lower() in _FIXING and all(value and "*" not in value and "?" not in value for value in _texts(values))
        for operator, keys in condition.items()
        if str(operator).lower() in _POSITIVE and isinstance(keys, dict)
        for key, values in keys.items()
    )


def _texts(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
