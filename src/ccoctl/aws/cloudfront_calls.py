"""The requests to CloudFront, as Calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccoctl.aws.calls import GONE, tag_list
from ccoctl.aws.names import Tags
from ccoctl.engine.call import Call, Listed, Output, Value, Written

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""CloudFront's managed cache policy that caches nothing."""


def list_distributions(marker: str = "") -> Call:
    """A page of the account's distributions."""
    page = {"Marker": marker} if marker else {}
    return Call(service="cloudfront", operation="ListDistributions", parameters=page)


def get_distribution(distribution: str | Output) -> Call:
    """One distribution with its configuration, status and ETag."""
    return Call(service="cloudfront", operation="GetDistribution", parameters={"Id": distribution})


def list_distribution_tags(arn: str) -> Call:
    """A distribution's tags."""
    return Call(service="cloudfront", operation="ListTagsForResource", parameters={"Resource": arn})


def list_access_identities(marker: str = "") -> Call:
    """A page of the account's origin access identities."""
    page = {"Marker": marker} if marker else {}
    return Call(service="cloudfront", operation="ListCloudFrontOriginAccessIdentities", parameters=page)


def get_access_identity(identity: str) -> Call:
    """An origin access identity and its ETag."""
    return Call(service="cloudfront", operation="GetCloudFrontOriginAccessIdentity", parameters={"Id": identity})


def list_access_controls(marker: str = "") -> Call:
    """A page of the account's origin access controls."""
    page = {"Marker": marker} if marker else {}
    return Call(service="cloudfront", operation="ListOriginAccessControls", parameters=page)


def get_access_control(control: str) -> Call:
    """An origin access control and its ETag."""
    return Call(service="cloudfront", operation="GetOriginAccessControl", parameters={"Id": control})


def create_access_identity(name: str, comment: str) -> Call:
    """An origin access identity; repeated with the same reference, CloudFront answers with the one it has."""
    return Call(
        service="cloudfront",
        operation="CreateCloudFrontOriginAccessIdentity",
        parameters={"CloudFrontOriginAccessIdentityConfig": {"CallerReference": name, "Comment": comment}},
    )


def create_access_control(name: str, comment: str) -> Call:
    """An origin access control that signs every request to S3."""
    return Call(
        service="cloudfront",
        operation="CreateOriginAccessControl",
        parameters={
            "OriginAccessControlConfig": {
                "Name": name,
                "Description": comment,
                "SigningProtocol": "sigv4",
                "SigningBehavior": "always",
                "OriginAccessControlOriginType": "s3",
            }
        },
        tolerate_again=frozenset({"OriginAccessControlAlreadyExists"}),
        listed=Listed(
            operation="ListOriginAccessControls",
            member="OriginAccessControlList",
            name="Name",
            value=name,
            answers="OriginAccessControl",
        ),
    )


def create_distribution(config: Mapping[str, Value], tags: Tags) -> Call:
    """A distribution that is tagged from its first moment; one whose answer was lost is found by its comment."""
    return Call(
        service="cloudfront",
        operation="CreateDistributionWithTags",
        parameters={"DistributionConfigWithTags": {"DistributionConfig": config, "Tags": {"Items": tag_list(tags)}}},
        not_yet=frozenset({"InvalidOriginAccessIdentity", "InvalidOriginAccessControl"}),
        tolerate_again=frozenset({"DistributionAlreadyExists"}),
        listed=Listed(
            operation="ListDistributions",
            member="DistributionList",
            name="Comment",
            value=str(config["Comment"]),
            answers="Distribution",
        ),
    )


def tag_distribution(arn: str, tags: Tags) -> Call:
    """Tags added to a distribution."""
    return Call(
        service="cloudfront",
        operation="TagResource",
        parameters={"Resource": arn, "Tags": {"Items": tag_list(tags)}},
    )


def update_distribution(distribution: str, etag: str, config: Mapping[str, Any]) -> Call:
    """A distribution's whole configuration, if it is still the one that was read.

    Where the answer of an attempt was lost, the next one finds the ETag that the first one made, or somebody else.
    """
    return Call(
        service="cloudfront",
        operation="UpdateDistribution",
        parameters={"Id": distribution, "IfMatch": etag, "DistributionConfig": config},
        tolerate_again=frozenset({"PreconditionFailed"}),
        written=Written(
            question=get_distribution(distribution),
            same={"Distribution.DistributionConfig": "DistributionConfig"},
        ),
    )


def delete_distribution(distribution: str, etag: str | Output) -> Call:
    """Remove a disabled distribution."""
    return Call(
        service="cloudfront",
        operation="DeleteDistribution",
        parameters={"Id": distribution, "IfMatch": etag},
        tolerate=GONE,
        not_yet=frozenset({"DistributionNotDisabled"}),
    )


def delete_access_identity(identity: str, etag: str) -> Call:
    """Remove an origin access identity; a distribution deleted a moment ago may still count as its user."""
    return Call(
        service="cloudfront",
        operation="DeleteCloudFrontOriginAccessIdentity",
        parameters={"Id": identity, "IfMatch": etag},
        tolerate=frozenset({"NoSuchCloudFrontOriginAccessIdentity"}),
        not_yet=frozenset({"CloudFrontOriginAccessIdentityInUse"}),
    )


def delete_access_control(control: str, etag: str) -> Call:
    """Remove an origin access control."""
    return Call(
        service="cloudfront",
        operation="DeleteOriginAccessControl",
        parameters={"Id": control, "IfMatch": etag},
        tolerate=frozenset({"NoSuchOriginAccessControl"}),
        not_yet=frozenset({"OriginAccessControlInUse"}),
    )
