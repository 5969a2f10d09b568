"""Documents as the world sees them: buckets and distributions by their own names, over TLS, through the tunnel."""

from __future__ import annotations

import json
import ssl
import subprocess
from typing import Any

import pytest

from ccoctl.aws.cloudfront_calls import create_distribution
from ccoctl.aws.resources import OriginAccess
from ccoctl.aws.steps.cloudfront import Access, config
from ccoctl.aws.steps.common import Steps
from ccoctl.lab.server import EmbeddedAws
from tests.aws.builders import distribution, settings
from tests.lab.clients import ACCOUNT, Clock, client, fetch, open_bucket, reading, refusal, secured, unsigned

HOST = "bucket.s3.us-east-1.amazonaws.com"


def private_bucket(aws: EmbeddedAws, name: str = "demo-oidc", content: bytes = b"1") -> Any:
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="keys.json", Body=content)
    return s3


def identity(front: Any) -> dict[str, Any]:
    made: dict[str, Any] = front.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig={"CallerReference": "demo", "Comment": "ours"}
    )
    return made


def control(front: Any) -> dict[str, Any]:
    made: dict[str, Any] = front.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "demo",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )
    return made


def distribute(front: Any, access: OriginAccess, name: str, **behaviour: Any) -> dict[str, Any]:
    """A distribution of the bucket demo-oidc as ccoctl makes it, its cache behaviour changed."""
    granted = Access(kind=access, id=name, steps=Steps())
    parameters: dict[str, Any] = dict(
        create_distribution(config("demo", distribution(settings()), granted), {"a": "b"}).parameters
    )
    wanted = json.loads(json.dumps(parameters))
    wanted["DistributionConfigWithTags"]["DistributionConfig"]["DefaultCacheBehavior"].update(behaviour)
    found: dict[str, Any] = front.create_distribution_with_tags(**wanted)["Distribution"]
    return found


def served(aws: EmbeddedAws, clock: Clock, **behaviour: Any) -> tuple[Any, dict[str, Any], str]:
    """A deployed distribution that may read its bucket; the clients of CloudFront, it, and its name."""
    front = client(aws, "cloudfront")
    made = identity(front)["CloudFrontOriginAccessIdentity"]
    s3 = private_bucket(aws)
    s3.put_bucket_policy(Bucket="demo-oidc", Policy=json.dumps(by_user(made["Id"])))
    there = distribute(front, OriginAccess.OAI, made["Id"], **behaviour)
    clock.now += 61
    return front, there, there["DomainName"]


def by_user(name: str) -> dict[str, Any]:
    user = f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {name}"
    return reading({"AWS": user}, "demo-oidc")


# buckets


def test_an_object_is_readable_only_where_a_policy_says_so(aws: EmbeddedAws) -> None:
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="keys.json", Body=b"{}")
    assert fetch(aws, HOST, "/keys.json").status == 403

    s3.delete_public_access_block(Bucket="bucket")
    assert fetch(aws, HOST, "/keys.json").status == 403
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(reading("*")))
    seen = fetch(aws, HOST, "/keys.json")

    assert (seen.status, seen.body) == (200, b"{}")
    assert fetch(aws, "bucket.s3.amazonaws.com", "/keys.json").body == b"{}"
    assert fetch(aws, "s3.us-east-1.amazonaws.com", "/bucket/keys.json").body == b"{}"


def test_a_public_access_block_closes_what_a_policy_opens(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws)
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    s3.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})

    assert fetch(aws, HOST, "/k").status == 403
    s3.delete_public_access_block(Bucket="bucket")
    assert fetch(aws, HOST, "/k").status == 200


def test_the_block_of_the_account_closes_every_bucket(aws: EmbeddedAws) -> None:
    s3, control_plane = open_bucket(aws), client(aws, "s3control", by_name=True)
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    block = {"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    control_plane.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)

    assert fetch(aws, HOST, "/k").status == 403
    assert refusal(s3.put_bucket_policy, Bucket="bucket", Policy=json.dumps(reading("*"))) == ("AccessDenied", 403)
    control_plane.delete_public_access_block(AccountId=ACCOUNT)
    assert fetch(aws, HOST, "/k").status == 200


def test_who_may_not_list_does_not_learn_what_is_missing(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws)
    assert (fetch(aws, HOST, "/missing").status, fetch(aws, HOST, "/missing").code) == (403, "AccessDenied")
    head, again = (fetch(aws, HOST, "/missing", "HEAD") for _ in range(2))
    assert (head.status, head.body) == (403, b"")
    assert {**head.headers, "date": ""} == {**again.headers, "date": ""}, "alike but for their time"

    listing = reading("*")
    listing["Statement"].append(
        {**listing["Statement"][0], "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}
    )
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(listing))
    assert (fetch(aws, HOST, "/missing").status, fetch(aws, HOST, "/missing").code) == (404, "NoSuchKey")


def test_a_bucket_that_is_not_there_is_nobodys_secret(aws: EmbeddedAws) -> None:
    seen = fetch(aws, "nobody-has-it.s3.eu-west-1.amazonaws.com", "/k")
    assert (seen.status, seen.code) == (404, "NoSuchBucket")


def test_strangers_may_do_nothing_but_read(aws: EmbeddedAws) -> None:
    open_bucket(aws)
    assert fetch(aws, HOST, "/k", "PUT", b"1").status == 403
    assert fetch(aws, HOST, "/k", "DELETE").status == 403
    assert fetch(aws, HOST, "/").status == 403
    assert fetch(aws, HOST, "/?policy").status == 403
    assert fetch(aws, HOST, "/?policy", "DELETE").status == 403
    assert unsigned(aws, "s3").meta.service_model.service_name == "s3"
    assert refusal(unsigned(aws, "s3").list_buckets) == ("AccessDenied", 403)
    assert refusal(unsigned(aws, "iam").list_roles) == ("MissingAuthenticationToken", 403)


def test_conditions_of_a_bucket_policy_hold(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws)
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    only_secure = reading("*")
    only_secure["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(only_secure))

    assert fetch(aws, HOST, "/k").status == 200
    assert refusal(unsigned(aws, "s3").get_object, Bucket="bucket", Key="k") == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("{", "valid JSON"),
        ("[]", "valid JSON"),
        ('{"Version": "2012-10-17"}', "Statement"),
        (json.dumps({**reading("*"), "Version": "2020-01-01"}), "version"),
        (json.dumps(reading("*", "another")), "invalid resource"),
        (
            json.dumps(reading({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"})),
            "principal",
        ),
        (json.dumps(reading({"CanonicalUser": "0" * 64})), "principal"),
        (json.dumps(reading({"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"})), "principal"),
        (json.dumps(reading("*", Action="ec2:*")), "invalid action"),
        (json.dumps(reading("*", Effect="Maybe")), "effect"),
    ],
)
def test_a_policy_that_s3_would_not_take_is_malformed(aws: EmbeddedAws, policy: str, words: str) -> None:
    s3 = open_bucket(aws)
    with pytest.raises(s3.exceptions.ClientError, match=words) as raised:
        s3.put_bucket_policy(Bucket="bucket", Policy=policy)
    assert raised.value.response["Error"]["Code"] == "MalformedPolicy"


@pytest.mark.parametrize(
    ("principal", "condition", "public"),
    [
        ("*", None, True),
        ({"AWS": "*"}, None, True),
        ({"AWS": ["*"]}, {"Bool": {"aws:SecureTransport": "true"}}, True),
        ("*", {"StringLike": {"aws:SourceArn": "arn:aws:*"}}, True),
        ("*", {"StringEquals": {"aws:SourceAccount": ACCOUNT}}, False),
        ({"Service": "cloudfront.amazonaws.com"}, None, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, None, False),
    ],
)
def test_blocked_are_the_policies_that_are_public(
    aws: EmbeddedAws, principal: Any, condition: Any, public: bool
) -> None:
    s3 = private_bucket(aws, "bucket")
    policy = reading(principal, **({"Condition": condition} if condition else {}))
    if public:
        assert refusal(s3.put_bucket_policy, Bucket="bucket", Policy=json.dumps(policy)) == ("AccessDenied", 403)
    else:
        s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))


def test_buckets_are_answered_for_in_their_own_region(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws, "far", region="eu-west-1")
    s3.put_object(Bucket="far", Key="k", Body=b"1")

    assert fetch(aws, "far.s3.eu-west-1.amazonaws.com", "/k").body == b"1"
    assert fetch(aws, "far.s3.amazonaws.com", "/k").body == b"1"
    elsewhere = fetch(aws, "far.s3.us-west-2.amazonaws.com", "/k")
    assert (elsewhere.status, elsewhere.code) == (301, "PermanentRedirect")
    assert elsewhere.headers["x-amz-bucket-region"] == "eu-west-1"
    assert client(aws, "s3", by_name=True).get_object(Bucket="far", Key="k")["Body"].read() == b"1"


@pytest.mark.parametrize(
    ("partition", "region", "suffix"),
    [
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
        ("aws-iso", "us-iso-east-1", "c2s.ic.gov"),
        ("aws-eusc", "eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_every_partition_has_names_of_its_own(aws: EmbeddedAws, partition: str, region: str, suffix: str) -> None:
    s3 = open_bucket(aws, "elsewhere", region=region, partition=partition)
    s3.put_object(Bucket="elsewhere", Key="k", Body=b"1")
    assert fetch(aws, f"elsewhere.s3.{region}.{suffix}", "/k").body == b"1"


def test_keys_are_what_the_path_says_to_the_letter(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws)
    for key in ("/keys", "a b", "a+b", "ä/ö", "a%20b", "..keys"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    for path, key in (
        ("//keys", "/keys"),
        ("/a%20b", "a b"),
        ("/a%2Bb", "a+b"),
        ("/%C3%A4/%C3%B6", "ä/ö"),
        ("/a%2520b", "a%20b"),
    ):
        assert fetch(aws, HOST, path).body.decode() == key


def test_a_new_bucket_knows_no_acls(aws: EmbeddedAws) -> None:
    s3 = client(aws, "s3")
    made = s3.create_bucket
    assert refusal(made, Bucket="open", ACL="public-read") == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.create_bucket(Bucket="bucket", ACL="private")
    assert refusal(s3.put_object, Bucket="bucket", Key="k", ACL="public-read") == ("AccessControlListNotSupported", 400)
    owned = s3.get_bucket_ownership_controls(Bucket="bucket")["OwnershipControls"]["Rules"]
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.create_bucket(Bucket="writers", ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket="writers", Key="k", ACL="public-read")


def test_to_make_ones_own_bucket_again_is_fine_in_us_east_1_alone(aws: EmbeddedAws) -> None:
    s3, far = client(aws, "s3"), client(aws, "s3", region="eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="bucket")
    far.create_bucket(Bucket="far", CreateBucketConfiguration=place)

    again = refusal(far.create_bucket, Bucket="far", CreateBucketConfiguration=place)
    assert again == ("BucketAlreadyOwnedByYou", 409)
    assert refusal(far.create_bucket, Bucket="nowhere")[0] == "IllegalLocationConstraintException"
    here = {"LocationConstraint": "us-east-1"}
    assert refusal(s3.create_bucket, Bucket="here", CreateBucketConfiguration=here)[0] == "InvalidLocationConstraint"


# TLS and the tunnel


def test_certificates_are_those_of_the_labs_authority_and_nobody_elses(aws: EmbeddedAws) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        secured(aws, HOST, ssl.create_default_context())
    with secured(aws, HOST) as connection:
        names = dict(connection.getpeercert() or {})["subjectAltName"]
        assert names == (("DNS", "*.s3.us-east-1.amazonaws.com"),)


def test_a_bucket_with_a_dot_has_no_certificate_that_fits(aws: EmbeddedAws) -> None:
    client(aws, "s3").create_bucket(Bucket="a.b")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        secured(aws, "a.b.s3.us-east-1.amazonaws.com")


def test_a_client_that_trusts_nobody_leaves_and_the_next_is_served(aws: EmbeddedAws) -> None:
    open_bucket(aws).put_object(Bucket="bucket", Key="k", Body=b"1")
    for _ in range(3):
        with pytest.raises(ssl.SSLCertVerificationError):
            secured(aws, HOST, ssl.create_default_context())
    assert fetch(aws, HOST, "/k").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "169.254.169.254:80",
        "localhost:22",
        "evil-amazonaws.com:443",
        f"{HOST}:80",
        "amazonaws.com:443",
    ],
)
def test_there_is_no_tunnel_to_anywhere_else(aws: EmbeddedAws, target: str) -> None:
    host, _, port = target.rpartition(":")
    asked = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_connect}", "-p", "-x", aws.endpoint_url]
    said = subprocess.run([*asked, f"http://{host}:{port}/"], capture_output=True, text=True, check=False)
    assert said.stdout == "403"
    logged = aws.calls()[-1]
    assert (logged.operation, logged.resource, logged.status) == ("CONNECT", target, 403)


def test_curl_reads_a_document_with_what_the_lab_exports(aws: EmbeddedAws) -> None:
    open_bucket(aws).put_object(Bucket="bucket", Key="keys.json", Body=b'{"keys":[]}')
    variables = {**aws.environment(), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(["curl", "-sSf", f"https://{HOST}/keys.json"], env=variables, capture_output=True, check=True)
    assert said.stdout == b'{"keys":[]}'


# distributions


def test_a_private_bucket_is_seen_through_its_distribution_alone(aws: EmbeddedAws, clock: Clock) -> None:
    _, _, name = served(aws, clock)

    assert fetch(aws, name, "/keys.json").body == b"1"
    assert fetch(aws, "demo-oidc.s3.us-east-1.amazonaws.com", "/keys.json").status == 403
    assert fetch(aws, name, "/missing").status == 403


def test_an_identity_may_be_named_by_its_canonical_user(aws: EmbeddedAws, clock: Clock) -> None:
    front = client(aws, "cloudfront")
    made = identity(front)["CloudFrontOriginAccessIdentity"]
    s3 = private_bucket(aws)
    there = distribute(front, OriginAccess.OAI, made["Id"])
    clock.now += 61
    assert fetch(aws, there["DomainName"], "/keys.json").status == 403

    user = reading({"CanonicalUser": made["S3CanonicalUserId"]}, "demo-oidc")
    s3.put_bucket_policy(Bucket="demo-oidc", Policy=json.dumps(user))
    assert fetch(aws, there["DomainName"], "/keys.json").status == 200


def test_a_control_opens_the_bucket_to_the_distribution_that_is_named(aws: EmbeddedAws, clock: Clock) -> None:
    front = client(aws, "cloudfront")
    s3 = private_bucket(aws)
    there = distribute(front, OriginAccess.OAC, control(front)["OriginAccessControl"]["Id"])
    clock.now += 61

    def of(arn: str) -> str:
        condition = {"StringEquals": {"AWS:SourceArn": arn}}
        return json.dumps(reading({"Service": "cloudfront.amazonaws.com"}, "demo-oidc", Condition=condition))

    s3.put_bucket_policy(Bucket="demo-oidc", Policy=of(there["ARN"] + "X"))
    assert fetch(aws, there["DomainName"], "/keys.json").status == 403
    s3.put_bucket_policy(Bucket="demo-oidc", Policy=of(there["ARN"]))
    assert fetch(aws, there["DomainName"], "/keys.json").status == 200


def test_a_distribution_reads_only_through_what_is_there(aws: EmbeddedAws) -> None:
    front = client(aws, "cloudfront")
    for access, expected in (
        (OriginAccess.OAI, "InvalidOriginAccessIdentity"),
        (OriginAccess.OAC, "InvalidOriginAccessControl"),
    ):
        with pytest.raises(front.exceptions.ClientError) as raised:
            distribute(front, access, "E1")
        assert raised.value.response["Error"]["Code"] == expected


def test_a_control_is_deleted_once(aws: EmbeddedAws) -> None:
    front = client(aws, "cloudfront")
    made = control(front)
    name, etag = made["OriginAccessControl"]["Id"], made["ETag"]

    with pytest.raises(front.exceptions.PreconditionFailed):
        front.delete_origin_access_control(Id=name, IfMatch="E1")
    front.delete_origin_access_control(Id=name, IfMatch=etag)
    with pytest.raises(front.exceptions.NoSuchOriginAccessControl):
        front.delete_origin_access_control(Id=name, IfMatch=etag)


def test_only_a_distribution_that_is_there_has_tags(aws: EmbeddedAws) -> None:
    front = client(aws, "cloudfront")
    arn = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"

    with pytest.raises(front.exceptions.NoSuchResource):
        front.list_tags_for_resource(Resource=arn)
    with pytest.raises(front.exceptions.NoSuchResource):
        front.tag_resource(Resource=arn, Tags={"Items": [{"Key": "a", "Value": "b"}]})


def test_a_distribution_cannot_be_resolved_until_it_is_deployed(aws: EmbeddedAws, clock: Clock) -> None:
    front = client(aws, "cloudfront")
    private_bucket(aws)
    there = distribute(front, OriginAccess.OAI, identity(front)["CloudFrontOriginAccessIdentity"]["Id"])
    assert there["Status"] == "InProgress"
    clock.now += 59
    with pytest.raises(ValueError, match="403"):
        secured(aws, there["DomainName"])
    assert front.get_distribution(Id=there["Id"])["Distribution"]["Status"] == "InProgress"
    clock.now += 1
    assert front.get_distribution(Id=there["Id"])["Distribution"]["Status"] == "Deployed"
    secured(aws, there["DomainName"]).close()


def test_an_update_is_deployed_while_the_old_one_serves(aws: EmbeddedAws, clock: Clock) -> None:
    front, there, name = served(aws, clock)
    found = front.get_distribution(Id=there["Id"])
    assert found["Distribution"]["Status"] == "Deployed"

    changed = {**found["Distribution"]["DistributionConfig"], "Comment": "another"}
    front.update_distribution(Id=there["Id"], IfMatch=found["ETag"], DistributionConfig=changed)
    assert front.get_distribution(Id=there["Id"])["Distribution"]["Status"] == "InProgress"
    assert fetch(aws, name, "/keys.json").status == 200
    clock.now += 59
    assert front.get_distribution(Id=there["Id"])["Distribution"]["Status"] == "InProgress"
    clock.now += 1
    assert front.get_distribution(Id=there["Id"])["Distribution"]["Status"] == "Deployed"


def test_a_disabled_distribution_serves_nothing_and_may_go(aws: EmbeddedAws, clock: Clock) -> None:
    front, there, name = served(aws, clock)
    found = front.get_distribution(Id=there["Id"])
    off = {**found["Distribution"]["DistributionConfig"], "Enabled": False}
    gone = {"Id": there["Id"], "IfMatch": found["ETag"]}
    assert refusal(front.delete_distribution, **gone) == ("DistributionNotDisabled", 409)
    assert (
        refusal(front.update_distribution, Id=there["Id"], IfMatch="E0", DistributionConfig=off)[0]
        == "PreconditionFailed"
    )
    etag = front.update_distribution(DistributionConfig=off, **gone)["ETag"]

    assert fetch(aws, name, "/keys.json").status == 403
    assert refusal(front.delete_distribution, **gone) == ("PreconditionFailed", 412)
    assert refusal(front.delete_distribution, Id=there["Id"], IfMatch=etag) == ("DistributionNotDisabled", 409)
    clock.now += 61
    front.delete_distribution(Id=there["Id"], IfMatch=etag)
    with pytest.raises(ValueError, match="403"):
        secured(aws, name)


def test_what_is_served_is_kept_as_long_as_it_may_be(aws: EmbeddedAws, clock: Clock) -> None:
    front, there, name = served(aws, clock, CachePolicyId="658327ea-f89d-4fab-a63d-7e88639e58f6")
    s3 = client(aws, "s3")
    s3.put_object(Bucket="demo-oidc", Key="keys.json", Body=b"1", CacheControl="max-age=60")
    first = fetch(aws, name, "/keys.json")
    s3.put_object(Bucket="demo-oidc", Key="keys.json", Body=b"2", CacheControl="max-age=60")
    clock.now += 59
    second = fetch(aws, name, "/keys.json")

    assert (first.body, first.headers["x-cache"]) == (b"1", "Miss from cloudfront")
    assert (second.body, second.headers["x-cache"], second.headers["age"]) == (b"1", "Hit from cloudfront", "59")
    clock.now += 1
    assert fetch(aws, name, "/keys.json").body == b"2"
    s3.put_object(Bucket="demo-oidc", Key="keys.json", Body=b"3")
    batch = {"Paths": {"Quantity": 1, "Items": ["/other*"]}, "CallerReference": "1"}
    front.create_invalidation(DistributionId=there["Id"], InvalidationBatch=batch)
    assert fetch(aws, name, "/keys.json").body == b"2"
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "2"}
    front.create_invalidation(DistributionId=there["Id"], InvalidationBatch=batch)
    assert fetch(aws, name, "/keys.json").body == b"3"


def test_nothing_is_kept_where_caching_is_disabled(aws: EmbeddedAws, clock: Clock) -> None:
    _, _, name = served(aws, clock)
    s3 = client(aws, "s3")
    for content in (b"1", b"2"):
        s3.put_object(Bucket="demo-oidc", Key="keys.json", Body=content, CacheControl="max-age=60")
        assert fetch(aws, name, "/keys.json").body == content


def test_etags_are_honoured(aws: EmbeddedAws, clock: Clock) -> None:
    _, _, name = served(aws, clock)
    etag = fetch(aws, name, "/keys.json").headers["etag"]

    held = fetch(aws, name, "/keys.json", If_None_Match=etag)
    assert (held.status, held.body, held.headers["etag"]) == (304, b"", etag)
    assert fetch(aws, name, "/keys.json", If_None_Match='"other"').body == b"1"


def test_a_distribution_answers_readers_alone(aws: EmbeddedAws, clock: Clock) -> None:
    _, _, name = served(aws, clock)
    assert fetch(aws, name, "/keys.json", "PUT", b"2").status == 403
    assert fetch(aws, name, "/keys.json", "HEAD").status == 200
    assert fetch(aws, name, "/").status == 403
