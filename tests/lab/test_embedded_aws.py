"""The embedded AWS behaves as AWS where moto alone does not."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from ccoctl.aws.cloudfront_calls import create_distribution
from ccoctl.aws.resources import OriginAccess
from ccoctl.aws.steps.cloudfront import Access, config
from ccoctl.aws.steps.common import Steps
from ccoctl.engine.call import Call
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.process import aws_process
from ccoctl.lab.server import EmbeddedAws
from tests.aws.builders import distribution, settings


def client(aws: EmbeddedAws, service: str, environment: Mapping[str, str] | None = None, **options: Any) -> Any:
    environment = environment or aws.environment()
    return botocore.session.Session().create_client(
        service,
        region_name=options.pop("region", "us-east-1"),
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        **options,
    )


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    found: str = raised.value.response["Error"]["Code"]
    return found


def wanted(access: OriginAccess, name: str) -> Any:
    """The parameters of our own CreateDistributionWithTags."""
    granted = Access(kind=access, id=name, steps=Steps())
    call: Call = create_distribution(config("demo", distribution(settings()), granted), {"a": "b"})
    return call.parameters


def identity(front: Any, reference: str = "demo", comment: str = "ours") -> Any:
    return front.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig={"CallerReference": reference, "Comment": comment}
    )


def deployed(front: Any, name: str) -> Any:
    for _ in range(100):
        found = front.get_distribution(Id=name)
        if found["Distribution"]["Status"] == "Deployed":
            return found
        threading.Event().wait(0.05)
    raise AssertionError("never deployed")


def test_an_identity_is_made_once_for_a_reference(embedded_aws: EmbeddedAws) -> None:
    front = client(embedded_aws, "cloudfront")
    first, second = identity(front), identity(front)

    assert first["CloudFrontOriginAccessIdentity"]["Id"] == second["CloudFrontOriginAccessIdentity"]["Id"]
    with pytest.raises(ClientError) as raised:
        identity(front, comment="another")
    assert code(raised) == "CloudFrontOriginAccessIdentityAlreadyExists"


def test_identities_come_in_pages_and_go_by_their_etag(embedded_aws: EmbeddedAws) -> None:
    front = client(embedded_aws, "cloudfront")
    ids = {identity(front, f"r{number}")["CloudFrontOriginAccessIdentity"]["Id"] for number in range(5)}
    pages = front.get_paginator("list_cloud_front_origin_access_identities").paginate(PaginationConfig={"PageSize": 2})
    listed = [item["Id"] for page in pages for item in page["CloudFrontOriginAccessIdentityList"].get("Items", [])]

    assert sorted(listed) == sorted(ids)
    one = listed[0]
    etag = front.get_cloud_front_origin_access_identity(Id=one)["ETag"]
    with pytest.raises(ClientError) as raised:
        front.delete_cloud_front_origin_access_identity(Id=one, IfMatch="stale")
    assert code(raised) == "PreconditionFailed"
    front.delete_cloud_front_origin_access_identity(Id=one, IfMatch=etag)
    with pytest.raises(ClientError) as raised:
        front.get_cloud_front_origin_access_identity(Id=one)
    assert code(raised) == "NoSuchCloudFrontOriginAccessIdentity"


def test_a_distribution_takes_a_while_and_must_be_disabled_before_it_goes(embedded_aws: EmbeddedAws) -> None:
    front = client(embedded_aws, "cloudfront")
    oai = identity(front)
    name = oai["CloudFrontOriginAccessIdentity"]["Id"]
    made = front.create_distribution_with_tags(**wanted(OriginAccess.OAI, name))["Distribution"]
    assert made["Status"] == "InProgress"

    with pytest.raises(ClientError) as raised:
        front.create_distribution_with_tags(**wanted(OriginAccess.OAI, name))
    assert code(raised) == "DistributionAlreadyExists"
    found = deployed(front, made["Id"])
    with pytest.raises(ClientError) as raised:
        front.delete_distribution(Id=made["Id"], IfMatch=found["ETag"])
    assert code(raised) == "DistributionNotDisabled"
    with pytest.raises(ClientError) as raised:
        front.delete_cloud_front_origin_access_identity(Id=name, IfMatch=oai["ETag"])
    assert code(raised) == "CloudFrontOriginAccessIdentityInUse"

    off = {**found["Distribution"]["DistributionConfig"], "Enabled": False}
    with pytest.raises(ClientError) as raised:
        front.update_distribution(Id=made["Id"], IfMatch="stale", DistributionConfig=off)
    assert code(raised) == "PreconditionFailed"
    front.update_distribution(Id=made["Id"], IfMatch=found["ETag"], DistributionConfig=off)
    with pytest.raises(ClientError) as raised:
        front.delete_distribution(Id=made["Id"], IfMatch=found["ETag"])
    assert code(raised) == "PreconditionFailed"
    front.delete_distribution(Id=made["Id"], IfMatch=deployed(front, made["Id"])["ETag"])
    front.delete_cloud_front_origin_access_identity(Id=name, IfMatch=oai["ETag"])


def test_an_access_control_is_kept_and_cannot_go_while_it_is_used(embedded_aws: EmbeddedAws) -> None:
    front = client(embedded_aws, "cloudfront")
    control = {
        "Name": "c",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
    }
    made = front.create_origin_access_control(OriginAccessControlConfig=control)
    name = made["OriginAccessControl"]["Id"]
    there = front.create_distribution_with_tags(**wanted(OriginAccess.OAC, name))["Distribution"]
    origin = front.get_distribution(Id=there["Id"])["Distribution"]["DistributionConfig"]["Origins"]["Items"][0]

    assert origin["OriginAccessControlId"] == name
    with pytest.raises(ClientError) as raised:
        front.create_origin_access_control(OriginAccessControlConfig=control)
    assert code(raised) == "OriginAccessControlAlreadyExists"
    with pytest.raises(ClientError) as raised:
        front.delete_origin_access_control(Id=name, IfMatch=made["ETag"])
    assert code(raised) == "OriginAccessControlInUse"


def test_a_new_bucket_blocks_public_access_and_refuses_public_policies(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3")
    s3.create_bucket(Bucket="bucket")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
        ],
    }
    blocked = s3.get_public_access_block(Bucket="bucket")["PublicAccessBlockConfiguration"]

    assert set(blocked.values()) == {True}
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))
    assert code(raised) == "AccessDenied"
    s3.put_public_access_block(
        Bucket="bucket",
        PublicAccessBlockConfiguration={**blocked, "BlockPublicPolicy": False, "RestrictPublicBuckets": False},
    )
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))


def test_a_new_bucket_has_no_tags_of_one_that_was_deleted(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket="bucket")["TagSet"] == [{"Key": "a", "Value": "b"}]

    s3.delete_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="bucket")

    with pytest.raises(ClientError) as raised:
        s3.get_bucket_tagging(Bucket="bucket")
    assert code(raised) == "NoSuchTagSet"


def test_writes_can_be_conditional(embedded_aws: EmbeddedAws) -> None:
    s3 = client(embedded_aws, "s3")
    s3.create_bucket(Bucket="bucket")
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]

    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")
    assert code(raised) == "PreconditionFailed"
    s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="bucket", Key="k", Body=b"3", IfMatch=etag)
    assert code(raised) == "PreconditionFailed"


def test_users_are_held_to_their_policies_in_every_protocol(enforcing_aws: EmbeddedAws) -> None:
    client(enforcing_aws, "s3").create_bucket(Bucket="bucket")
    environment = enforcing_aws.user("u", actions=["iam:CreateRole", "s3:PutObject", "cloudfront:CreateDistribution"])
    iam, s3, front = (client(enforcing_aws, name, environment) for name in ("iam", "s3", "cloudfront"))

    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    s3.put_object(Bucket="bucket", Key="k", Body=b"")
    client(enforcing_aws, "sts", environment).get_caller_identity()
    refused: tuple[tuple[Callable[[], Any], str], ...] = (
        (
            lambda: iam.create_role(RoleName="s", AssumeRolePolicyDocument="{}", Tags=[{"Key": "a", "Value": "b"}]),
            "iam:TagRole",
        ),
        (lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"", Tagging="a=b"), "s3:PutObjectTagging"),
        (lambda: front.create_distribution_with_tags(**wanted(OriginAccess.OAI, "x")), "cloudfront:TagResource"),
    )
    for call, missing in refused:
        with pytest.raises(ClientError) as raised:
            call()
        assert code(raised) == "AccessDenied"
        assert f"is not authorized to perform: {missing} on resource" in str(raised.value)
    with pytest.raises(ClientError) as raised:
        s3.head_bucket(Bucket="bucket")
    assert code(raised) == "403"


def test_strangers_and_the_anonymous_are_refused(enforcing_aws: EmbeddedAws) -> None:
    stranger = {"AWS_ACCESS_KEY_ID": "AKIASTRANGER", "AWS_SECRET_ACCESS_KEY": "x"}
    with pytest.raises(ClientError) as raised:
        client(enforcing_aws, "sts", stranger).get_caller_identity()
    assert code(raised) == "InvalidClientTokenId"
    with pytest.raises(ClientError) as raised:
        client(enforcing_aws, "s3", stranger).list_buckets()
    assert code(raised) == "InvalidAccessKeyId"
    with pytest.raises(ClientError) as raised:
        client(enforcing_aws, "s3", config=Config(signature_version=UNSIGNED)).list_buckets()
    assert code(raised) == "AccessDenied"


def test_role_names_are_unique_whatever_their_case(embedded_aws: EmbeddedAws) -> None:
    iam = client(embedded_aws, "iam")
    iam.create_role(RoleName="demo-role", AssumeRolePolicyDocument="{}")

    with pytest.raises(ClientError) as raised:
        iam.create_role(RoleName="Demo-Role", AssumeRolePolicyDocument="{}")
    assert code(raised) == "EntityAlreadyExists"


def test_every_call_is_logged_with_its_answer(embedded_aws: EmbeddedAws) -> None:
    iam = client(embedded_aws, "iam")
    with pytest.raises(ClientError):
        iam.get_role(RoleName="nobody")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")

    logged = [(call.service, call.operation, call.status, call.code, call.changing) for call in embedded_aws.calls()]
    assert logged == [("iam", "GetRole", 404, "NoSuchEntity", False), ("iam", "CreateRole", 200, "", True)]


def test_a_process_of_its_own_waits_before_each_call() -> None:
    with aws_process(Conditions(latency=0.2)) as aws:
        session = botocore.session.Session()
        environment = {**os.environ, **aws.environment()}
        sts = session.create_client(
            "sts",
            region_name="us-east-1",
            endpoint_url=aws.endpoint_url,
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        begun = time.monotonic()
        threads = [threading.Thread(target=sts.get_caller_identity) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun
        calls = aws.calls()
        aws.reset()

        assert [call["operation"] for call in calls] == ["GetCallerIdentity"] * 5
        assert took >= 0.2
        assert aws.calls() == []
