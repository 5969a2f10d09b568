"""Texts and references as Terraform's JSON writes them, and import blocks for what is there already.

Source: Terraform language, "JSON configuration syntax": strings are templates, so `${` and `%{` are written doubled;
the pages of the resources say what an import takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ccoctl.aws.export_whole import Site, Whole
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import OriginAccess, PublicAccess
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import JsonText, Output, resolve
from ccoctl.signing import discovery

ISSUER = "issuer"
"""The label of whatever there is one of."""
ACCESS = {
    OriginAccess.OAI: "aws_cloudfront_origin_access_identity",
    OriginAccess.OAC: "aws_cloudfront_origin_access_control",
}
PROVIDER = f"aws_iam_openid_connect_provider.{ISSUER}"
_OUTPUTS = {
    "CloudFrontOriginAccessIdentity.Id": f"{ACCESS[OriginAccess.OAI]}.{ISSUER}.id",
    "OriginAccessControl.Id": f"{ACCESS[OriginAccess.OAC]}.{ISSUER}.id",
    "Distribution.DomainName": f"aws_cloudfront_distribution.{ISSUER}.domain_name",
    "Distribution.ARN": f"aws_cloudfront_distribution.{ISSUER}.arn",
}
"""The reference to what an answer has at a path."""


def literal(given: Any) -> Any:
    """A value whose texts Terraform takes as they are; Outputs in it stay."""
    match given:
        case str():
            return given.replace("${", "$${").replace("%{", "%%{")
        case Mapping():
            return {literal(key): literal(item) for key, item in given.items()}
        case list() | tuple():
            return [literal(item) for item in given]
        case JsonText(document, indent):
            return JsonText(literal(document), indent)
        case _:
            parts = getattr(given, "parts", None)
            return type(given)(tuple(literal(part) for part in parts)) if parts is not None else given


def value(given: object) -> Any:
    """A value with its Outputs as references."""
    return resolve(literal(given), lambda output: f"${{{_OUTPUTS[output.path]}}}")


def imports_of(whole: Whole, names: Mapping[SecretRef, str]) -> Iterator[dict[str, str]]:
    """Import blocks: Terraform takes over what is there instead of making it."""
    found, bucket = whole.found, whole.settings.bucket
    if whole.site is not None:
        yield from _site_imports(whole, whole.site)
    for label, key in (("openid_configuration", discovery.PATH), ("keys", discovery.KEYS)):
        if key in found.documents and not whole.settings.issuer_url:
            yield _import(f"aws_s3_object.{label}", f"{bucket}/{found.documents[key].object_key}")
    if whole.found_provider is not None:
        yield _import(PROVIDER, str(whole.found_provider.arn))
    for secret, role in whole.roles.items():
        if (there := found.roles.get(role.name)) is not None:
            yield _import(f"aws_iam_role.{names[secret]}", role.name)
            if isinstance(there.permissions, Policy):
                yield _import(f"aws_iam_role_policy.{names[secret]}", f"{role.name}:{role.name}")


def _site_imports(whole: Whole, site: Site) -> Iterator[dict[str, str]]:
    found, bucket = whole.found, whole.settings.bucket
    if found.bucket is not None:
        yield _import(f"aws_s3_bucket.{ISSUER}", bucket)
        if isinstance(found.bucket.public_access, PublicAccess):
            yield _import(f"aws_s3_bucket_public_access_block.{ISSUER}", bucket)
        if isinstance(found.bucket.policy, Policy):
            yield _import(f"aws_s3_bucket_policy.{ISSUER}", bucket)
    if site.access is not None and not isinstance(site.access.id, Output):
        yield _import(f"{ACCESS[site.access.kind]}.{ISSUER}", site.access.id)
    if found.distribution is not None:
        yield _import(f"aws_cloudfront_distribution.{ISSUER}", found.distribution.id)


def _import(to: str, identifier: str) -> dict[str, str]:
    return {"to": to, "id": literal(identifier)}
