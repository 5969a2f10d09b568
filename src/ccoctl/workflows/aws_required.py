"""The permissions that the AWS commands need."""

from __future__ import annotations

from ccoctl.aws import names
from ccoctl.aws.desired import Settings
from ccoctl.aws.partition import has_cloudfront, partition_of
from ccoctl.aws.resources import OriginAccess
from ccoctl.errors import Problem, Problems


def settings_for(name: str, region: str, *, private: bool, access: OriginAccess | None) -> Settings:
    """The settings whose calls are looked at.

    Raises:
        Problems: no set-up can have that name or region.
    """
    partition = partition_of(region)
    problems = names.name_problems(name)
    if private and not has_cloudfront(partition.id):
        problems = (*problems, Problem("--create-private-s3-bucket", f"partition {partition.id} has no CloudFront"))
    if problems:
        raise Problems(problems)
    return Settings(name=name, region=region, partition=partition, private=private, access=access)
