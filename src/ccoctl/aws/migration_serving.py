"""What serves the two issuers: documents in their places, the distribution's origin path, who may read the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ccoctl.aws import calls, desired, names
from ccoctl.aws import cloudfront_calls as front
from ccoctl.aws.migration import FOLDER, ORIGIN_PATH, Side, Situation
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Distribution, Document
from ccoctl.aws.steps import cloudfront
from ccoctl.aws.steps.cloudfront import Access
from ccoctl.aws.steps.common import Resource, Steps, ownership_conflict, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.aws.steps.documents import document_steps
from ccoctl.engine.call import Output, Value
from ccoctl.engine.plan import Action, Address, After, FieldChange
from ccoctl.errors import Problem, SigningKeyError
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwks import Jwks


def behind(steps: Steps, *more: After) -> Steps:
    """The same steps, each of them after others."""
    return replace(steps, steps=tuple(replace(step, after=(*step.after, *more)) for step in steps.steps))


def key_set(situation: Situation) -> tuple[Jwks, Mapping[str, Any], Steps]:
    """Every key that is published for either issuer, as a set and as a document: none is ever dropped."""
    account, bucket = situation.found.account, situation.settings.bucket
    there = account.documents.get(discovery.KEYS)
    if there is None:
        what = "there is no JWKS to serve for the other issuer; publish it with `ccoctl aws create-all` first"
        return Jwks(), {}, Steps(conflicts=(Problem(f"object {bucket}/{discovery.KEYS}", what),))
    moved = situation.found.moved.get(discovery.KEYS)
    try:
        root = jwks.parse(there.raw, where=f"object {bucket}/{discovery.KEYS}")
        other = jwks.parse(moved.raw, where=f"object {bucket}/{moved.object_key}") if moved is not None else Jwks()
        union = root
        for key in other.keys:
            union = union if key in union.keys else jwks.with_key(union, key)
    except SigningKeyError as error:
        return Jwks(), {}, Steps(conflicts=(Problem(error.where or f"bucket {bucket}", error.what),))
    return union, (there.body or {}) if union == root else jwks.document(union), Steps()


def moved_documents(situation: Situation, body: Mapping[str, Any]) -> Steps:
    """The private issuer's documents in the folder, as far as they are not there."""
    wanted = desired.documents(situation.settings, situation.issuer(Side.PRIVATE), body)
    in_folder = tuple(replace(document, folder=FOLDER) for document in wanted)
    return _published(situation, in_folder, situation.found.moved, FOLDER)


def root_documents(situation: Situation, side: Side, body: Mapping[str, Any]) -> Steps:
    """One issuer's documents at the root of the bucket, as far as they are not there."""
    there = situation.found.account.documents
    wanted = desired.documents(situation.settings, situation.issuer(side), body)
    if situation.root is side:
        wanted = tuple(document for document in wanted if document.key != discovery.PATH)
    return _published(situation, wanted, there, "root")


def _published(situation: Situation, wanted: Iterable[Document], there: Mapping[str, Document], place: str) -> Steps:
    needed = tuple(item for item in wanted if (old := there.get(item.key)) is None or old.body != item.body)
    published = []
    for document in needed:
        address = Address("object", f"{situation.settings.bucket}/{document.object_key}")
        steps = document_steps(situation.settings.bucket, (document,), there)
        # the same document may be published in two places by one plan
        placed = tuple(replace(step, id=f"{place}/{step.id}", address=address) for step in steps.steps)
        published.append(replace(steps, steps=placed))
    return together(*published)


def unchanged(situation: Situation, body: Mapping[str, Any], side: Side) -> Steps:
    """A last look at the keys that were copied: a rotation that began before us may have published another one since.

    It reads once more after it published, and refuses to go on where it finds us; so one of us sees the other.
    """
    resource = Resource(Address("object", f"{situation.settings.bucket}/{discovery.KEYS}"), "root/keys")
    there = situation.found.account.documents.get(discovery.KEYS)
    wanted = desired.documents(situation.settings, situation.issuer(side), body)
    is_written = any(item.key == discovery.KEYS and there is not None and item.body != there.body for item in wanted)
    if there is not None and not is_written:  # else the write itself is refused
        call = calls.get_object(situation.settings.bucket, there.object_key, unless_changed=there.etag)
        resource.add("unchanged", Action.READ, call, "see that nobody has published another key meanwhile")
    return resource.done()


def without_moved(situation: Situation) -> Steps:
    """The documents in the folder deleted."""
    parts = []
    for document in situation.found.moved.values():
        resource = Resource(
            Address("object", f"{situation.settings.bucket}/{document.object_key}"), f"{FOLDER}/object/{document.key}"
        )
        if not isinstance(document.tags, Mapping) or not names.is_owned(document.tags, situation.settings.name):
            resource.note("it does not carry our tag, or may not be seen; it stays")
        else:
            call = calls.delete_object(situation.settings.bucket, document.object_key)
            resource.add("delete", Action.DELETE, call, f"delete {document.object_key}")
        parts.append(resource.done())
    return together(*parts)


def for_everybody_and(public: Policy, private: Policy) -> Policy:
    """A bucket policy that lets everybody read, and names CloudFront besides: each statement can go alone."""
    statements = [*public.document["Statement"], *private.document["Statement"]]
    return Policy({"Version": "2012-10-17", "Statement": statements})


def new_front(situation: Situation, granted: Access) -> Steps:
    """The distribution made, with the folder as its origin path from its first moment."""
    settings = situation.settings
    wanted = desired.distribution(settings)
    resource = Resource(Address("distribution", wanted.comment), "distribution")
    config = _with_origin_path(cloudfront.config(settings.site, wanted, granted), ORIGIN_PATH)
    tags = wanted.tags if isinstance(wanted.tags, Mapping) else {}
    made = resource.add(
        desired.DISTRIBUTION_CREATE.removeprefix("distribution/"),
        Action.CREATE,
        front.create_distribution(config, tags),
        f"create the distribution in front of {wanted.origin}{ORIGIN_PATH}",
    )
    made_id = Output(step=made, path="Distribution.Id", placeholder="<enter_cloudfront_distribution_id_here>")
    resource.add(
        "deployed", Action.WAIT, cloudfront.deployed(front.get_distribution(made_id)), "wait until it is deployed"
    )
    return resource.done()


def front_steps(situation: Situation, there: Distribution, path: str) -> Steps:
    """The distribution enabled and serving another part of the bucket, and deployed like that."""
    resource = Resource(Address("distribution", there.comment), "distribution")
    if not _check(resource, there, situation):
        return resource.done()
    old = situation.origin_path
    changed = ""
    if old != path or not there.enabled:
        config = {**_with_origin_path(there.config or {}, path), "Enabled": True}
        changed = resource.add(
            "origin-path",
            Action.UPDATE,
            front.update_distribution(there.id, there.etag, config),
            f"let the distribution serve {path or 'the root'} of the bucket",
            changes=(FieldChange(name="origin path", old=old or "/", new=path or "/"),),
        )
    if changed or there.status != "Deployed":
        resource.add(
            "deployed",
            Action.WAIT,
            cloudfront.deployed(front.get_distribution(there.id)),
            "wait until it is deployed",
            after=edges("it is changed first", changed),
        )
    return resource.done()


def _check(resource: Resource, there: Distribution, situation: Situation) -> bool:
    if not isinstance(there.tags, Mapping):
        resource.conflict(f"whether it is ours cannot be seen, since {there.tags.action} is not allowed")
    elif why := ownership_conflict(there.tags, situation.settings.name):
        resource.conflict(why)
    elif there.origin != situation.settings.bucket_host:
        resource.conflict(f"its origin is {there.origin}, not {situation.settings.bucket_host}")
    return not resource.conflicts


def _with_origin_path(config: Mapping[str, Any], path: str) -> dict[str, Value]:
    origins = config.get("Origins")
    items = list(origins.get("Items") or []) if isinstance(origins, Mapping) else []
    if not items:
        return dict(config)
    return {**config, "Origins": {**config["Origins"], "Items": [{**items[0], "OriginPath": path}, *items[1:]]}}
