"""What there is in S3: the bucket and the documents in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from ccoctl.aws import calls, policy
from ccoctl.aws.desired import Settings
from ccoctl.aws.names import Tags
from ccoctl.aws.parse import tags_of
from ccoctl.aws.policy import Policy
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Bucket, Document, PublicAccess
from ccoctl.engine.call import Answer
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pages import Pages
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.signing import discovery


def find_bucket(asked: Reader, settings: Settings) -> Bucket | None:
    """The bucket and everything about it.

    Raises:
        CloudError: the bucket is there and may not be seen: somebody else's, or ours without the permission.
    """
    head = _head(asked, settings)
    if head is None:
        return None
    name = settings.bucket
    tags, access, readers, objects = asked.together(
        partial(asked.see, calls.get_bucket_tagging(name), "NoSuchTagSet"),
        partial(asked.see, calls.get_public_access_block(name), "NoSuchPublicAccessBlockConfiguration"),
        partial(asked.see, calls.get_bucket_policy(name), "NoSuchBucketPolicy"),
        partial(asked.see, calls.list_objects(name)),
    )
    if isinstance(tags, Unseen):
        raise CloudError(
            f"whether bucket {name} is ours cannot be seen, since {tags.action} is not allowed",
            kind=ErrorKind.DENIED,
            actions=(tags.action,),
        )
    return Bucket(
        name=name,
        region=str(head.get("BucketRegion") or settings.region),
        tags=tags_of(tags, "TagSet"),
        public_access=access if isinstance(access, Unseen) else _public_access(access),
        policy=readers if isinstance(readers, Unseen) else _policy(readers),
        empty=isinstance(objects, Mapping) and not objects.get("KeyCount"),
    )


def _head(asked: Reader, settings: Settings) -> Answer | None:
    try:
        return asked.find(calls.head_bucket(settings.bucket))
    except CloudError as error:
        if error.kind is not ErrorKind.DENIED:
            raise
        raise CloudError(
            f"bucket {settings.bucket} exists and may not be seen: it belongs to another account, or s3:ListBucket is "
            "not allowed",
            kind=ErrorKind.DENIED,
            code=error.code,
            actions=("s3:ListBucket",),
            remedy="Choose another --name, or ask for that permission.",
        ) from error


def _public_access(answer: Answer | None) -> PublicAccess | None:
    blocked = answer.get("PublicAccessBlockConfiguration") if answer is not None else None
    if not isinstance(blocked, Mapping):
        return None
    policies = {bool(blocked.get(name)) for name in ("BlockPublicPolicy", "RestrictPublicBuckets")}
    acls = {bool(blocked.get(name)) for name in ("BlockPublicAcls", "IgnorePublicAcls")}
    if len(policies) > 1 or len(acls) > 1:
        return None
    return PublicAccess(block_policies=policies.pop(), block_acls=acls.pop())


def _policy(answer: Answer | None) -> Policy | None:
    text = answer.get("Policy") if answer is not None else None
    return policy.parse(text) if isinstance(text, str) else None


def published(asked: Reader, bucket: str, folder: str = "") -> dict[str, Document]:
    """The discovery document and the JWKS as they are in the bucket, or in a folder of it, by key."""
    found = asked.together(
        *(partial(_document, asked, bucket, key, folder) for key in (discovery.PATH, discovery.KEYS))
    )
    return {document.key: document for document in found if document is not None}


def _document(asked: Reader, bucket: str, key: str, folder: str) -> Document | None:
    object_key = f"{folder}/{key}" if folder else key
    tags_there = asked.beside(partial(asked.see, calls.get_object_tagging(bucket, object_key)))
    answer, tags = asked.find(calls.get_object(bucket, object_key)), tags_there()
    if answer is None:
        return None
    raw = answer.get("Body")
    raw = raw if isinstance(raw, bytes) else b""
    return Document(
        key=key,
        folder=folder,
        body=_json_object(raw),
        content_type=str(answer.get("ContentType") or ""),
        cache_control=str(answer.get("CacheControl") or ""),
        tags=tags if isinstance(tags, Unseen) else tags_of(tags, "TagSet"),
        etag=str(answer.get("ETag") or ""),
        raw=raw,
    )


def _json_object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def tags_of_objects(asked: Reader, bucket: str, folder: str = "") -> dict[str, Tags | Unseen]:
    """The tags of every object in the bucket, or in a folder of it, by key."""
    keys = [key for key in _keys(asked, bucket) if not folder or key.startswith(f"{folder}/")]
    answers = asked.all(_TagQuestion(asked, bucket, key) for key in keys)
    return dict(zip(keys, answers, strict=True))


class _TagQuestion:
    def __init__(self, asked: Reader, bucket: str, key: str) -> None:
        self._asked, self._bucket, self._key = asked, bucket, key

    def __call__(self) -> Tags | Unseen:
        answer = self._asked.see(calls.get_object_tagging(self._bucket, self._key))
        return answer if isinstance(answer, Unseen) else tags_of(answer, "TagSet")


def _keys(asked: Reader, bucket: str) -> list[str]:
    place = Pages("Contents", "NextContinuationToken", "IsTruncated")
    try:
        return [str(entry["Key"]) for entry in asked.pages(partial(calls.list_objects, bucket), place)]
    except CloudError as error:
        if error.kind is ErrorKind.MISSING:
            return []
        raise
