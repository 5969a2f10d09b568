"""What moto's CloudFormation does not make: bucket policies, public access blocks, OIDC providers, CloudFront.

Each type does with moto's own models what CloudFormation's handler does with the service. moto finds the types because
they are subclasses of its `CloudFormationModel`; of two for one resource the later one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.cloudformation import parsing
from moto.cloudfront.models import cloudfront_backends
from moto.core.common_models import CloudFormationModel
from moto.iam.models import Role, iam_backends
from moto.s3.models import FakeBucket, PublicAccessBlock, s3_backends


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a stack asks for."""

    name: str
    properties: dict[str, Any]
    account: str
    region: str


class Made:
    """A resource that a stack has made."""

    def __init__(self, name: str, **attributes: str) -> None:
        self.physical_resource_id = name
        self.attributes = attributes

    def is_created(self) -> bool:
        return True

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return bool(attr)

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]


def register(kind: str, make: Callable[[Asked], Any], name_property: str = "") -> None:
    """Let stacks make resources of a kind."""

    def create(_cls: Any, /, resource_name: str, template: Any, account: str, region: str, **_given: Any) -> Any:
        return make(Asked(name=resource_name, properties=template["Properties"], account=account, region=region))

    type(
        kind.replace("::", ""),
        (Made, CloudFormationModel),
        {
            "cloudformation_type": staticmethod(lambda: kind),
            "cloudformation_name_type": staticmethod(lambda: name_property),
            "create_from_cloudformation_json": classmethod(create),
        },
    )


def bucket(asked: Asked) -> Any:
    template = {"Properties": asked.properties}
    made = FakeBucket.create_from_cloudformation_json(asked.name, template, asked.account, asked.region)
    wanted = asked.properties["PublicAccessBlockConfiguration"]
    made.public_access_block = PublicAccessBlock(
        wanted["BlockPublicAcls"],
        wanted["IgnorePublicAcls"],
        wanted["BlockPublicPolicy"],
        wanted["RestrictPublicBuckets"],
    )
    return made


def bucket_policy(asked: Asked) -> Made:
    name, document = asked.properties["Bucket"], asked.properties["PolicyDocument"]
    s3_backends[asked.account]["aws"].put_bucket_policy(name, text(document).encode())
    return Made(name)


def provider(asked: Asked) -> Made:
    wanted = asked.properties
    made = iam_backends[asked.account]["aws"].create_open_id_connect_provider(
        wanted["Url"], wanted.get("ThumbprintList", []), wanted["ClientIdList"], wanted["Tags"]
    )
    return Made(made.arn, Arn=made.arn)


def role(asked: Asked) -> Any:
    """moto's own keeps policies as the template has them, and IAM keeps texts."""
    policies = [
        {**policy, "PolicyDocument": text(policy["PolicyDocument"])} for policy in asked.properties.get("Policies", ())
    ]
    properties = {**asked.properties, "Policies": policies}
    return Role.create_from_cloudformation_json(asked.name, {"Properties": properties}, asked.account, asked.region)


def access_control(asked: Asked) -> Made:
    made = cloudfront_backends[asked.account]["aws"].create_origin_access_control(
        asked.properties["OriginAccessControlConfig"]
    )
    return Made(made.id, Id=made.id)


def distribution(asked: Asked) -> Made:
    config = asked.properties["DistributionConfig"]
    cached = config["DefaultCacheBehavior"]
    methods = {"Items": cached["AllowedMethods"], "CachedMethods": {"Items": cached["CachedMethods"]}}
    given = {
        **config,
        "CallerReference": asked.name,
        "Origins": {"Items": config["Origins"], "Quantity": len(config["Origins"])},
        "DefaultCacheBehavior": {**cached, "AllowedMethods": methods},
    }
    backend = cloudfront_backends[asked.account]["aws"]
    made, _, _ = backend.create_distribution_with_tags(given, asked.properties["Tags"])
    return Made(made.distribution_id, Id=made.distribution_id, DomainName=made.domain_name)


def text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


register("AWS::S3::Bucket", bucket, "BucketName")
register("AWS::S3::BucketPolicy", bucket_policy)
register("AWS::IAM::OIDCProvider", provider)
register("AWS::IAM::Role", role, "RoleName")
register("AWS::CloudFront::OriginAccessControl", access_control)
register("AWS::CloudFront::Distribution", distribution)
parsing.get_model_list.cache_clear()
parsing.get_model_map.cache_clear()
parsing.get_name_type_map.cache_clear()
