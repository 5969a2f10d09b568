"""Who may do what: IAM's policies of the account's users, enforced on every request.

moto's own enforcement checks other actions than AWS does in several places and none for CloudFront. This table is
written from the Service Authorization Reference, independently of `ccoctl.aws.permissions`, which it checks.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, iam_backends
from moto.utilities.utils import get_partition

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked

ADMINISTRATOR = "AKIALABADMINISTRATOR"
"""The access key of the bootstrap administrator, who may do everything."""

_S3_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    "HeadObject": "GetObject",
    "DeleteObjects": "DeleteObject",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketTagging": "PutBucketTagging",
}
_FREE = frozenset({("sts", "GetCallerIdentity"), ("sts", "AssumeRoleWithWebIdentity")})


def needed_actions(asked: Asked) -> tuple[str, ...]:
    """The IAM actions that a request needs, all of them."""
    match asked.service, asked.operation:
        case free if free in _FREE:
            return ()
        case "s3", "PutObject" if asked.headers.get("x-amz-tagging"):
            return ("s3:PutObject", "s3:PutObjectTagging")
        case "s3", "CreateBucket" if asked.headers.get("x-amz-acl"):
            return ("s3:CreateBucket", "s3:PutBucketAcl")
        case "s3", operation:
            return (f"s3:{_S3_ACTIONS.get(operation, operation)}",)
        case "cloudfront", "CreateDistributionWithTags":
            return ("cloudfront:CreateDistribution", "cloudfront:TagResource")
        case "iam", "CreateRole" if _has_tags(asked):
            return ("iam:CreateRole", "iam:TagRole")
        case "iam", "CreateOpenIDConnectProvider" if _has_tags(asked):
            return ("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider")
        case service, operation:
            return (f"{service}:{operation}",)


def _has_tags(asked: Asked) -> bool:
    return any(name.startswith("Tags.") for name in asked.form)


def authorize(asked: Asked) -> Answer | None:
    """None when the request may go on, else the answer that AWS gives."""
    actions = needed_actions(asked)
    if asked.access_key == ADMINISTRATOR:
        return None
    user = _user_of(asked.access_key)
    if user is None and asked.access_key:
        return _unknown(asked)
    if not actions:
        return None
    documents = list(_documents(user)) if user is not None else []
    resource = _resource(asked)
    for action in actions:
        if not _allowed(documents, action, resource):
            return _denied(asked, getattr(user, "arn", "anonymous"), action, resource)
    return None


def _unknown(asked: Asked) -> Answer:
    if asked.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return refusal("s3", asked.method, 403, "InvalidAccessKeyId", message)
    message = "The security token included in the request is invalid."
    return refusal(asked.service, asked.method, 403, "InvalidClientTokenId", message)


def _denied(asked: Asked, principal: str, action: str, resource: str) -> Answer:
    message = (
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    return refusal(asked.service, asked.method, 403, "AccessDenied", message)


def _user_of(access_key: str) -> Any:
    backend: IAMBackend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for user in backend.users.values():
        if any(key.access_key_id == access_key and key.status == "Active" for key in user.access_keys):
            return user
    return None


def _documents(user: Any) -> Iterator[dict[str, Any]]:
    yield from (json.loads(text) for text in user.policies.values())
    yield from (json.loads(policy.document) for policy in user.managed_policies.values())


def _allowed(documents: Iterable[dict[str, Any]], action: str, resource: str) -> bool:
    allowed = False
    for document in documents:
        for statement in _list(document.get("Statement", [])):
            if _concerns(statement, action, resource):
                if statement["Effect"] == "Deny":
                    return False
                allowed = True
    return allowed


def _concerns(statement: dict[str, Any], action: str, resource: str) -> bool:
    if statement.get("Condition") or "NotAction" in statement or "NotResource" in statement:
        raise NotImplementedError("the lab's users have policies of actions and resources alone")
    actions = (str(pattern).lower() for pattern in _list(statement["Action"]))
    return any(_matches(action.lower(), pattern) for pattern in actions) and any(
        _matches(resource, pattern) or resource == "*" for pattern in _list(statement["Resource"])
    )


def _matches(value: str, pattern: str) -> bool:
    """IAM's wildcards: `*` and `?`, and nothing else of a shell's."""
    return fnmatch.fnmatchcase(value, re.sub(r"\[", "[[]", pattern))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _resource(asked: Asked) -> str:
    partition = get_partition(asked.region)
    account = f"arn:{partition}:iam::{DEFAULT_ACCOUNT_ID}"
    if asked.service == "s3" and asked.bucket:
        return f"arn:{partition}:s3:::{asked.bucket}" + (f"/{asked.key}" if asked.key else "")
    if asked.service != "iam":
        return "*"
    if role := asked.form.get("RoleName"):
        path = asked.form.get("Path") or _path_of(role, partition)
        return f"{account}:role{path}{role}"
    if url := asked.form.get("Url"):
        return f"{account}:oidc-provider/{url.removeprefix('https://')}"
    return asked.form.get("OpenIDConnectProviderArn", "*")


def _path_of(role: str, partition: str) -> str:
    backend: IAMBackend = iam_backends[DEFAULT_ACCOUNT_ID][partition]
    found = next((item for item in backend.roles.values() if item.name == role), None)
    return found.path if found is not None else "/"
