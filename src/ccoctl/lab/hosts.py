"""What a host name of AWS stands for.

Source: S3 user guide, "Virtual hosting of general purpose buckets"; the DNS suffixes of botocore's partitions.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import msgspec

from ccoctl.aws.partition import partitions

_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d+"
_S3 = rf"s3(?:\.dualstack)?(?:[.-](?P<region>{_REGION}))?"
_BUCKET = re.compile(rf"(?P<bucket>[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9])\.(?P<endpoint>{_S3})")
_STORAGE = re.compile(_S3)
_CONTROL = re.compile(rf"(?:\d{{12}}\.)?s3-control(?:\.dualstack)?\.(?P<region>{_REGION})")
_SERVICE = re.compile(rf"(?P<service>[a-z0-9-]+?)(?:-fips)?(?:\.(?P<region>{_REGION}|us-gov))?")
_DISTRIBUTION = re.compile(r"[a-z0-9]+\.cloudfront\.(?:net|cn)")


class BucketHost(msgspec.Struct, frozen=True):
    """A bucket's own name; `region` is empty for the global one."""

    bucket: str
    region: str
    certificate: str = ""
    """The name in the certificate that S3 shows there: its `*` stands for one label, so for no bucket with a dot."""


class DistributionHost(msgspec.Struct, frozen=True):
    """A distribution's domain name."""

    domain: str

    @property
    def certificate(self) -> str:
        """The name in the certificate that CloudFront shows there."""
        return f"*.{self.domain.partition('.')[2]}"


class ServiceHost(msgspec.Struct, frozen=True):
    """The endpoint of a service's API."""

    name: str
    service: str = ""
    """As signatures name it; empty where no service has such an endpoint."""
    region: str = ""
    """Empty for the global endpoint."""

    @property
    def certificate(self) -> str:
        """The name in the certificate there."""
        return self.name


Host = BucketHost | DistributionHost | ServiceHost


@cache
def _suffixes() -> tuple[tuple[str, str], ...]:
    """DNS suffixes, and the region that signs calls of global services below them."""
    return tuple((f".{partition.dns_suffix}", partition.global_region) for partition in partitions())


@lru_cache(maxsize=1024)
def host_of(name: str) -> Host | None:
    """What the name stands for; None for a name that is not AWS's."""
    name = name.lower().removesuffix(".")
    if len(name) > 253:
        return None
    if _DISTRIBUTION.fullmatch(name):
        return DistributionHost(name)
    suffix, home = next((pair for pair in _suffixes() if name.endswith(pair[0])), ("", ""))
    if not suffix:
        return None
    label = name.removesuffix(suffix)
    if found := _BUCKET.fullmatch(label):
        # the global name of aws leads to every region of it; the other partitions' is that of one region
        region = found["region"] or ("" if home == "us-east-1" else home)
        return BucketHost(found["bucket"], region, f"*.{found['endpoint']}{suffix}")
    if found := _STORAGE.fullmatch(label) or _CONTROL.fullmatch(label):
        return ServiceHost(name, "s3", found["region"] or home)
    if found := _SERVICE.fullmatch(label):
        region = found["region"] or home
        return ServiceHost(name, found["service"], "us-gov-west-1" if region == "us-gov" else region)
    return ServiceHost(name)
