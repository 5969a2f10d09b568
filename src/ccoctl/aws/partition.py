"""Partitions and regions, from the data that botocore ships; botocore itself is not imported.

Source: `partitions.json` and `endpoints.json` in botocore's data folder.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from ccoctl.errors import Problem, Problems


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """A separate AWS: its own accounts, ARNs and DNS suffix."""

    id: str
    dns_suffix: str
    region_pattern: str
    regions: frozenset[str]
    global_region: str
    """The region that signs calls of the partition's global services, IAM among them."""

    def knows(self, region: str) -> bool:
        """True when the region is listed; a newer one may only fit the pattern."""
        return region in self.regions


@cache
def partitions() -> tuple[Partition, ...]:
    """Every partition that botocore's data describes."""
    return tuple(
        Partition(
            id=entry["id"],
            dns_suffix=entry["outputs"]["dnsSuffix"],
            region_pattern=entry["regionRegex"],
            regions=frozenset(entry["regions"]),
            global_region=entry["outputs"]["implicitGlobalRegion"],
        )
        for entry in _data("partitions.json")["partitions"]
    )


def partition_of(region: str) -> Partition:
    """The partition that a region belongs to.

    Raises:
        Problems: no partition has such a region.
    """
    for partition in partitions():
        if partition.knows(region):
            return partition
    for partition in partitions():
        if re.fullmatch(partition.region_pattern.strip("^$"), region):
            return partition
    raise Problems((Problem("--region", f"{region!r} is not a region of any AWS partition{suggestion(region)}"),))


def partition_named(partition_id: str) -> Partition:
    """The partition of an ARN's second field.

    Raises:
        Problems: there is no such partition.
    """
    for partition in partitions():
        if partition.id == partition_id:
            return partition
    raise Problems((Problem("", f"{partition_id!r} is not an AWS partition"),))


@cache
def has_cloudfront(partition_id: str) -> bool:
    """True when CloudFront is served in the partition."""
    return any(
        entry["partition"] == partition_id and "cloudfront" in entry["services"]
        for entry in _data("endpoints.json")["partitions"]
    )


def suggestion(region: str, *, cutoff: float = 0.6) -> str:
    """The end of a sentence about a region that is not listed: the nearest one that is; empty where none is near.

    `cutoff` is how like each other the names must be, from 0 to 1 (difflib).
    """
    from difflib import SequenceMatcher

    likeness = {
        name: SequenceMatcher(None, name, region).ratio() for partition in partitions() for name in partition.regions
    }
    near = max(sorted(likeness), key=likeness.__getitem__)  # the first of several: east before west
    return f"; did you mean {near}?" if likeness[near] >= cutoff else ""


def _data(name: str) -> Any:
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise Problems((Problem("", "botocore is not installed, and its list of AWS regions is needed"),))
    return json.loads((Path(spec.submodule_search_locations[0]) / "data" / name).read_bytes())
