"""What a CloudFormation stack needs to take over resources that are there already.

Source: CloudFormation user guide, "Import AWS resources into a CloudFormation stack": a change set of type IMPORT takes
a template in which every resource has a DeletionPolicy, changes nothing else, and is told what identifies each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ccoctl.aws.export_whole import ExportFile, Whole
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import OriginAccess
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import json_text

IMPORT_TEMPLATE = "import-template.json"
IMPORT_RESOURCES = "import-resources.json"

BUCKET, BUCKET_POLICY, PROVIDER, DISTRIBUTION = "Bucket", "BucketPolicy", "IdentityProvider", "Distribution"
ACCESS = {OriginAccess.OAI: "OriginAccessIdentity", OriginAccess.OAC: "OriginAccessControl"}
"""Logical ids; those of roles follow from their Secrets."""

Resources = dict[str, dict[str, Any]]
"""By logical id."""


def identifiers(whole: Whole, ids: Mapping[SecretRef, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The logical ids of what is there, each with what identifies it for an import."""
    found, site = whole.found, whole.site
    if site is not None and found.bucket is not None:
        yield BUCKET, {"BucketName": site.bucket.name}
        if isinstance(found.bucket.policy, Policy):
            yield BUCKET_POLICY, {"Bucket": site.bucket.name}
    if site is not None and site.access is not None and isinstance(site.access.id, str):
        yield ACCESS[site.access.kind], {"Id": site.access.id}
    if site is not None and found.distribution is not None:
        yield DISTRIBUTION, {"Id": found.distribution.id}
    if whole.found_provider is not None:
        yield PROVIDER, {"Arn": str(whole.found_provider.arn)}
    for secret, role in whole.roles.items():
        if role.name in found.roles:
            yield ids[secret], {"RoleName": role.name}


def import_files(resources: Resources, there: Mapping[str, Mapping[str, str]]) -> Iterator[ExportFile]:
    """What a change set of type IMPORT takes: a template of what is there alone, each thing retained."""
    if not there:
        return
    missing = resources.keys() - there.keys()
    kept = {
        name: {**resources[name], "DeletionPolicy": "Retain"} for name in there if not _needs(resources[name], missing)
    }
    for resource in kept.values():
        if resource.get("DependsOn") not in {None, *there}:
            del resource["DependsOn"]
    body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": kept}
    listed = [
        {"ResourceType": kept[name]["Type"], "LogicalResourceId": name, "ResourceIdentifier": identifier}
        for name, identifier in there.items()
        if name in kept
    ]
    yield ExportFile(path=PurePosixPath(IMPORT_TEMPLATE), text=_text(body))
    yield ExportFile(path=PurePosixPath(IMPORT_RESOURCES), text=_text(listed))


def _needs(resource: Mapping[str, Any], missing: Iterable[str]) -> bool:
    """True when a property refers to something that is not there: such a thing is taken over later, by an update."""
    text = json_text(resource["Properties"])
    return any(f"${{{name}" in text or f'"Ref":"{name}"' in text for name in missing)


def _text(value: object) -> str:
    return json_text(value, indent=2) + "\n"
