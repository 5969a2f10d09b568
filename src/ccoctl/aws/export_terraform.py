"""A set-up as Terraform's JSON, with import blocks for what is there already.

Source: Terraform language, "import block"; the arguments are those of the resources' pages of the provider
hashicorp/aws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ccoctl.aws.export_names import labels
from ccoctl.aws.export_publish import DOCUMENTS, documents
from ccoctl.aws.export_terraform_values import ACCESS, ISSUER, PROVIDER, imports_of, literal, value
from ccoctl.aws.export_whole import Export, ExportFile, Site, Whole, check_shared
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Document, OriginAccess, PublicAccess, Role
from ccoctl.aws.steps import cloudfront
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import JsonText, json_text, outputs, with_placeholders
from ccoctl.signing import discovery

MAIN = "main.tf.json"
TERRAFORM_VERSION = ">= 1.5"
"""The first that knows import blocks."""
PROVIDER_VERSION = ">= 5.81"
"""The first that does not ask for a provider's thumbprints, which AWS does not look at for S3 and CloudFront."""

Resources = dict[str, dict[str, dict[str, Any]]]
"""By type and label."""


def terraform(whole: Whole) -> Export:
    """The configuration; it is one file, and holds the documents unless somebody else serves them."""
    check_shared(whole)
    names = labels(whole.roles)
    imports = list(imports_of(whole, names))
    body: dict[str, Any] = {
        "//": "Written by `ccoctl aws export`; it describes everything, so export it again rather than change it.",
        "terraform": {
            "required_version": TERRAFORM_VERSION,
            "required_providers": {"aws": {"source": "hashicorp/aws", "version": PROVIDER_VERSION}},
        },
        "provider": {"aws": {"region": whole.settings.region, "allowed_account_ids": [whole.found.id]}},
        "resource": {**_site(whole), **_provider(whole), **_roles(whole, names)},
        **({"import": imports} if imports else {}),
        "output": _outputs(whole, names),
    }
    notes = [f"{len(imports)} resources are there already and will be imported"] if imports else []
    if whole.found.distribution is not None and whole.site is not None:
        notes.append("the distribution that is there is imported and then left as it is")
    beside: tuple[ExportFile, ...] = ()
    if whole.settings.issuer_url:
        beside = tuple(documents(whole))
        notes.append(f"serve the files below {DOCUMENTS} at {whole.settings.issuer_url}")
    main = ExportFile(path=PurePosixPath(MAIN), text=json_text(body, indent=2) + "\n")
    return Export(main=main, beside=beside, notes=tuple(notes), ending=".tf.json")


def _policy(policy: Policy) -> str:
    return str(value(policy.text))


def _site(whole: Whole) -> Resources:
    site = whole.site
    if site is None:
        return {} if whole.settings.issuer_url else {"aws_s3_object": _objects(whole, ())}
    bucket = {"bucket": f"${{aws_s3_bucket.{ISSUER}.id}}"}
    access = site.bucket.public_access
    blocked = access if isinstance(access, PublicAccess) else PublicAccess(block_policies=True)
    made: Resources = {
        "aws_s3_bucket": {ISSUER: {"bucket": literal(site.bucket.name), "tags": literal(site.bucket.tags)}},
        "aws_s3_bucket_public_access_block": {
            ISSUER: {
                **bucket,
                "block_public_acls": blocked.block_acls,
                "ignore_public_acls": blocked.block_acls,
                "block_public_policy": blocked.block_policies,
                "restrict_public_buckets": blocked.block_policies,
            }
        },
    }
    if isinstance(site.bucket.policy, Policy):
        made["aws_s3_bucket_policy"] = {
            ISSUER: {
                **bucket,
                "policy": _policy(site.bucket.policy),
                "depends_on": [f"aws_s3_bucket_public_access_block.{ISSUER}"],
            }
        }
    return {**made, **_front(whole, site), "aws_s3_object": _objects(whole, (f"aws_s3_bucket.{ISSUER}",))}


def _objects(whole: Whole, after: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    named = {discovery.PATH: "openid_configuration", discovery.KEYS: "keys"}
    return {named[document.key]: _object(whole, document, after) for document in whole.documents}


def _object(whole: Whole, document: Document, after: tuple[str, ...]) -> dict[str, Any]:
    content = JsonText(document.body or {}, indent=4)
    made: dict[str, Any] = {
        "bucket": literal(whole.settings.bucket),
        "key": literal(document.object_key),
        "content": value(content),
        "content_type": document.content_type,
        "cache_control": document.cache_control,
        "tags": literal(document.tags),
    }
    if document.key == discovery.KEYS:
        # keys are added and retired by the rotation, and one that is dropped cuts off every token of it
        made["lifecycle"] = {"ignore_changes": ["content", "etag"]}
    elif not outputs(content):
        made["etag"] = hashlib.md5(str(with_placeholders(content)).encode(), usedforsecurity=False).hexdigest()
    if after:
        made["depends_on"] = list(after)
    return made


def _front(whole: Whole, site: Site) -> Resources:
    if site.access is None or site.distribution is None:
        return {}
    comment = literal(site.distribution.comment)
    access: dict[str, Any] = {"comment": comment}
    if site.access.kind is OriginAccess.OAC:
        access = {
            "name": literal(site.bucket.name),
            "description": comment,
            "origin_access_control_origin_type": "s3",
            "signing_behavior": "always",
            "signing_protocol": "sigv4",
        }
    return {
        ACCESS[site.access.kind]: {ISSUER: access},
        "aws_cloudfront_distribution": {ISSUER: _distribution(whole, site)},
    }


def _distribution(whole: Whole, site: Site) -> dict[str, Any]:
    """The configuration of the create call in the words of the provider."""
    if site.access is None or site.distribution is None:
        return {}
    config: Any = cloudfront.config(whole.settings.site, site.distribution, site.access)
    origin, cached = config["Origins"]["Items"][0], config["DefaultCacheBehavior"]
    made: dict[str, Any] = {
        "origin_id": literal(origin["Id"]),
        "domain_name": literal(origin["DomainName"]),
        "connection_attempts": origin["ConnectionAttempts"],
        "connection_timeout": origin["ConnectionTimeout"],
    }
    if "OriginAccessControlId" in origin:
        made["origin_access_control_id"] = value(origin["OriginAccessControlId"])
    else:
        named = origin["S3OriginConfig"]["OriginAccessIdentity"]
        made["s3_origin_config"] = {"origin_access_identity": value(named)}
    described = {
        "comment": literal(config["Comment"]),
        "enabled": config["Enabled"],
        "price_class": config["PriceClass"],
        "origin": made,
        "default_cache_behavior": {
            "target_origin_id": literal(cached["TargetOriginId"]),
            "viewer_protocol_policy": cached["ViewerProtocolPolicy"],
            "allowed_methods": cached["AllowedMethods"]["Items"],
            "cached_methods": cached["AllowedMethods"]["CachedMethods"]["Items"],
            "cache_policy_id": cached["CachePolicyId"],
            "compress": cached["Compress"],
        },
        "restrictions": {"geo_restriction": {"restriction_type": "none"}},
        "viewer_certificate": {"cloudfront_default_certificate": True},
        "tags": literal(site.distribution.tags),
    }
    if whole.found.distribution is not None:
        # what its owner has changed in it is nobody's wish here, and would be undone
        described["lifecycle"] = {"ignore_changes": "all"}
    return described


def _provider(whole: Whole) -> Resources:
    made: dict[str, Any] = {
        "url": value(whole.provider.url),
        "client_id_list": literal(sorted(whole.provider.audiences)),
        "tags": literal(whole.provider.tags),
    }
    if whole.site is not None:
        # IAM looks at the certificate of the issuer's host
        first = "aws_s3_bucket_policy" if whole.site.distribution is None else "aws_cloudfront_distribution"
        made["depends_on"] = [f"{first}.{ISSUER}"]
    return {"aws_iam_openid_connect_provider": {ISSUER: made}}


def _roles(whole: Whole, names: Mapping[SecretRef, str]) -> Resources:
    roles = {names[secret]: _role(role) for secret, role in whole.roles.items()}
    policies = {
        names[secret]: {
            "name": literal(role.name),
            "role": f"${{aws_iam_role.{names[secret]}.name}}",
            "policy": _policy(role.permissions),
        }
        for secret, role in whole.roles.items()
        if isinstance(role.permissions, Policy)
    }
    return {"aws_iam_role": roles, "aws_iam_role_policy": policies} if roles else {}


def _role(role: Role) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": literal(role.name),
        "description": literal(role.description),
        "assume_role_policy": _policy(role.trust),
        "tags": literal(role.tags),
        "depends_on": [PROVIDER],
    }
    if isinstance(role.path, str) and role.path != "/":
        made["path"] = literal(role.path)
    if isinstance(role.boundary, str) and role.boundary:
        made["permissions_boundary"] = literal(role.boundary)
    if isinstance(role.max_session_duration, int):
        made["max_session_duration"] = role.max_session_duration
    return made


def _outputs(whole: Whole, names: Mapping[SecretRef, str]) -> dict[str, Any]:
    roles = {literal(str(secret)): f"${{aws_iam_role.{name}.arn}}" for secret, name in names.items()}
    return {
        "issuer": {"value": value(whole.issuer.url)},
        "identity_provider_arn": {"value": f"${{{PROVIDER}.arn}}"},
        "role_arns": {"value": roles},
    }


__all__ = ["MAIN", "terraform"]
