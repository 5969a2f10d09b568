"""Which IAM actions a Call needs.

Source: the Service Authorization Reference; most calls need the action of their own name, the rest are listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ccoctl.engine.call import Call

_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "cloudfront:CreateDistributionWithTags": ("cloudfront:CreateDistribution", "cloudfront:TagResource"),
    "sts:GetCallerIdentity": (),
    "sts:AssumeRoleWithWebIdentity": (),
}
"""GetCallerIdentity is allowed to everybody, and a token needs nobody's permission (STS API reference)."""

_ALSO: Mapping[str, tuple[Callable[[Mapping[str, Any]], bool], str]] = {
    "s3:CreateBucket": (lambda parameters: "ACL" in parameters, "s3:PutBucketAcl"),
    "s3:PutObject": (lambda parameters: bool(parameters.get("Tagging")), "s3:PutObjectTagging"),
    "iam:CreateRole": (lambda parameters: bool(parameters.get("Tags")), "iam:TagRole"),
    "iam:CreateOpenIDConnectProvider": (
        lambda parameters: bool(parameters.get("Tags")),
        "iam:TagOpenIDConnectProvider",
    ),
}


def actions_of(call: Call) -> tuple[str, ...]:
    """The IAM actions that a call needs; none for what is no call of AWS."""
    if call.service == "tls":
        return ()
    actions = _OTHER_NAMES.get(call.name, (call.name,))
    condition, more = _ALSO.get(call.name, (None, ""))
    return (*actions, more) if condition is not None and condition(call.parameters) else actions


def actions_of_all(calls: Iterable[Call]) -> tuple[str, ...]:
    """The actions of several calls, sorted and each once."""
    return tuple(sorted({action for call in calls for action in actions_of(call)}))
