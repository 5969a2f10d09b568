"""Partitions and regions, from botocore's data."""

from __future__ import annotations

import pytest

from ccoctl.aws.partition import has_cloudfront, partition_of, partitions
from ccoctl.errors import Problems


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_each_region_has_its_partition(region: str, partition: str, suffix: str) -> None:
    found = partition_of(region)

    assert (found.id, found.dns_suffix) == (partition, suffix)


def test_every_listed_region_is_of_its_own_partition() -> None:
    for partition in partitions():
        for region in partition.regions:
            assert partition_of(region) == partition


def test_a_region_newer_than_the_list_is_taken_by_its_shape() -> None:
    found = partition_of("eu-west-99")

    assert found.id == "aws"
    assert not found.knows("eu-west-99")


@pytest.mark.parametrize("region", ["", "moon-east-1", "us-east", "us-east-1\n", "US-EAST-1", "us-east-1.evil.example"])
def test_no_partition_has_such_a_region(region: str) -> None:
    with pytest.raises(Problems, match="not a region of any AWS partition"):
        partition_of(region)


def test_a_near_miss_is_guessed() -> None:
    with pytest.raises(Problems, match="did you mean us-east-1"):
        partition_of("us-east-1x")


def test_where_cloudfront_is() -> None:
    assert has_cloudfront("aws")
    assert has_cloudfront("aws-cn")
    assert not has_cloudfront("aws-us-gov")
