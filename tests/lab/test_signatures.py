"""Signatures have a date, and AWS takes none of another time, and none that covers less of a request than it must."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ccoctl.federation.clock import WallClock
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.lab.clients import REGION, Seen, client

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


# What a signature covers

EMPTY = hashlib.sha256(b"").hexdigest()
QUERIES = {"sts": "Action=GetCallerIdentity&Version=2011-06-15", "s3": ""}


def opened(url: str, headers: Mapping[str, str]) -> Seen:
    try:
        with build_opener(ProxyHandler({})).open(Request(url, headers=dict(headers)), timeout=10) as got:
            return Seen(got.status, got.read())
    except HTTPError as error:
        return Seen(error.code, error.read())


def asked(aws: EmbeddedAws, service: str, *, day: str = "", left_out: str = "", **more: str) -> Seen:
    """The answer to a request that somebody signed who knows the secret, for a day and without one of its headers."""
    environment, query = aws.environment(), QUERIES[service]
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": urlsplit(aws.endpoint_url).netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": moment}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    names = sorted(headers.keys() - {left_out})
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical = "\n".join(("GET", "/", query, lines, ";".join(names), EMPTY))
    scope = (day or moment[:8], REGION, service, "aws4_request")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{environment['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"{environment['AWS_ACCESS_KEY_ID']}/{'/'.join(scope)}"
    signed = f"Credential={credential}, SignedHeaders={';'.join(names)}, Signature={key.hex()}"
    return opened(f"{aws.endpoint_url}/?{query}", {**headers, "authorization": f"AWS4-HMAC-SHA256 {signed}"})


@pytest.mark.parametrize("service", QUERIES)
def test_a_signature_that_covers_all_it_must_is_good(embedded_aws: EmbeddedAws, service: str) -> None:
    assert asked(embedded_aws, service).status == 200
    assert asked(embedded_aws, service, x_amz_more="signed").status == 200
    assert asked(embedded_aws, service, left_out="x-amzn-trace-id", x_amzn_trace_id="of a proxy").status == 200


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [("sts", 403, "SignatureDoesNotMatch"), ("s3", 400, "AuthorizationHeaderMalformed")],
)
def test_a_scope_of_another_day_than_the_requests_is_refused(
    embedded_aws: EmbeddedAws, service: str, status: int, code: str
) -> None:
    seen = asked(embedded_aws, service, day="19990101")

    assert (seen.status, seen.code) == (status, code)
    assert b"19990101" in seen.body


@pytest.mark.parametrize(("service", "code"), [("sts", "SignatureDoesNotMatch"), ("s3", "AccessDenied")])
@pytest.mark.parametrize("header", ["host", "x-amz-date", "x-amz-more", "x-amz-security-token"])
def test_a_header_that_must_be_signed_and_is_not_is_refused(
    embedded_aws: EmbeddedAws, service: str, code: str, header: str
) -> None:
    more = {header.replace("-", "_"): "x"} if header in {"x-amz-more", "x-amz-security-token"} else {}

    seen = asked(embedded_aws, service, left_out=header, **more)

    assert (seen.status, seen.code) == (403, code)
    assert b"igned" in seen.body


def test_a_url_covers_the_headers_that_are_sent_with_it_too(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("list_buckets", ExpiresIn=60)

    assert opened(url, {"Accept": "*/*"}).status == 200
    assert opened(url, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}).status == 200  # it is in the signature anyway
    assert opened(url, {"x-amz-acl": "public-read"}).code == "AccessDenied"


def test_a_url_whose_scope_is_of_another_day_is_refused(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("list_buckets", ExpiresIn=60)

    seen = opened(re.sub(r"\d{8}%2F", "19990101%2F", url), {})

    assert (seen.status, seen.code) == (400, "AuthorizationQueryParametersError")
