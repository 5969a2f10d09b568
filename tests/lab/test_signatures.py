"""Signatures have a date, and AWS takes none of another time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ccoctl.federation.clock import WallClock
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.lab.clients import client

CALLS = {
    "sts": "get_caller_identity",
    "iam": "list_roles",
    "s3": "list_buckets",
    "cloudfront": "list_distributions",
    "ec2": "describe_vpcs",
}
MINUTE = 60.0


@contextmanager
def ahead(seconds: float) -> Iterator[EmbeddedAws]:
    """An AWS whose clock is that far ahead of ours."""
    with embedded_aws(Conditions(clock_ahead=seconds)) as aws:
        yield aws


def answer(aws: EmbeddedAws, service: str) -> Any:
    """The error of a call to a service; None where there is none."""
    try:
        getattr(client(aws, service), CALLS[service])()
    except ClientError as error:
        return error.response
    return None


@pytest.mark.parametrize(("service", "minutes"), [("sts", 15), ("iam", 15), ("s3", 15), ("cloudfront", 5)])
def test_a_signature_is_good_for_so_many_minutes_before_and_after(service: str, minutes: int) -> None:
    for sign in (1, -1):
        with ahead(sign * (minutes - 0.5) * MINUTE) as aws:
            assert answer(aws, service) is None
        with ahead(sign * (minutes + 0.5) * MINUTE) as aws:
            assert answer(aws, service) is not None


@pytest.mark.parametrize(
    ("service", "code"),
    [
        *(("sts", "SignatureDoesNotMatch"), ("iam", "SignatureDoesNotMatch"), ("cloudfront", "SignatureDoesNotMatch")),
        *(("s3", "RequestTimeTooSkewed"), ("ec2", "RequestExpired")),
    ],
)
def test_each_service_says_it_in_its_own_words(service: str, code: str) -> None:
    with ahead(60 * MINUTE) as aws:
        said = answer(aws, service)

    assert said["Error"]["Code"] == code
    assert abs(parsedate_to_datetime(said["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() - later()) < 30


def later() -> float:
    return WallClock().now() + 60 * MINUTE


def test_the_words_name_both_times_and_what_lies_between() -> None:
    with ahead(60 * MINUTE) as aws:
        assert answer(aws, "sts")["Error"]["Message"].startswith("Signature expired: ")
        assert answer(aws, "sts")["Error"]["Message"].endswith(" - 15 min.)")
    with ahead(-60 * MINUTE) as aws:
        assert answer(aws, "iam")["Error"]["Message"].startswith("Signature not yet current: ")
        assert answer(aws, "cloudfront")["Error"]["Message"].endswith(" + 5 min.)")


def test_a_url_is_good_as_long_as_it_says() -> None:
    def fetched(aws: EmbeddedAws, seconds: int) -> int:
        s3 = client(aws, "s3", config=Config(signature_version="s3v4"))
        url = s3.generate_presigned_url("list_buckets", ExpiresIn=seconds)
        try:
            with build_opener(ProxyHandler({})).open(url, timeout=10) as got:
                return int(got.status)
        except HTTPError as error:
            return error.code

    with ahead(60 * MINUTE) as aws:
        assert (fetched(aws, 3 * 3600), fetched(aws, 1800)) == (200, 403)
    with ahead(-60 * MINUTE) as aws:
        assert fetched(aws, 3 * 3600) == 403
