"""Every request that this tool makes to AWS, as Calls; each is written once, here.

Source: the service models of IAM, S3, CloudFront and STS; parameters where the Go tool has them are the Go tool's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from ccoctl.aws.names import Tags
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Document, PublicAccess
from ccoctl.engine.call import Call, JsonText, Output, Template, Value, Written, json_text

GONE = frozenset({"NoSuchEntity", "NoSuchBucket", "NoSuchKey", "404", "NoSuchDistribution"})
_FRESH_PRINCIPAL = frozenset({"MalformedPolicy", "MalformedPolicyDocument"})
_NOTHING = json_text({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Tags as IAM and S3 take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# STS and the issuer's host


def get_caller_identity() -> Call:
    """Which account is this?"""
    return Call(service="sts", operation="GetCallerIdentity")


def assume_role_with_web_identity(role_arn: str, session_name: str, token: str, *, may_be_new: bool) -> Call:
    """Credentials for a token, for the shortest time; the session policy takes every right from them.

    GetCallerIdentity is allowed whatever policies say (STS API reference). `may_be_new`: the role or its provider may
    not be seen everywhere yet, so a refusal is worth another try. That STS did not reach the issuer always is.
    """
    no_verdict = {"IDPCommunicationError"}
    return Call(
        service="sts",
        operation="AssumeRoleWithWebIdentity",
        parameters={
            "RoleArn": role_arn,
            "RoleSessionName": session_name,
            "WebIdentityToken": token,
            "DurationSeconds": 900,
            "Policy": _NOTHING,
        },
        not_yet=frozenset(no_verdict | ({"AccessDenied", "InvalidIdentityToken"} if may_be_new else set())),
    )


def look_up_thumbprint(host: str | Output | Template) -> Call:
    """The SHA-1 of the certificate furthest up the chain that the issuer's host serves; no call of AWS."""
    return Call(service="tls", operation="Thumbprint", parameters={"Host": host})


# S3


def head_bucket(bucket: str) -> Call:
    """Does the bucket exist, in which region, and may we see it?"""
    return Call(service="s3", operation="HeadBucket", parameters={"Bucket": bucket})


def get_bucket_tagging(bucket: str) -> Call:
    """The bucket's tags."""
    return Call(service="s3", operation="GetBucketTagging", parameters={"Bucket": bucket})


def get_public_access_block(bucket: str) -> Call:
    """What the bucket blocks."""
    return Call(service="s3", operation="GetPublicAccessBlock", parameters={"Bucket": bucket})


def get_bucket_policy(bucket: str) -> Call:
    """The bucket's policy."""
    return Call(service="s3", operation="GetBucketPolicy", parameters={"Bucket": bucket})


def list_objects(bucket: str, token: str = "") -> Call:  # a page's mark, no password # nosec B107
    """A page of the bucket's objects."""
    page = {"ContinuationToken": token} if token else {}
    return Call(service="s3", operation="ListObjectsV2", parameters={"Bucket": bucket, **page})


def get_object(bucket: str, key: str, *, unless_changed: str = "") -> Call:
    """An object's content and headers; an ETag that it must still have may be given."""
    guard = {"IfMatch": unless_changed} if unless_changed else {}
    return Call(service="s3", operation="GetObject", parameters={"Bucket": bucket, "Key": key, **guard})


def get_object_tagging(bucket: str, key: str) -> Call:
    """An object's tags."""
    return Call(service="s3", operation="GetObjectTagging", parameters={"Bucket": bucket, "Key": key})


def create_bucket(bucket: str, region: str) -> Call:
    """A bucket; us-east-1 is the default and takes no LocationConstraint."""
    location: dict[str, Value] = {}
    if region != "us-east-1":
        location = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    return Call(
        service="s3",
        operation="CreateBucket",
        parameters={"ACL": "private", "Bucket": bucket, **location},
        tolerate_again=frozenset({"BucketAlreadyOwnedByYou"}),
    )


def put_bucket_tagging(bucket: str, tags: Tags) -> Call:
    """All tags of the bucket at once."""
    return Call(
        service="s3",
        operation="PutBucketTagging",
        parameters={"Bucket": bucket, "Tagging": {"TagSet": tag_list(tags)}},
        not_yet=frozenset({"NoSuchBucket"}),
    )


def put_public_access_block(bucket: str, access: PublicAccess) -> Call:
    """What the bucket blocks, all four switches."""
    return Call(
        service="s3",
        operation="PutPublicAccessBlock",
        parameters={
            "Bucket": bucket,
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": access.block_acls,
                "IgnorePublicAcls": access.block_acls,
                "BlockPublicPolicy": access.block_policies,
                "RestrictPublicBuckets": access.block_policies,
            },
        },
        not_yet=frozenset({"NoSuchBucket"}),
    )


def put_bucket_policy(bucket: str, policy: Policy) -> Call:
    """Who may read the bucket; an origin access identity made a moment ago is not known to S3 at once."""
    return Call(
        service="s3",
        operation="PutBucketPolicy",
        parameters={"Bucket": bucket, "Policy": policy.text},
        not_yet=_FRESH_PRINCIPAL | {"NoSuchBucket"},
    )


def put_object(bucket: str, document: Document, *, replaces: str) -> Call:
    """A document with everything about it in one request.

    `replaces` is the ETag of what it replaces, empty where nothing is there: what somebody else wrote
    meanwhile is kept, and not taken for ours where the answer to our own attempt was lost.
    """
    guard = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
    return Call(
        service="s3",
        operation="PutObject",
        parameters={
            "Bucket": bucket,
            "Key": document.object_key,
            "Body": JsonText(document.body or {}, indent=4),
            "ContentType": document.content_type,
            "CacheControl": document.cache_control,
            "Tagging": urlencode(document.tags) if isinstance(document.tags, Mapping) else "",
            **guard,
        },
        tolerate_again=frozenset({"PreconditionFailed"}),
        written=Written(question=get_object(bucket, document.object_key), same={"Body": "Body"}),
        not_yet=frozenset({"NoSuchBucket"}),
    )


def delete_object(bucket: str, key: str) -> Call:
    """Remove one object."""
    return Call(service="s3", operation="DeleteObject", parameters={"Bucket": bucket, "Key": key}, tolerate=GONE)


def delete_bucket(bucket: str) -> Call:
    """Remove the empty bucket."""
    return Call(service="s3", operation="DeleteBucket", parameters={"Bucket": bucket}, tolerate=GONE)


# IAM: the OIDC provider


def list_providers() -> Call:
    """The ARNs of the account's OIDC providers; there are 100 at most, and IAM answers them in one page."""
    return Call(service="iam", operation="ListOpenIDConnectProviders")


def get_provider(arn: str) -> Call:
    """A provider with its audiences, thumbprints and tags."""
    return Call(service="iam", operation="GetOpenIDConnectProvider", parameters={"OpenIDConnectProviderArn": arn})


def create_provider(url: str | Template, audiences: Iterable[str], thumbprints: Value, tags: Tags) -> Call:
    """A provider that is tagged from its first moment; without thumbprints IAM looks them up itself."""
    return Call(
        service="iam",
        operation="CreateOpenIDConnectProvider",
        parameters={
            "Url": url,
            "ClientIDList": list(audiences),
            "ThumbprintList": thumbprints,
            "Tags": tag_list(tags),
        },
        tolerate_again=frozenset({"EntityAlreadyExists"}),
    )


def tag_provider(arn: str, tags: Tags) -> Call:
    """Tags added to a provider."""
    return Call(
        service="iam",
        operation="TagOpenIDConnectProvider",
        parameters={"OpenIDConnectProviderArn": arn, "Tags": tag_list(tags)},
    )


def add_audience(arn: str, audience: str) -> Call:
    """One more client id that the provider accepts; adding one that is there already changes nothing."""
    return Call(
        service="iam",
        operation="AddClientIDToOpenIDConnectProvider",
        parameters={"OpenIDConnectProviderArn": arn, "ClientID": audience},
    )


def delete_provider(arn: str) -> Call:
    """Remove a provider."""
    return Call(
        service="iam",
        operation="DeleteOpenIDConnectProvider",
        parameters={"OpenIDConnectProviderArn": arn},
        tolerate=GONE,
    )
