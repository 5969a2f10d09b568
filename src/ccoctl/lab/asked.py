"""Which operation of which service an HTTP request asks for, by whom.

Source: the query protocol of IAM and STS, the REST bindings of S3 and CloudFront in AWS's service models.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.utilities.utils import get_partition

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes; a longer request is cut, and then refused by whoever reads it."""

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
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
CLOUDFRONT_ROOT = "/2020-05-31/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as the lab looks into it."""

    service: str
    operation: str
    access_key: str
    """Empty for an anonymous request."""
    region: str
    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    """The parameters of a query-protocol request."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    is_secure: bool = False
    """True when it came over TLS."""

    @property
    def partition(self) -> str:
        """The partition of the request's region."""
        found: str = get_partition(self.region)
        return found

    @property
    def changing(self) -> bool:
        """True when the operation may change something."""
        return is_changing(self.operation)

    @property
    def bucket(self) -> str:
        """The bucket of an S3 request by path; empty when there is none."""
        return unquote(self.path.lstrip("/").partition("/")[0])

    @property
    def key(self) -> str:
        """The object's key of an S3 request by path; empty when there is none."""
        return unquote(self.path.lstrip("/").partition("/")[2])


def is_changing(operation: str) -> bool:
    """True for an operation whose name does not say that it only reads."""
    return _READING.match(operation) is None


def asked(environ: dict[str, Any]) -> Asked:
    """Read a WSGI request; its body is put back for whoever comes next."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), BODY_LIMIT)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, service = scope.groups() if scope else ("", "us-east-1", "")
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    query = _flat(environ.get("QUERY_STRING", ""))
    form: dict[str, str] = {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = _flat(body.decode("utf-8", "replace"))
    if not service:
        service = "sts" if "Action" in form else "s3"
    return Asked(
        service=service,
        operation=_operation(service, method, path, query, form),
        access_key=access_key,
        region=region,
        method=method,
        path=path,
        query=query,
        form=form,
        headers={
            name[5:].lower().replace("_", "-"): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        },
        body=body,
        is_secure=environ.get("wsgi.url_scheme") == "https",
    )


def _flat(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, keep_blank_values=True).items()}


def _operation(service: str, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str]) -> str:
    match service:
        case "s3":
            return _s3_operation(method, path, query)
        case "cloudfront":
            return _cloudfront_operation(method, path, query)
        case _:
            return form.get("Action", query.get("Action", "Unknown"))


def _s3_operation(method: str, path: str, query: Mapping[str, str]) -> str:
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
