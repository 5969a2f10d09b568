"""What S3 does with buckets and moto does not: new ones block public access, and then refuse public policies.

Source: S3 user guide, "Blocking public access to your Amazon S3 storage"; the defaults of April 2023.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, PublicAccessBlock, s3_backends
from moto.utilities.utils import get_partition

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked


def exists(asked: Asked) -> bool:
    """True when the request's bucket is there."""
    return _find(asked) is not None


def check(asked: Asked) -> Answer | None:
    """The refusal of a public policy for a bucket that blocks them; None for everything else."""
    found = _find(asked)
    if asked.operation != "PutBucketPolicy" or found is None:
        return None
    block = found.public_access_block
    if block is not None and block.block_public_policy and _is_public(asked.body):
        message = (
            "User is not authorized to perform: s3:PutBucketPolicy on resource: "
            f"arn:{get_partition(asked.region)}:s3:::{asked.bucket} because public policies are blocked by the "
            "BlockPublicPolicy block public access setting."
        )
        return refusal("s3", asked.method, 403, "AccessDenied", message)
    return None


def created(asked: Asked) -> None:
    """A new bucket blocks all public access."""
    found = _find(asked)
    if found is not None:
        found.public_access_block = PublicAccessBlock("True", "True", "True", "True")


def _find(asked: Asked) -> FakeBucket | None:
    backend = s3_backends[DEFAULT_ACCOUNT_ID][get_partition(asked.region)]
    return backend.buckets.get(asked.bucket)


def _is_public(body: bytes) -> bool:
    """A policy is public when it allows everybody, or a service, without a condition."""
    try:
        statements: Any = json.loads(body).get("Statement", [])
    except (ValueError, AttributeError):
        return False
    entries = statements if isinstance(statements, list) else [statements]
    return any(
        entry.get("Effect") == "Allow"
        and entry.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not entry.get("Condition")
        for entry in entries
    )
