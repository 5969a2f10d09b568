"""The names of operations, from what HTTP requests look like.

Source: the REST bindings of S3, S3 Control and CloudFront in AWS's service models; the query protocol of the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

CLOUDFRONT_ROOT = "/2020-05-31/"
ACCOUNT_BLOCK = "/v20180820/configuration/publicAccessBlock"
"""The path of S3 Control's public access block of an account."""
NAME_LIMIT = 128
"""Characters of an operation's name; no service has a longer one."""

_QUERY = frozenset({"iam", "sts", "ec2", ""})
"""Services whose requests name their operation, or are none."""
_READING = re.compile(r"(Get|List|Head|Describe)")

_BUCKET = {
    ("GET", "tagging"): "GetBucketTagging",
    ("PUT", "tagging"): "PutBucketTagging",
    ("DELETE", "tagging"): "DeleteBucketTagging",
    ("GET", "publicAccessBlock"): "GetPublicAccessBlock",
    ("PUT", "publicAccessBlock"): "PutPublicAccessBlock",
    ("DELETE", "publicAccessBlock"): "DeletePublicAccessBlock",
    ("GET", "policy"): "GetBucketPolicy",
    ("PUT", "policy"): "PutBucketPolicy",
    ("DELETE", "policy"): "DeleteBucketPolicy",
    ("GET", "ownershipControls"): "GetBucketOwnershipControls",
    ("PUT", "ownershipControls"): "PutBucketOwnershipControls",
    ("DELETE", "ownershipControls"): "DeleteBucketOwnershipControls",
    ("GET", "encryption"): "GetBucketEncryption",
    ("PUT", "encryption"): "PutBucketEncryption",
    ("DELETE", "encryption"): "DeleteBucketEncryption",
    ("GET", "policyStatus"): "GetBucketPolicyStatus",
    ("GET", "acl"): "GetBucketAcl",
    ("PUT", "acl"): "PutBucketAcl",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "versioning"): "GetBucketVersioning",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("GET", "list-type"): "ListObjectsV2",
    ("POST", "delete"): "DeleteObjects",
    ("HEAD", ""): "HeadBucket",
    ("GET", ""): "ListObjects",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
}
_OBJECT = {
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("GET", "acl"): "GetObjectAcl",
    ("PUT", "acl"): "PutObjectAcl",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("HEAD", ""): "HeadObject",
    ("GET", ""): "GetObject",
    ("PUT", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
}
_CLOUDFRONT = [
    ("POST", r"distribution", "WithTags", "CreateDistributionWithTags"),
    ("POST", r"distribution", "", "CreateDistribution"),
    ("GET", r"distribution", "", "ListDistributions"),
    ("GET", r"distribution/[^/]+", "", "GetDistribution"),
    ("GET", r"distribution/[^/]+/config", "", "GetDistributionConfig"),
    ("PUT", r"distribution/[^/]+/config", "", "UpdateDistribution"),
    ("DELETE", r"distribution/[^/]+", "", "DeleteDistribution"),
    ("POST", r"distribution/[^/]+/invalidation", "", "CreateInvalidation"),
    ("GET", r"tagging", "", "ListTagsForResource"),
    ("POST", r"tagging", "Operation=Tag", "TagResource"),
    ("POST", r"tagging", "Operation=Untag", "UntagResource"),
    ("POST", r"origin-access-identity/cloudfront", "", "CreateCloudFrontOriginAccessIdentity"),
    ("GET", r"origin-access-identity/cloudfront", "", "ListCloudFrontOriginAccessIdentities"),
    ("GET", r"origin-access-identity/cloudfront/[^/]+", "", "GetCloudFrontOriginAccessIdentity"),
    ("GET", r"origin-access-identity/cloudfront/[^/]+/config", "", "GetCloudFrontOriginAccessIdentityConfig"),
    ("DELETE", r"origin-access-identity/cloudfront/[^/]+", "", "DeleteCloudFrontOriginAccessIdentity"),
    ("POST", r"origin-access-control", "", "CreateOriginAccessControl"),
    ("GET", r"origin-access-control", "", "ListOriginAccessControls"),
    ("GET", r"origin-access-control/[^/]+", "", "GetOriginAccessControl"),
    ("PUT", r"origin-access-control/[^/]+/config", "", "UpdateOriginAccessControl"),
    ("DELETE", r"origin-access-control/[^/]+", "", "DeleteOriginAccessControl"),
]
_ACCOUNT = {
    "GET": "GetAccountPublicAccessBlock",
    "PUT": "PutAccountPublicAccessBlock",
    "DELETE": "DeleteAccountPublicAccessBlock",
}


def is_changing(operation: str) -> bool:
    """True for an operation whose name does not say that it only reads."""
    return _READING.match(operation) is None


def operation_of(
    service: str, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str], *, target: str = ""
) -> str:
    """The operation that a request asks for; `Unknown` where there is none of that kind."""
    match service:
        case "s3":
            return _s3_operation(method, path, query)
        case "cloudfront":
            return _cloudfront_operation(method, path, query)
        case _ if "Action" in form or "Action" in query:
            return (form.get("Action") or query.get("Action") or "Unknown")[:NAME_LIMIT]
        case _ if service in _QUERY:
            return "Unknown"
        case _:
            from ccoctl.lab.models import operation_by_model

            return operation_by_model(service, method, path, target)


def _s3_operation(method: str, path: str, query: Mapping[str, str]) -> str:
    if path == ACCOUNT_BLOCK:
        return _ACCOUNT.get(method, "Unknown")
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets"
    table = _OBJECT if key else _BUCKET
    named = next((table[method, name] for name in query if (method, name) in table), None)
    return named or table.get((method, ""), "Unknown")


def _cloudfront_operation(method: str, path: str, query: Mapping[str, str]) -> str:
    rest = path.removeprefix(CLOUDFRONT_ROOT).rstrip("/")
    for wanted, pattern, needed, operation in _CLOUDFRONT:
        name, _, value = needed.partition("=")
        asked_so = not name or (name in query and (not value or query[name] == value))
        if wanted == method and asked_so and re.fullmatch(pattern, rest):
            return operation
    return "Unknown"
