"""What CloudFront demands of distributions and moto lets pass: ETags, disabling before deleting, time to deploy.

Source: CloudFront API reference 2020-05-31, UpdateDistribution and DeleteDistribution.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import unquote

from moto.cloudfront import models
from moto.cloudfront.models import CloudFrontBackend, Distribution, cloudfront_backends
from msgspec.structs import replace

from ccoctl.lab.accounts import ACCOUNT
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.deployments import Deployments

_PATH = re.compile(rb"<Path>([^<]*)</Path>")
_IDENTITY = re.compile(rb"<OriginAccessIdentity>([^<]*)</OriginAccessIdentity>")
_CONTROL = re.compile(rb"<OriginAccessControlId>([^<]*)</OriginAccessControlId>")


class OriginWithControl(models.Origin):
    """An origin that keeps its access control and is known to be a bucket in every partition."""

    def __init__(self, origin: dict[str, Any]) -> None:
        access = origin.get("S3OriginConfig")
        super().__init__({name: value for name, value in origin.items() if name != "S3OriginConfig"})
        self.origin_access_control_id = origin.get("OriginAccessControlId") or ""
        if access is not None:
            self.s3_access_identity = access.get("OriginAccessIdentity") or ""
            self.s3_origin_config = {"OriginAccessIdentity": self.s3_access_identity}


class BehaviourWithTimes(models.DefaultCacheBehaviour):
    """A cache behaviour that keeps apart a time to live of 0 and none."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        given = {name: str(config.get(name) or "") for name in ("MinTTL", "DefaultTTL", "MaxTTL")}
        self.times = {name: int(value) for name, value in given.items() if value.isdecimal()}


def mend() -> None:
    """Let moto keep what it forgets."""
    models.Origin = OriginWithControl  # type: ignore[misc] # the only way in
    models.DefaultCacheBehaviour = BehaviourWithTimes  # type: ignore[misc] # the only way in


def check(asked: Asked, identities: frozenset[str]) -> Answer | None:
    """The refusal of a request that CloudFront would not carry out; None where it would.

    Args:
        asked: the request.
        identities: ids of the origin access identities that are there.
    """
    match asked.operation:
        case "CreateDistribution" | "CreateDistributionWithTags":
            return _check_origins(asked, identities)
        case "UpdateDistribution":
            return _check_etag(asked) or _check_origins(asked, identities)
        case "DeleteDistribution":
            return _check_etag(asked) or _check_deletable(asked)
        case "DeleteOriginAccessControl":
            return _check_control(asked)
        case "CreateOriginAccessControl":
            return _check_control_name(asked)
        case "ListTagsForResource" | "TagResource" | "UntagResource":
            return _check_tagged(asked)
        case _:
            return None


def updated(asked: Asked, answer: Answer, deployments: Deployments) -> Answer:
    """The answer to a successful update, which changes the ETag, too, and has to be deployed."""
    found = _find(asked)
    if found is None:
        return answer
    found.etag = f"E{secrets.token_hex(6).upper()}"
    deployments.begin(found)
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
    body = answer.body.replace(b"<Status>Deployed</Status>", b"<Status>InProgress</Status>")
    return replace(answer, headers={**headers, "ETag": found.etag}, body=body)


def invalidated(asked: Asked) -> tuple[str, ...]:
    """The paths that an invalidation names; a `*` at the end of one stands for everything below."""
    return tuple(unquote(found.decode("utf-8", "replace")) for found in _PATH.findall(asked.body))


def identities_in_use(asked: Asked) -> frozenset[str]:
    """The origin access identities that distributions read through."""
    ids = (_s3_config(origin) for found in _backend(asked).distributions.values() for origin in _origins(found))
    return frozenset(text.rpartition("/")[2] for text in ids if text)


def _backend(asked: Asked) -> CloudFrontBackend:
    backend: CloudFrontBackend = cloudfront_backends[ACCOUNT][asked.partition]
    return backend


def _name(asked: Asked) -> str:
    return asked.path.strip("/").split("/")[2]


def _find(asked: Asked) -> Distribution | None:
    return _backend(asked).distributions.get(_name(asked))


def _check_etag(asked: Asked) -> Answer | None:
    found = _find(asked)
    if found is None:
        return _refuse(asked, 404, "NoSuchDistribution", "The specified distribution does not exist.")
    if "if-match" not in asked.headers:
        return _refuse(asked, 400, "InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
    if asked.headers["if-match"] != found.etag:
        return _refuse(asked, 412, "PreconditionFailed", "The precondition in a request header is false.")
    return None


def _check_deletable(asked: Asked) -> Answer | None:
    found = _find(asked)
    if found is not None and (_enabled(found) or found.status != "Deployed"):
        what = "The distribution you are trying to delete has not been disabled."
        return _refuse(asked, 409, "DistributionNotDisabled", what)
    return None


def _check_origins(asked: Asked, identities: frozenset[str]) -> Answer | None:
    for name in (found.decode().strip().rpartition("/")[2] for found in _IDENTITY.findall(asked.body)):
        if name and name not in identities:
            what = "The specified origin access identity does not exist or is not valid."
            return _refuse(asked, 400, "InvalidOriginAccessIdentity", what)
    controls = _backend(asked).origin_access_controls
    for name in (found.decode().strip() for found in _CONTROL.findall(asked.body)):
        if name and name not in controls:
            what = "The specified origin access control does not exist or is not valid."
            return _refuse(asked, 400, "InvalidOriginAccessControl", what)
    return None


def _check_control(asked: Asked) -> Answer | None:
    name = _name(asked)
    backend = _backend(asked)
    control = backend.origin_access_controls.get(name)
    if control is None:
        return _refuse(asked, 404, "NoSuchOriginAccessControl", "The specified origin access control does not exist.")
    if asked.headers.get("if-match") != control.etag:
        return _refuse(asked, 412, "PreconditionFailed", "The precondition in a request header is false.")
    used = any(_control(origin) == name for found in backend.distributions.values() for origin in _origins(found))
    if used:
        return _refuse(asked, 409, "OriginAccessControlInUse", "The origin access control is still being used.")
    return None


def _check_tagged(asked: Asked) -> Answer | None:
    if any(found.arn == asked.query.get("Resource") for found in _backend(asked).distributions.values()):
        return None
    return _refuse(asked, 404, "NoSuchResource", "The specified resource does not exist.")


def _check_control_name(asked: Asked) -> Answer | None:
    taken = {control.name for control in _backend(asked).origin_access_controls.values()}
    if any(f"<Name>{name}</Name>".encode() in asked.body for name in taken):
        return _refuse(asked, 409, "OriginAccessControlAlreadyExists", "An origin access control has that name.")
    return None


def _enabled(found: Distribution) -> bool:
    return bool(vars(found.distribution_config)["Enabled"])


def _origins(found: Distribution) -> list[Any]:
    origins: list[Any] = vars(found.distribution_config)["Origins"]["Items"]
    return origins


def _s3_config(origin: Any) -> str:
    access = getattr(origin, "s3_access_identity", "") or ""
    return str(access)


def _control(origin: Any) -> str:
    return str(getattr(origin, "origin_access_control_id", "") or "")


def _refuse(asked: Asked, status: int, code: str, message: str) -> Answer:
    return refusal("cloudfront", asked.method, status, code, message)
