"""Unmodified clients reach every service by its own name, through the proxy, with a signature that is looked at."""

from __future__ import annotations

import subprocess
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.lab.hosts import BucketHost, DistributionHost, ServiceHost, host_of
from ccoctl.lab.server import EmbeddedAws
from tests.lab.clients import ACCOUNT, client, fetch, open_bucket, port, refusal

REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sts.amazonaws.com", ServiceHost("sts.amazonaws.com", "sts", "us-east-1")),
        ("STS.EU-WEST-1.amazonaws.com.", ServiceHost("sts.eu-west-1.amazonaws.com", "sts", "eu-west-1")),
        ("sts-fips.us-east-1.amazonaws.com", ServiceHost("sts-fips.us-east-1.amazonaws.com", "sts", "us-east-1")),
        ("iam.amazonaws.com", ServiceHost("iam.amazonaws.com", "iam", "us-east-1")),
        ("iam.us-gov.amazonaws.com", ServiceHost("iam.us-gov.amazonaws.com", "iam", "us-gov-west-1")),
        ("iam.cn-north-1.amazonaws.com.cn", ServiceHost("iam.cn-north-1.amazonaws.com.cn", "iam", "cn-north-1")),
        ("cloudfront.amazonaws.com", ServiceHost("cloudfront.amazonaws.com", "cloudfront", "us-east-1")),
        ("s3.eu-west-1.amazonaws.com", ServiceHost("s3.eu-west-1.amazonaws.com", "s3", "eu-west-1")),
        ("s3-eu-west-1.amazonaws.com", ServiceHost("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1")),
        ("b.b-.s3.amazonaws.com.evil.com", None),
        ("bucket.s3.amazonaws.com", BucketHost("bucket", "", "*.s3.amazonaws.com")),
        ("bucket.s3.eu-west-1.amazonaws.com", BucketHost("bucket", "eu-west-1", "*.s3.eu-west-1.amazonaws.com")),
        (
            "bucket.s3.dualstack.eu-west-1.amazonaws.com",
            BucketHost("bucket", "eu-west-1", "*.s3.dualstack.eu-west-1.amazonaws.com"),
        ),
        ("a.b.s3.eu-west-1.amazonaws.com", BucketHost("a.b", "eu-west-1", "*.s3.eu-west-1.amazonaws.com")),
        ("bucket.s3.us-iso-east-1.c2s.ic.gov", BucketHost("bucket", "us-iso-east-1", "*.s3.us-iso-east-1.c2s.ic.gov")),
        ("d111111abcdef8.cloudfront.net", DistributionHost("d111111abcdef8.cloudfront.net")),
        ("d1.cloudfront.net.evil.com", None),
        ("evil.cloudfront.net.", DistributionHost("evil.cloudfront.net")),
        ("a.b.cloudfront.net", None),
        ("example.com", None),
        ("amazonaws.com", None),
        ("evilamazonaws.com", None),
        ("", None),
        ("a" * 300 + ".amazonaws.com", None),
    ],
)
def test_a_name_stands_for_one_thing(name: str, expected: object) -> None:
    assert host_of(name) == expected


@given(st.text(max_size=300))
def test_no_name_is_too_strange(name: str) -> None:
    place = host_of(name)
    assert place is None or place.certificate
    assert host_of(f"{name}.example.com") is None


@pytest.mark.parametrize("region", REGIONS)
def test_services_are_found_by_their_names_in_every_partition(embedded_aws: EmbeddedAws, region: str) -> None:
    of: dict[str, Any] = {"region": region, "by_name": True}
    s3, iam, sts = (client(embedded_aws, service, **of) for service in ("s3", "iam", "sts"))
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket="bucket", **place)
    s3.put_object(Bucket="bucket", Key="a key/ä", Body=b"1")
    partition = sts.get_caller_identity()["Arn"].split(":")[1]
    made = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    assert s3.get_object(Bucket="bucket", Key="a key/ä")["Body"].read() == b"1"
    assert made == f"arn:{partition}:iam::{ACCOUNT}:role/role"
    assert s3.list_objects_v2(Bucket="bucket", Prefix="a ")["KeyCount"] == 1
    assert {call.status for call in embedded_aws.calls()} == {200}


def test_cloudfront_is_found_by_its_name(embedded_aws: EmbeddedAws) -> None:
    front = client(embedded_aws, "cloudfront", by_name=True)
    assert front.list_distributions()["DistributionList"]["Quantity"] == 0


def test_environment_variables_are_all_that_a_client_needs(
    embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    for endpoint in (True, False):
        if not endpoint:
            monkeypatch.delenv("AWS_ENDPOINT_URL")
        sts = botocore.session.Session().create_client("sts", region_name="eu-west-1")
        assert sts.get_caller_identity()["Account"] == ACCOUNT


@pytest.mark.parametrize("service", ["sts", "iam", "s3", "cloudfront", "ec2"])
@pytest.mark.parametrize("by_name", [False, True], ids=["endpoint", "name"])
def test_a_wrong_secret_key_opens_nothing(embedded_aws: EmbeddedAws, service: str, by_name: bool) -> None:
    wrong = {**embedded_aws.environment(), "AWS_SECRET_ACCESS_KEY": "wrong"}
    call = {
        "sts": "get_caller_identity",
        "iam": "list_roles",
        "s3": "list_buckets",
        "cloudfront": "list_distributions",
        "ec2": "describe_vpcs",
    }[service]
    assert refusal(getattr(client(embedded_aws, service, wrong, by_name=by_name), call))[0] == "SignatureDoesNotMatch"


@pytest.mark.parametrize("key", ["k", "a b", "a+b", "ä/ö", "a%20b", "~._-", "a//b", "a&b=c?d"])
def test_signatures_cover_every_kind_of_key(embedded_aws: EmbeddedAws, key: str) -> None:
    for by_name in (False, True):
        s3 = client(embedded_aws, "s3", by_name=by_name)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key=key, Body=b"1", Metadata={"a": "b  c"}, Tagging="a=b%20c")
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == b"1"
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket", Prefix=key)["Contents"]] == [key]


def test_a_signature_covers_the_body(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3", by_name=True)
    s3.create_bucket(Bucket="bucket")

    def change(request: Any, **_more: Any) -> None:
        request.body = b"another"
        request.headers["Content-Length"] = "7"

    s3.meta.events.register("before-send.s3.PutBucketTagging", change)
    tagging = {"TagSet": [{"Key": "a", "Value": "b"}]}
    assert refusal(s3.put_bucket_tagging, Bucket="bucket", Tagging=tagging) == ("XAmzContentSHA256Mismatch", 400)
    iam = client(embedded_aws, "iam")
    iam.meta.events.register("before-send.iam.CreateRole", change)
    assert refusal(iam.create_role, RoleName="role", AssumeRolePolicyDocument="{}")[1] == 403


@pytest.mark.parametrize("style", ["virtual", "path"])
def test_a_presigned_url_is_good_for_what_it_says(embedded_aws: EmbeddedAws, style: str) -> None:
    s3 = client(
        embedded_aws, "s3", by_name=True, config=Config(signature_version="s3v4", s3={"addressing_style": style})
    )
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    host, _, path = s3.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "k"})[8:].partition("/")

    assert fetch(embedded_aws, host, f"/{path}").body == b"1"
    assert fetch(embedded_aws, host, f"/{path}", "DELETE").code == "SignatureDoesNotMatch"
    assert fetch(embedded_aws, host, f"/{path.replace('/k?', '/l?').replace('k?', 'l?')}").status == 403
    assert fetch(embedded_aws, host, f"/{path.partition('?')[0]}").code == "AccessDenied"


def test_a_user_is_held_to_policies_of_their_groups_too(enforcing_aws: EmbeddedAws) -> None:
    user = enforcing_aws.user("u", actions=["sts:*"])
    iam = client(enforcing_aws, "iam")
    assert refusal(client(enforcing_aws, "iam", user).list_roles) == ("AccessDenied", 403)
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    policy = '{"Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}],"Version":"2012-10-17"}'
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=policy)
    client(enforcing_aws, "iam", user).list_roles()


def test_curl_signs_as_the_lab_expects(embedded_aws: EmbeddedAws) -> None:
    open_bucket(embedded_aws).put_object(Bucket="bucket", Key="k", Body=b"1")
    variables = {**embedded_aws.environment(), "PATH": "/usr/bin:/bin"}
    signed = ["--aws-sigv4", "aws:amz:us-east-1:sts", "--user", "AKIALABADMINISTRATOR:lab"]
    form = ["-d", "Action=GetCallerIdentity&Version=2011-06-15"]
    asked = ["curl", "-sSf", *signed, *form, f"http://127.0.0.1:{port(embedded_aws)}/"]
    said = subprocess.run(asked, env=variables, capture_output=True, text=True, check=True)
    assert "user/administrator</Arn>" in said.stdout
