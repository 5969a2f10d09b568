"""CloudFront as the world sees it: a distribution serves its bucket's objects, and keeps them for a while.

Source: CloudFront developer guide, "Managing how long content stays in the cache" and "Restricting access to an Amazon
S3 origin".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from moto.cloudfront.models import CloudFrontBackend, Distribution, cloudfront_backends

from ccoctl.lab import buckets
from ccoctl.lab.accounts import ACCOUNT
from ccoctl.lab.answers import Answer
from ccoctl.lab.hosts import BucketHost, host_of

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
DEFAULT_TTL = 86400

_MAX_AGE = re.compile(r"(?:s-maxage|max-age)=(\d{1,9})")

ReadObject = Callable[[str, str, str], Answer]
"""Reads an object of a bucket: its region, the bucket and the key."""


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    at: float
    until: float


class Cdn:
    """All distributions of the account."""

    def __init__(self, read: ReadObject, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._read = read
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()

    def invalidate(self, distribution: str) -> None:
        """Forget what a distribution keeps."""
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if key[0] != distribution}

    def knows(self, domain: str) -> bool:
        """True when the name of a distribution can be resolved: it was deployed."""
        found = _find(domain)
        return found is not None and bool(found.status == "Deployed")

    def answer(self, domain: str, method: str, path: str) -> Answer:
        """What a viewer gets."""
        found = _find(domain)
        if found is None or not vars(found.distribution_config)["Enabled"]:
            return _error(HTTPStatus.FORBIDDEN, "The distribution does not exist or is disabled.")
        if method not in {"GET", "HEAD"}:
            return _error(HTTPStatus.FORBIDDEN, "This distribution is not configured to allow the HTTP request method.")
        now = self._clock()
        key = (found.distribution_id, path)
        kept = self._kept.get(key)
        if kept is not None and now < kept.until:
            return _served(kept.answer, "Hit from cloudfront", int(now - kept.at))
        answer = self._fetch(found, path.lstrip("/"))
        lifetime = _lifetime(found, answer)
        if lifetime:
            with self._lock:
                self._kept[key] = _Kept(answer, now, now + lifetime)
        return _served(answer, "Miss from cloudfront" if answer.status < 400 else "Error from cloudfront", 0)

    def _fetch(self, found: Distribution, key: str) -> Answer:
        origin = vars(found.distribution_config)["Origins"]["Items"][0]
        bucket = host_of(origin.domain_name)
        if not isinstance(bucket, BucketHost):
            return _error(HTTPStatus.BAD_GATEWAY, "The origin cannot be reached.")
        partition = found.arn.split(":")[1]
        allowed = any(
            buckets.reads_for(partition, bucket.bucket, key, who, {"aws:sourcearn": (found.arn,)})
            for who in _viewers(origin, partition)
        )
        if not allowed:
            return _error(HTTPStatus.FORBIDDEN, "Access Denied")
        return self._read(bucket.region, bucket.bucket, key)


def _find(domain: str) -> Distribution | None:
    for partition in ("aws", "aws-cn"):
        backend: CloudFrontBackend = cloudfront_backends[ACCOUNT][partition]
        for found in backend.distributions.values():
            if found.domain_name == domain:
                return found
    return None


def _viewers(origin: Any, partition: str) -> tuple[tuple[str, str], ...]:
    """As whom a distribution reads its origin: with a control, with an identity, or as anybody."""
    if getattr(origin, "origin_access_control_id", ""):
        return (("Service", "cloudfront.amazonaws.com"),)
    identity = str(getattr(origin, "s3_access_identity", "") or "").rpartition("/")[2]
    if identity:
        return (("AWS", f"arn:{partition}:iam::cloudfront:user/CloudFront Origin Access Identity {identity}"),)
    return (("AWS", "*"),)


def _lifetime(found: Distribution, answer: Answer) -> float:
    if answer.status >= 400:
        return 0
    behaviour = vars(found.distribution_config)["DefaultCacheBehavior"]
    if getattr(behaviour, "cache_policy_id", "") == CACHING_DISABLED:
        return 0
    said = next((value for name, value in answer.headers.items() if name.lower() == "cache-control"), "")
    asked = _MAX_AGE.search(said)
    least, most = (_number(behaviour, name, default) for name, default in (("min_ttl", 0), ("max_ttl", 31_536_000)))
    return max(least, min(most, int(asked[1]) if asked else _number(behaviour, "default_ttl", DEFAULT_TTL)))


def _number(behaviour: Any, name: str, default: int) -> int:
    value = str(getattr(behaviour, name, "") or "")
    return int(value) if value.isdecimal() else default


def _served(answer: Answer, cache: str, age: int) -> Answer:
    headers = {**answer.headers, "X-Cache": cache, "Via": "1.1 lab.cloudfront.net (CloudFront)"}
    return Answer(status=answer.status, body=answer.body, headers={**headers, "Age": str(age)} if age else headers)


def _error(status: HTTPStatus, message: str) -> Answer:
    body = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode()
    return Answer(status=status, body=body)
