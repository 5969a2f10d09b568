"""A set-up as a CloudFormation template, and a script for the documents, which a template cannot hold.

Source: CloudFormation template reference of AWS::S3, AWS::IAM and AWS::CloudFront; user guide, "Fn::Sub" and "Import
AWS resources into a CloudFormation stack". IAM's condition keys begin with the issuer's host: where the stack makes it,
the trust policy is a text with the host filled in, because keys of a template are no functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ccoctl.aws.calls import tag_list
from ccoctl.aws.export_cloudformation_functions import refuse_functions
from ccoctl.aws.export_cloudformation_import import (
    ACCESS,
    BUCKET,
    BUCKET_POLICY,
    DISTRIBUTION,
    IMPORT_RESOURCES,
    IMPORT_TEMPLATE,
    PROVIDER,
    Resources,
    identifiers,
    import_files,
)
from ccoctl.aws.export_names import logical_ids
from ccoctl.aws.export_publish import DOCUMENTS, publishing
from ccoctl.aws.export_whole import Export, ExportFile, Site, Whole, check_shared
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import OriginAccess, PublicAccess, Role
from ccoctl.aws.steps import cloudfront
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import JsonText, Output, Template, json_text, outputs, resolve, text

MAIN = "template.json"
INLINE_LIMIT = 51_200
"""Bytes of a template that is sent with a request; a larger one, of up to 1 MB, goes through a bucket."""

_OUTPUTS = {
    "CloudFrontOriginAccessIdentity.Id": f"{ACCESS[OriginAccess.OAI]}.Id",
    "OriginAccessControl.Id": f"{ACCESS[OriginAccess.OAC]}.Id",
    "Distribution.DomainName": f"{DISTRIBUTION}.DomainName",
    "Distribution.ARN": DISTRIBUTION,
}
"""Where in the stack is what an answer has at a path."""


def template(whole: Whole) -> Export:
    """The template, with the documents and their script beside it, and what imports the resources that are there.

    Raises:
        ConflictError: what several clusters share is not there yet.
        Problems: CloudFormation would work something out in the text of a stranger.
    """
    check_shared(whole)
    ids = logical_ids(whole.roles)
    resources = {**_site(whole), **_identities(whole, ids)}
    refuse_functions(resources)
    there = dict(identifiers(whole, ids))
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Issuer, identity provider and IAM roles of {whole.settings.name}",
        "Metadata": {"ccoctl": _metadata(whole, there)},
        "Resources": resources,
        "Outputs": _outputs(whole, ids),
    }
    main = ExportFile(path=PurePosixPath(MAIN), text=json_text(body, indent=2) + "\n")
    return Export(
        main=main,
        beside=(*import_files(resources, there), *publishing(whole)),
        notes=tuple(_notes(whole, main.text, there)),
    )


def _metadata(whole: Whole, there: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "Name": whole.settings.name,
        "Account": whole.found.id,
        "Documents": f"No resource of CloudFormation holds the documents of the issuer: {_who_publishes(whole)}",
        "AlreadyThere": sorted(there),
    }


def _who_publishes(whole: Whole) -> str:
    if whole.settings.issuer_url:
        return f"serve the files below {DOCUMENTS} at {whole.settings.issuer_url}."
    return "run publish.sh, which stands beside the template, with the stack's name, once the stack is there."


def _notes(whole: Whole, main: str, there: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield "the stack needs --capabilities CAPABILITY_NAMED_IAM, since its roles have names"
    yield f"the issuer's documents are no resources of CloudFormation: {_who_publishes(whole)}"
    if there:
        yield (
            f"{len(there)} of the resources are there already; a stack that does not hold them yet has to import them "
            f"first ({IMPORT_TEMPLATE} and {IMPORT_RESOURCES}, change set of type IMPORT)"
        )
    if DISTRIBUTION in there:
        yield "a stack that takes the distribution over makes it what the template says, whatever was changed in it"
    if len(main.encode()) > INLINE_LIMIT:
        yield f"the template has more than {INLINE_LIMIT:,} bytes: upload it to a bucket (--template-url, --s3-bucket)"


# Values


def _place(output: Output) -> str:
    """What Fn::Sub puts in for an Output."""
    if output.path == "Distribution.ARN":
        return "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${" + DISTRIBUTION + "}"
    return "${" + _OUTPUTS[output.path] + "}"


def _late(value: str | Output | Template) -> object:
    """A text, with what only the stack knows as functions."""
    if not outputs(value):
        return value
    parts = value.parts if isinstance(value, Template) else (value,)
    return {"Fn::Sub": "".join(_place(part) if isinstance(part, Output) else _literal(part) for part in parts)}


def _literal(part: str) -> str:
    return part.replace("${", "${!")


def _document(policy: Policy) -> object:
    """A policy as it is, or as a text where something in it is known to the stack alone."""
    if not outputs(policy.document):
        return policy.document
    held = resolve(JsonText(_escaped(policy.document)), _place)
    return {"Fn::Sub": str(held)}


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return _literal(value)
        case Mapping():
            return {_escaped(key): _escaped(item) for key, item in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case Template(parts):
            return text(*(_escaped(part) for part in parts))
        case _:
            return value


# Resources


def _site(whole: Whole) -> Resources:
    site = whole.site
    if site is None:
        return {}
    access = site.bucket.public_access
    blocked = access if isinstance(access, PublicAccess) else PublicAccess(block_policies=True)
    made: Resources = {
        BUCKET: {
            "Type": "AWS::S3::Bucket",
            # it cannot be deleted with the documents in it, and with them every component would lose its access
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketName": site.bucket.name,
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": blocked.block_acls,
                    "IgnorePublicAcls": blocked.block_acls,
                    "BlockPublicPolicy": blocked.block_policies,
                    "RestrictPublicBuckets": blocked.block_policies,
                },
                "Tags": tag_list(site.bucket.tags),
            },
        }
    }
    if isinstance(site.bucket.policy, Policy):
        made[BUCKET_POLICY] = {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": BUCKET}, "PolicyDocument": _document(site.bucket.policy)},
        }
    return {**made, **_front(whole, site)}


def _front(whole: Whole, site: Site) -> Resources:
    if site.access is None or site.distribution is None:
        return {}
    kind, name = site.access.kind, ACCESS[site.access.kind]
    comment = site.distribution.comment
    if kind is OriginAccess.OAI:
        properties: dict[str, Any] = {"CloudFrontOriginAccessIdentityConfig": {"Comment": comment}}
    else:
        properties = {
            "OriginAccessControlConfig": {
                "Name": site.bucket.name,
                "Description": comment,
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        }
    kind_of = "CloudFrontOriginAccessIdentity" if kind is OriginAccess.OAI else name
    tags = site.distribution.tags if isinstance(site.distribution.tags, Mapping) else {}
    return {
        name: {"Type": f"AWS::CloudFront::{kind_of}", "Properties": properties},
        DISTRIBUTION: {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {"DistributionConfig": _config(whole, site), "Tags": tag_list(tags)},
        },
    }


def _config(whole: Whole, site: Site) -> dict[str, Any]:
    """The configuration of the create call in the words of CloudFormation, which counts nothing."""
    if site.access is None or site.distribution is None:
        return {}
    config: Any = cloudfront.config(whole.settings.site, site.distribution, site.access)
    origin, cached = config["Origins"]["Items"][0], config["DefaultCacheBehavior"]
    named = _late(origin["S3OriginConfig"]["OriginAccessIdentity"])
    made = {name: origin[name] for name in ("Id", "DomainName", "ConnectionAttempts", "ConnectionTimeout")}
    made["S3OriginConfig"] = {"OriginAccessIdentity": named}
    if "OriginAccessControlId" in origin:
        made["OriginAccessControlId"] = _late(origin["OriginAccessControlId"])
    behaviour = {name: cached[name] for name in ("TargetOriginId", "ViewerProtocolPolicy", "Compress", "CachePolicyId")}
    return {
        "Comment": config["Comment"],
        "Enabled": config["Enabled"],
        "PriceClass": config["PriceClass"],
        "Origins": [made],
        "DefaultCacheBehavior": {
            **behaviour,
            "AllowedMethods": cached["AllowedMethods"]["Items"],
            "CachedMethods": cached["AllowedMethods"]["CachedMethods"]["Items"],
        },
        "ViewerCertificate": config["ViewerCertificate"],
    }


def _identities(whole: Whole, ids: Mapping[SecretRef, str]) -> Resources:
    provider: dict[str, Any] = {
        "Type": "AWS::IAM::OIDCProvider",
        "Properties": {
            "Url": _late(whole.provider.url),
            "ClientIdList": sorted(whole.provider.audiences),
            "Tags": tag_list(whole.provider.tags),
        },
    }
    if whole.site is not None and not outputs(whole.provider.url):
        # IAM looks at the certificate of the issuer's host
        provider["DependsOn"] = BUCKET_POLICY if whole.site.distribution is None else DISTRIBUTION
    roles = {ids[secret]: {**_role(role), "DependsOn": PROVIDER} for secret, role in whole.roles.items()}
    return {PROVIDER: provider, **roles}


def _role(role: Role) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "RoleName": role.name,
        "Description": role.description,
        "AssumeRolePolicyDocument": _document(role.trust),
        "Tags": tag_list(role.tags),
    }
    if isinstance(role.permissions, Policy):
        properties["Policies"] = [{"PolicyName": role.name, "PolicyDocument": role.permissions.document}]
    if isinstance(role.path, str) and role.path != "/":
        properties["Path"] = role.path
    if isinstance(role.boundary, str) and role.boundary:
        properties["PermissionsBoundary"] = role.boundary
    if isinstance(role.max_session_duration, int):
        properties["MaxSessionDuration"] = role.max_session_duration
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _outputs(whole: Whole, ids: Mapping[SecretRef, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Issuer": {"Description": "What the cluster's tokens say", "Value": _late(whole.issuer.url)},
        "IdentityProviderArn": {"Value": {"Ref": PROVIDER}},
    }
    for secret, name in ids.items():
        made[f"{name}Arn"] = {"Description": f"The role of {secret}", "Value": {"Fn::GetAtt": [name, "Arn"]}}
    return made


__all__ = ["MAIN", "template"]
