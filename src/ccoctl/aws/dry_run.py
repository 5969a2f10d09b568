"""A plan as the files of the Go tool's dry run, and the ones that it forgets.

Each file can be given to the AWS CLI as `--cli-input-json`, but for the two documents, which are published as they are.
Source: the file names in create_identity_provider.go and create-iam-roles.go of the cloud-credential-operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ccoctl.aws import names
from ccoctl.aws.manifests import LONGEST_FILE_NAME
from ccoctl.aws.resources import Role
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import Call, json_text, with_placeholders
from ccoctl.engine.plan import Plan, Step, WriteFile
from ccoctl.errors import Problem, Problems
from ccoctl.signing import discovery


class DryFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a dry run writes."""

    path: PurePosixPath
    text: str
    step: str
    """The id of the step that it renders; empty for the script, which renders all of them."""
    mode: int = 0o644


TAGS_SUFFIX = "-tags.json"
"""What ends the file of tags that the Go tool leaves out of the request: the script gives both to one command."""

_FILES = {
    "bucket/create": "01-oidc-bucket.json",
    "bucket/tags": "01-oidc-bucket-tags.json",
    f"object/{discovery.PATH}/put": "02-openid-configuration",
    f"object/{discovery.KEYS}/put": "03-keys.json",
    "provider/create": "04-iam-identity-provider.json",
    "identity/create": "05-cloudfront-origin-access-identity.json",
    "control/create": "05-cloudfront-origin-access-control.json",
    "distribution/create": "08-cloudfront-distribution.json",
}
_PUBLIC_FILES = {
    "bucket/public-access": "01-oidc-bucket-public-access-block.json",
    "bucket/policy": "01-oidc-bucket-policy.json",
}
_PRIVATE_FILES = {
    "bucket/public-access": "07-block-public-access-to-oidc-bucket.json",
    "bucket/policy": "06-put-bucket-policy-to-allow-origin-access-identity.json",
}


def file_names(name: str, roles: Mapping[SecretRef, Role], *, private: bool) -> dict[str, str]:
    """The file's name for each step that a dry run writes down, by step id."""
    by_role: dict[str, str] = {}
    for number, (secret, role) in enumerate(roles.items()):
        full = names.dry_run_name(name, secret)
        by_role[f"role/{role.name}/create"] = f"05-{number}-{full}-role.json"
        by_role[f"role/{role.name}/policy"] = f"06-{number}-{full}-policy.json"
    return {**_FILES, **(_PRIVATE_FILES if private else _PUBLIC_FILES), **by_role}


def dry_run_files(plan: Plan, file_of: Mapping[str, str]) -> tuple[DryFile, ...]:
    """Every file of a dry run but the script, in the plan's order.

    Raises:
        Problems: a name is longer than a file's can be; the Go tool cuts no names here.
    """
    files = tuple(file for step in plan.steps for file in _files(step, file_of))
    if long := [file.path.name for file in files if len(file.path.name) > LONGEST_FILE_NAME]:
        what = f"no file has a name of more than {LONGEST_FILE_NAME} characters; choose a shorter --name, or create"
        raise Problems(tuple(Problem(f"{name[:60]}...", what) for name in long))
    return files


def _files(step: Step, file_of: Mapping[str, str]) -> tuple[DryFile, ...]:
    if isinstance(step.work, WriteFile):
        return (DryFile(path=step.work.path, text=str(with_placeholders(step.work.content)), step=step.id),)
    name = file_of.get(step.id)
    if name is None or not isinstance(step.work, Call):
        return ()
    parameters = with_placeholders(step.work.parameters)
    if not isinstance(parameters, dict):
        return ()
    if step.work.operation == "PutObject":
        return (DryFile(path=PurePosixPath(name), text=f"{parameters['Body']}\n", step=step.id),)
    shown, tags = _split_tags(step.work.operation, parameters)
    files = [DryFile(path=PurePosixPath(name), text=_json(shown), step=step.id)]
    if tags is not None:
        path = PurePosixPath(name.removesuffix(".json") + TAGS_SUFFIX)
        files.append(DryFile(path=path, text=_json(tags), step=step.id))
    return tuple(files)


def _split_tags(operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], object]:
    """The parameters as the Go tool writes them, and the tags that it does not write down."""
    match operation:
        case "CreateOpenIDConnectProvider":
            return {key: value for key, value in parameters.items() if key != "Tags"}, parameters["Tags"]
        case "CreateDistributionWithTags":
            request = parameters["DistributionConfigWithTags"]
            tags = request["Tags"]
            named = {"Items": _only_name(tags["Items"])}
            return {"DistributionConfigWithTags": {**request, "Tags": named}}, tags
        case _:
            return parameters, None


def _only_name(tags: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return [tag for tag in tags if tag["Key"] == "Name"]


def _json(value: object) -> str:
    return json_text(value, indent=2) + "\n"
