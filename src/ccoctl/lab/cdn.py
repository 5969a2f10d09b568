"""CloudFront as the world sees it: a distribution serves its bucket's objects, and keeps them for a while.

Source: CloudFront developer guide, "Managing how long content stays in the cache", "Restricting access to an Amazon S3
origin", "Specify a default root object" and "Use managed cache policies".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

import msgspec
from moto.cloudfront.models import Distribution
from msgspec.structs import replace

from ccoctl.lab import buckets
from ccoctl.lab.access_identities import AccessIdentities
from ccoctl.lab.accounts import ACCOUNT
from ccoctl.lab.answers import Answer
from ccoctl.lab.deployments import Deployments, distributions
from ccoctl.lab.hosts import BucketHost, host_of

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
DAY, YEAR = 86400, 31_536_000
"""Seconds: CloudFront's default and its longest time to live."""

_SHARED_AGE = re.compile(r"(?:^|[\s,])s-maxage=(\d{1,9})")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")
_NOT_KEPT = re.compile(r"(?:^|[\s,])(?:no-store|no-cache|private)(?:$|[\s,=])")

ReadObject = Callable[[str, str, str], Answer]
"""Reads an object of a bucket: its region, the bucket and the key."""


class _Kept(msgspec.Struct, frozen=True):
    answer: Answer
    at: float
    until: float


class Cdn:
    """All distributions of the account; the caller holds the lock of the account's models."""

    def __init__(
        self, read: ReadObject, identities: AccessIdentities, deployments: Deployments, clock: Callable[[], float]
    ) -> None:
        """`clock` gives seconds that never go back."""
        self._read = read
        self._identities = identities
        self._deployments = deployments
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}

    def reset(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def invalidate(self, distribution: str, patterns: Sequence[str]) -> None:
        """Forget what a distribution keeps below paths with `*` at their ends."""
        for name, path in tuple(self._kept):
            if name == distribution and any(fnmatchcase(path, pattern) for pattern in patterns):
                del self._kept[name, path]

    def knows(self, domain: str) -> bool:
        """True when the name of a distribution can be resolved."""
        self._deployments.settle()
        found = _find(domain)
        return found is not None and self._deployments.is_resolvable(found)

    def answer(self, domain: str, method: str, path: str, etag: str) -> Answer:
        """What a viewer gets who has a version of that ETag already; empty for one who has none."""
        found = _find(domain)
        if found is None or not vars(found.distribution_config)["Enabled"]:
            return _error(HTTPStatus.FORBIDDEN, "The distribution does not exist or is disabled.")
        if method not in {"GET", "HEAD"}:
            return _error(HTTPStatus.FORBIDDEN, "This distribution is not configured to allow the HTTP request method.")
        now = self._clock()
        key = (found.distribution_id, path)
        kept = self._kept.get(key)
        if kept is not None and now < kept.until:
            return _served(kept.answer, "Hit from cloudfront", int(now - kept.at), etag)
        answer = self._fetch(found, path)
        lifetime = _lifetime(found, answer)
        if lifetime > 0:
            self._kept[key] = _Kept(answer, now, now + lifetime)
        return _served(answer, "Miss from cloudfront" if answer.status < 400 else "Error from cloudfront", 0, etag)

    def _fetch(self, found: Distribution, path: str) -> Answer:
        config = vars(found.distribution_config)
        origin = config["Origins"]["Items"][0]
        bucket = host_of(origin.domain_name)
        if not isinstance(bucket, BucketHost):
            return _error(HTTPStatus.BAD_GATEWAY, "The origin cannot be reached.", "OriginUnreachable")
        key = f"{origin.origin_path}{path if path != '/' else '/' + config['DefaultRootObject']}".lstrip("/")
        partition = found.arn.split(":")[1]
        who = self._viewer(origin, partition)
        context = {"aws:sourcearn": (found.arn,), "aws:sourceaccount": (ACCOUNT,), "aws:securetransport": ("true",)}
        if not key or not buckets.reads_for(partition, bucket.bucket, key, who, context):
            return _error(HTTPStatus.FORBIDDEN, "Access Denied")
        answer = self._read(bucket.region, bucket.bucket, key)
        # whoever may not list a bucket does not learn that an object is not there
        if answer.status == 404 and not buckets.reads_for(partition, bucket.bucket, "", who, context):
            return _error(HTTPStatus.FORBIDDEN, "Access Denied")
        return answer

    def _viewer(self, origin: Any, partition: str) -> frozenset[tuple[str, str]]:
        """As whom a distribution reads its origin: with a control, with an identity, or as anybody."""
        if getattr(origin, "origin_access_control_id", ""):
            return frozenset({("Service", "cloudfront.amazonaws.com")})
        identity = str(getattr(origin, "s3_access_identity", "") or "").rpartition("/")[2]
        nobody = frozenset({("AWS", "")})  # an identity that is gone: not everybody
        return (self._identities.principals_of(identity, partition) or nobody) if identity else frozenset()


def _find(domain: str) -> Distribution | None:
    return next((found for found in distributions() if found.domain_name == domain), None)


def _lifetime(found: Distribution, answer: Answer) -> float:
    """Seconds that an answer is kept."""
    if answer.status >= 400:
        return 0
    behaviour = vars(found.distribution_config)["DefaultCacheBehavior"]
    policy = getattr(behaviour, "cache_policy_id", "")
    if policy == CACHING_DISABLED:
        return 0
    # of the managed policies the lab knows two; every other one is taken for CachingOptimized
    times = {"MinTTL": 1} if policy else behaviour.times
    least, usual, most = times.get("MinTTL", 0), times.get("DefaultTTL", DAY), times.get("MaxTTL", YEAR)
    said = next((value.lower() for name, value in answer.headers.items() if name.lower() == "cache-control"), "")
    if _NOT_KEPT.search(said):
        return least
    asked = _SHARED_AGE.search(said) or _MAX_AGE.search(said)
    return max(least, min(most, int(asked[1]) if asked else usual))


def _served(answer: Answer, cache: str, age: int, etag: str) -> Answer:
    headers = {**answer.headers, "X-Cache": cache, "Via": "1.1 lab.cloudfront.net (CloudFront)"}
    if age:
        headers["Age"] = str(age)
    held = {part.strip().removeprefix("W/") for part in etag.split(",")}
    given = next((value for name, value in answer.headers.items() if name.lower() == "etag"), "")
    if answer.status == 200 and given and (given in held or "*" in held):
        return Answer(status=304, headers={"ETag": given, "X-Cache": cache})
    return replace(answer, headers=headers)


def _error(status: HTTPStatus, message: str, code: str = "AccessDenied") -> Answer:
    return Answer(status=status, body=f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())
