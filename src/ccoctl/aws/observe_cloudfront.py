"""What there is in CloudFront: the distribution in front of the bucket and the identity it reads with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ccoctl.aws import cloudfront_calls as front
from ccoctl.aws import names
from ccoctl.aws.desired import Settings
from ccoctl.aws.parse import tags_of
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import AccessIdentity, Distribution, OriginAccess
from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pages import Pages


def find_distribution(asked: Reader, settings: Settings) -> Distribution | Unseen | None:
    """Our distribution, by its comment; Unseen where the caller may not list them."""
    comment = names.comment(settings.site)
    entries = _listed(asked, front.list_distributions, "DistributionList")
    if isinstance(entries, Unseen):
        return entries
    entry = next((entry for entry in entries if entry.get("Comment") == comment), None)
    if entry is None:
        return None
    answer = asked.find(front.get_distribution(entry["Id"]))
    if answer is None:
        return None
    tags = asked.see(front.list_distribution_tags(str(at_path(answer, "Distribution.ARN"))))
    return _distribution(answer, tags, comment)


def _distribution(answer: Answer, tags: Answer | Unseen | None, comment: str) -> Distribution:
    config = at_path(answer, "Distribution.DistributionConfig")
    config = config if isinstance(config, Mapping) else {}
    origins = at_path(config, "Origins.Items")
    origin: Mapping[str, Any] = origins[0] if isinstance(origins, list) and origins else {}
    return Distribution(
        comment=comment,
        origin=str(origin.get("DomainName", "")),
        enabled=bool(config.get("Enabled")),
        tags=tags if isinstance(tags, Unseen) else tags_of(at_path(tags or {}, "Tags"), "Items"),
        id=str(at_path(answer, "Distribution.Id")),
        arn=str(at_path(answer, "Distribution.ARN")),
        domain_name=str(at_path(answer, "Distribution.DomainName")),
        status=str(at_path(answer, "Distribution.Status")),
        etag=str(answer.get("ETag", "")),
        access=OriginAccess.OAC if origin.get("OriginAccessControlId") else OriginAccess.OAI,
        config=config,
    )


def access_identities(asked: Reader, settings: Settings) -> tuple[AccessIdentity, ...]:
    """Our origin access identities by comment and controls by name, with the ETags that deleting them takes."""
    found: list[AccessIdentity] = []
    identities = _listed(asked, front.list_access_identities, "CloudFrontOriginAccessIdentityList")
    if not isinstance(identities, Unseen):
        comment = names.comment(settings.site)
        ids = [entry["Id"] for entry in identities if entry.get("Comment") == comment]
        found += [_with_etag(asked, OriginAccess.OAI, item, front.get_access_identity(item)) for item in ids]
    controls = _listed(asked, front.list_access_controls, "OriginAccessControlList")
    if not isinstance(controls, Unseen):
        ids = [entry["Id"] for entry in controls if _is_our_control(entry, settings)]
        found += [_with_etag(asked, OriginAccess.OAC, item, front.get_access_control(item)) for item in ids]
    return tuple(found)


def _is_our_control(entry: Mapping[str, Any], settings: Settings) -> bool:
    return entry.get("Name") == settings.bucket and entry.get("Description") == names.comment(settings.site)


def _with_etag(asked: Reader, kind: OriginAccess, identity: str, call: Call) -> AccessIdentity:
    answer = asked.see(call)
    etag = str(answer.get("ETag", "")) if isinstance(answer, Mapping) else ""
    return AccessIdentity(kind=kind, id=identity, etag=etag)


def _listed(asked: Reader, page: Callable[[str], Call], member: str) -> list[Mapping[str, Any]] | Unseen:
    return asked.see_all(page, Pages(f"{member}.Items", f"{member}.NextMarker", f"{member}.NextMarker"))
