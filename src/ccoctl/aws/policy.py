"""IAM and S3 policies: what is wanted, and when two of them mean the same.

Source: IAM user guide, "IAM JSON policy elements reference"; the Go tool's templates for the exact documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ccoctl.credentialsrequest.model import AwsStatement
from ccoctl.engine.call import JsonText, Output, Template, Value, outputs, text

TRUST_POLICY_LIMIT = 2048
"""Characters without white space; IAM's default quota, which AWS raises to 4096 or 8192 on request."""
INLINE_POLICIES_LIMIT = 10240
"""Characters without white space, all inline policies of a role together."""

Document = Mapping[str, Any]
_DEEPEST = 16
"""Levels; a policy has six."""
_LONE = "[\ud800-\udfff]"
"""Halves of characters, which JSON can escape and nobody can write."""
_NOT_YET = object()


class Policy:
    """A policy document that compares by meaning: order, case of actions and single values in lists do not count."""

    __slots__ = ("_kept", "document")

    def __init__(self, document: Document) -> None:
        """Keep the document as written; it may hold Outputs."""
        self.document = document
        self._kept: object = _NOT_YET

    @property
    def _canonical(self) -> object:
        """What is compared, worked out when it first is: most policies never are; None of one that holds Outputs."""
        if self._kept is _NOT_YET:
            self._kept = None if outputs(self.document) else canonical(self.document)
        return self._kept

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Policy):
            return NotImplemented
        if self._canonical is None:
            return self.document == other.document
        return self._canonical == other._canonical

    __hash__ = None  # type: ignore[assignment]  # the document is kept as it was given, and may change

    def __repr__(self) -> str:
        return f"Policy({self.document!r})"

    @property
    def text(self) -> JsonText:
        """The document as a parameter of a call."""
        return JsonText(self.document)


def parse(text: str) -> Policy:
    """A policy as AWS answers it; one that is no JSON object is kept as it is and equals nothing that we write."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    is_sound = isinstance(document, dict) and _is_sound(document)
    return Policy(document if is_sound else {"Unreadable": text})


def _is_sound(document: object) -> bool:
    """True for what can be walked and written: no deeper than any policy, and all of its text Unicode."""
    level = [document]
    for _ in range(_DEEPEST):
        level = [inner for value in level for inner in _inner(value)]
        if any(isinstance(value, str) and not value.isascii() and re.search(_LONE, value) for value in level):
            return False
    return not level


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return *value, *value.values()
    return value if isinstance(value, list) else ()


def size(document: object) -> int:
    """Characters that count against IAM's quotas: white space outside strings does not."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def trust(
    provider_arn: Value, host: str | Output | Template, subjects: Iterable[str], audiences: Iterable[str] = ()
) -> Policy:
    """Who may assume a role: tokens of the issuer whose subject, and audience where given, is one of these."""
    condition: dict[str | Template, Value] = {text(host, ":sub"): list(subjects)}
    bound = list(audiences)
    if bound:
        condition[text(host, ":aud")] = bound
    return Policy(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider_arn},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringEquals": condition},
                }
            ],
        }
    )


def federated(trusting: Policy) -> frozenset[str]:
    """The ARNs of the providers whose tokens a trust policy may take."""
    listed = trusting.document.get("Statement")
    found: set[str] = set()
    for statement in listed if isinstance(listed, list | tuple) else [listed]:
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            named = statement.get("Principal")
            found.update(_texts(named.get("Federated", [])) if isinstance(named, Mapping) else ())
    return frozenset(found)


def permissions(statements: Iterable[AwsStatement]) -> Policy:
    """What a role may do: the request's statements as they are."""
    return Policy({"Version": "2012-10-17", "Statement": [_statement(statement) for statement in statements]})


def _statement(statement: AwsStatement) -> dict[str, Value]:
    entry: dict[str, Value] = {
        "Effect": statement.effect,
        "Action": list(statement.actions),
        "Resource": statement.resource,
    }
    if statement.condition:
        entry["Condition"] = {
            operator: {key: list(value) if isinstance(value, tuple) else value for key, value in keys.items()}
            for operator, keys in statement.condition.items()
        }
    return entry


def public_read(bucket: str, partition: str) -> Policy:
    """Everybody may read the bucket's objects."""
    return Policy(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AllowReadPublicAccess",
                    "Principal": "*",
                    "Effect": "Allow",
                    "Action": ["s3:GetObject"],
                    "Resource": [f"arn:{partition}:s3:::{bucket}/*"],
                }
            ],
        }
    )


def identity_read(bucket: str, partition: str, identity: str | Output) -> Policy:
    """CloudFront may read the bucket's objects through an origin access identity."""
    user = text(f"arn:{partition}:iam::cloudfront:user/CloudFront Origin Access Identity ", identity)
    return Policy(
        {
            "Version": "2008-10-17",
            "Id": "PolicyForCloudFrontPrivateContent",
            "Statement": [
                {
                    "Sid": "1",
                    "Effect": "Allow",
                    "Principal": {"AWS": user},
                    "Action": "s3:GetObject",
                    "Resource": f"arn:{partition}:s3:::{bucket}/*",
                }
            ],
        }
    )


def control_read(bucket: str, partition: str, distribution_arn: str | Output) -> Policy:
    """One CloudFront distribution may read the bucket's objects through its origin access control."""
    return Policy(
        {
            "Version": "2012-10-17",
            "Id": "PolicyForCloudFrontPrivateContent",
            "Statement": [
                {
                    "Sid": "AllowCloudFrontServicePrincipal",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": f"arn:{partition}:s3:::{bucket}/*",
                    "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
                }
            ],
        }
    )


def canonical(document: object) -> object:
    """A form in which two policies are equal when they mean the same to AWS."""
    if not isinstance(document, Mapping) or "Statement" not in document:
        return document
    statements = document["Statement"]
    entries = statements if isinstance(statements, list | tuple) else [statements]
    return {
        "Version": document.get("Version", "2008-10-17"),
        "Statement": sorted((_canonical_statement(entry) for entry in entries), key=repr),
    }


def _canonical_statement(entry: object) -> object:
    if not isinstance(entry, Mapping):
        return entry
    shaped: dict[str, object] = {}
    for name, value in sorted(entry.items()):
        match name:
            case "Sid":
                continue
            case "Action" | "NotAction":
                shaped[name] = sorted({text.lower() for text in _texts(value)})
            case "Principal" | "NotPrincipal":
                shaped[name] = _canonical_principal(value)
            case "Condition":
                shaped[name] = _canonical_condition(value)
            case "Resource" | "NotResource":
                shaped[name] = sorted(set(_texts(value)))
            case _:
                shaped[name] = value
    return shaped


def _canonical_principal(value: object) -> object:
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, Mapping):
        return value
    return {kind: sorted(set(_texts(names))) for kind, names in sorted(value.items())}


def _canonical_condition(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {
        operator: {str(key).lower(): sorted(set(_texts(items))) for key, items in sorted(keys.items())}
        if isinstance(keys, Mapping)
        else keys
        for operator, keys in sorted(value.items())
    }


def _texts(value: object) -> list[str]:
    """One value or several as texts, in the words of JSON: IAM keeps `true` as "true"."""
    items = value if isinstance(value, list | tuple) else [value]
    return [item if isinstance(item, str) else json.dumps(item, sort_keys=True) for item in items]
