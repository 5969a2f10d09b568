"""What a host name of AWS stands for.

Source: S3 user guide, "Virtual hosting of general purpose buckets"; the DNS suffixes of botocore's partitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ccoctl.aws.partition import partitions

_BUCKET = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-](?P<region>[a-z0-9-]+))?")
_DISTRIBUTION = re.compile(r"[a-z0-9]+\.cloudfront\.(net|cn)")


@dataclass(frozen=True, slots=True)
class BucketHost:
    """A bucket's own name; `region` is empty for the global one."""

    bucket: str
    region: str


@dataclass(frozen=True, slots=True)
class DistributionHost:
    """A distribution's domain name."""

    domain: str


@dataclass(frozen=True, slots=True)
class ServiceHost:
    """The endpoint of a service's API."""

    name: str


Host = BucketHost | DistributionHost | ServiceHost


@cache
def _suffixes() -> tuple[str, ...]:
    return tuple(f".{partition.dns_suffix}" for partition in partitions())


def host_of(name: str) -> Host | None:
    """What the name stands for; None for a name that is not AWS's."""
    name = name.lower().rstrip(".")
    if _DISTRIBUTION.fullmatch(name):
        return DistributionHost(name)
    suffix = next((suffix for suffix in _suffixes() if name.endswith(suffix)), None)
    if suffix is None:
        return None
    found = _BUCKET.fullmatch(name.removesuffix(suffix))
    return BucketHost(found["bucket"], found["region"] or "") if found else ServiceHost(name)
