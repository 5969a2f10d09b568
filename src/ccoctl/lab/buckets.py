"""What S3 does with buckets and moto does not: new ones block public access, and then refuse public policies.

Source: S3 user guide, "Blocking public access to your Amazon S3 storage"; the defaults of April 2023.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, PublicAccessBlock, s3_backends

from ccoctl.aws.conditions import Context
from ccoctl.aws.evaluate import Question, Verdict, decide
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.principals import Principal


def exists(asked: Asked) -> bool:
    """True when the request's bucket is there."""
    return _find(asked) is not None


def check(asked: Asked) -> Answer | None:
    """The refusal of a public policy for a bucket that blocks them; None for everything else."""
    found = _find(asked)
    if asked.operation != "PutBucketPolicy" or found is None:
        return None
    block = found.public_access_block
    if block is not None and block.block_public_policy and _is_public(_parsed(asked.body)):
        message = (
            "User is not authorized to perform: s3:PutBucketPolicy on resource: "
            f"arn:{asked.partition}:s3:::{asked.bucket} because public policies are blocked by the "
            "BlockPublicPolicy block public access setting."
        )
        return refusal("s3", asked.method, 403, "AccessDenied", message)
    return None


def created(asked: Asked) -> None:
    """A new bucket blocks all public access."""
    found = _find(asked)
    if found is not None:
        found.public_access_block = PublicAccessBlock("True", "True", "True", "True")


def decision(asked: Asked, principal: Principal, question: Question) -> Verdict:
    """What the bucket's own policy says, as far as its public access block lets it speak to strangers."""
    found = _find(asked) if asked.service == "s3" else None
    if found is None:
        return Verdict.NOT_ALLOWED
    document = _policy(found)
    who = frozenset() if principal.is_anonymous else frozenset({("AWS", principal.arn)})
    verdict = decide([document], replace(question, principals=who)).verdict
    block = found.public_access_block
    restricted = block is not None and block.restrict_public_buckets and _is_public(document)
    return Verdict.NOT_ALLOWED if restricted and principal.is_anonymous and verdict is Verdict.ALLOWED else verdict


def reads_for(partition: str, bucket: str, key: str, who: tuple[str, str], context: Context) -> bool:
    """True when a bucket's policy lets a part of AWS itself read an object: CloudFront with its identity or control."""
    found = s3_backends[DEFAULT_ACCOUNT_ID][partition].buckets.get(bucket)
    if found is None:
        return False
    question = Question(
        action="s3:GetObject",
        resource=f"arn:{partition}:s3:::{bucket}/{key}",
        principals=frozenset({who}),
        context=context,
    )
    return decide([_policy(found)], question).allowed


def region_of(asked: Asked) -> str:
    """The region that the request's bucket is in; empty where there is no such bucket."""
    found = _find(asked)
    return str(found.region_name) if found is not None else ""


def _find(asked: Asked) -> FakeBucket | None:
    backend = s3_backends[DEFAULT_ACCOUNT_ID][asked.partition]
    return backend.buckets.get(asked.bucket)


def _policy(found: FakeBucket) -> Any:
    if not found.policy:
        return {}
    try:
        return json.loads(found.policy)
    except ValueError:
        return {}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _is_public(document: Any) -> bool:
    """A policy is public when it allows everybody, or a service, without a condition."""
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    entries = statements if isinstance(statements, list) else [statements]
    return any(
        entry.get("Effect") == "Allow"
        and entry.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not entry.get("Condition")
        for entry in entries
        if isinstance(entry, dict)
    )
