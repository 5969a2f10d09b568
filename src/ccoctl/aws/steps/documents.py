"""The discovery document and the JWKS in the bucket."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ccoctl.aws import calls
from ccoctl.aws.resources import Document
from ccoctl.aws.steps.common import Resource, Steps, merged, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.diff import compare
from ccoctl.engine.plan import Action, Address
from ccoctl.signing import discovery

CLAIM = f"object/{discovery.PATH}/put"
"""The step that publishes the discovery document, and with it says which issuer the bucket serves."""


def document_steps(
    bucket: str, wanted: tuple[Document, ...], found: Mapping[str, Document], *, ready: str = "", claim: str = ""
) -> Steps:
    """What publishes the documents as wanted.

    `ready` is the step after which the bucket may be filled. `claim` is one of these steps where it publishes an issuer
    that is new: the keys are published by whoever published that.
    """
    return together(*(_one(bucket, document, found.get(document.key), ready, claim) for document in wanted))


def _one(bucket: str, wanted: Document, found: Document | None, ready: str, claim: str) -> Steps:
    resource = Resource(Address("object", f"{bucket}/{wanted.key}"), f"object/{wanted.key}")
    before = edges("only a bucket that is tagged is ours to fill", ready)
    if wanted.key != discovery.PATH:
        before += edges("whoever publishes the issuer publishes its keys", claim)
    if found is None:
        resource.add(
            "put",
            Action.CREATE,
            calls.put_object(bucket, wanted, replaces=""),
            f"publish {wanted.key}",
            after=before,
        )
        return resource.done()
    wanted = replace(wanted, tags=merged(dict(wanted.tags) if isinstance(wanted.tags, Mapping) else {}, found.tags))
    difference = compare(wanted, found)
    if difference.changed or difference.unseen:
        resource.add(
            "put",
            Action.UPDATE if difference.changed else Action.REWRITE,
            calls.put_object(bucket, wanted, replaces=found.etag),
            f"publish {wanted.key} again",
            after=before,
            changes=difference.changed,
        )
    return resource.done()
