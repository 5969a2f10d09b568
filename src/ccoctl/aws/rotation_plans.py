"""What a rotation does to the account: publish keys, note which one is signed with, take keys down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ccoctl.aws import calls
from ccoctl.aws import rotation_calls as ask
from ccoctl.aws.cloudfront_calls import CACHING_DISABLED
from ccoctl.aws.plans import ISSUER_FILES
from ccoctl.aws.resources import Document
from ccoctl.aws.rotation import SIGNING_SINCE, Found
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import Call, Output, at_path, json_text
from ccoctl.engine.diff import Unseen
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Address, After, FieldChange, Plan, Step, Wait, WriteFile
from ccoctl.federation.clock import iso
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.jwks import Jwks

KEYS = "keys/put"
DISCOVERY = "discovery/put"
WRITES = frozenset({KEYS, DISCOVERY})
"""The steps that somebody else's write may come before; then what is there is read again, and nothing was lost."""
SEEN = "issuer/seen"
NOTE = "provider/note"


def note_by_hand(found: Found, kid: str) -> Plan:
    """Note that the cluster signs with a key since now, because somebody says so."""
    return Plan(steps=noted(found, kid, iso(found.now)))


def retire(found: Found, kids: tuple[str, ...]) -> Plan:
    """Take keys down; whether that is safe was asked before."""
    left = Jwks(tuple(key for key in found.published.keys if str(key.kid) not in kids), found.published.others)
    steps = _writes(found, left, _algorithms(left))
    if found.settings.issuer_url or (not steps and list(found.seen) == [str(key.kid) for key in left.keys]):
        return Plan(steps=steps, notes=(to_publish(found),) if steps else ())
    taken = tuple(step.id for step in steps if step.id == KEYS)
    gone = step(
        SEEN,
        Address("issuer", found.url),
        Action.WAIT,
        f"wait until the world sees {_counted(left)} and no other",
        ask.until_only(found.url, [str(key.kid) for key in left.keys if key.kid is not None]),
        after=edges("they must be taken down first", *(step.id for step in steps)),
    )
    # who still reads the keys may still read their algorithms, so those go last
    ordered = tuple(_behind(step, taken) if step.id == DISCOVERY else step for step in steps)
    return Plan(steps=in_order((*ordered, gone)))


def publish(found: Found, keys: tuple[Jwk, ...]) -> tuple[Step, ...]:
    """The documents with these keys in addition, and waiting for the world to see them; nothing where it does.

    Documents that somebody else serves are files to be published; nobody waits for that.

    Raises:
        SigningKeyError: another key has the kid of one of these, or the set is full.
    """
    wanted = found.published
    for key in keys:
        wanted = jwks.with_key(wanted, key)
    steps = _writes(found, wanted, _algorithms(wanted) | frozenset(_advertised(found)))
    kids = [str(key.kid) for key in wanted.keys if key.kid is not None]
    if found.settings.issuer_url or (not steps and set(kids) <= set(found.seen)):
        return steps
    return (
        *steps,
        step(
            SEEN,
            Address("issuer", found.url),
            Action.WAIT,
            f"wait until the world sees {_counted(wanted)}",
            ask.until_seen(found.url, kids),
            after=edges("they must be published first", *(step.id for step in steps)),
        ),
    )


def until_seen(plan: Plan) -> Plan:
    """A plan as far as it publishes a key; the whole one where it publishes none.

    What comes of the key is drawn from another look, since a migration may have begun meanwhile, whose other issuer
    lacks it (it looks once more, too: `migration_serving.unchanged`).
    """
    if not any(step.id == KEYS for step in plan.steps):
        return plan
    later: set[str] = set()
    for step in plan.steps:
        if any(need == SEEN or need in later for need in step.needs):
            later.add(step.id)
    return replace(plan, steps=tuple(step for step in plan.steps if step.id not in later))


def to_publish(found: Found) -> str:
    """What is left to the user, where somebody else serves the documents."""
    return (
        f"publish what is in {ISSUER_FILES}/ of the output directory below {found.url}, then run the same command "
        "again: nothing is signed with a key before the world sees it"
    )


def _writes(found: Found, wanted: Jwks, algorithms: frozenset[str]) -> tuple[Step, ...]:
    """What makes the two documents say this, and CloudFront forget what they said."""
    steps = []
    if wanted != found.published:
        old, new = ([str(key.kid) for key in listed.keys] for listed in (found.published, wanted))
        change = FieldChange(name="keys", old=old, new=new)
        steps.append(_put(found, KEYS, discovery.KEYS, jwks.document(wanted), change))
    if algorithms != frozenset(_advertised(found)):
        field = "id_token_signing_alg_values_supported"
        body = {**(found.account.documents[discovery.PATH].body or {}), field: sorted(algorithms)}
        change = FieldChange(name=field, old=_advertised(found), new=sorted(algorithms))
        steps.append(_put(found, DISCOVERY, discovery.PATH, body, change))
    return (*steps, *_forgotten(found, steps))


def _put(found: Found, name: str, key: str, body: Mapping[str, Any], change: FieldChange) -> Step:
    there = found.account.documents[key]
    if found.settings.issuer_url:
        path = ISSUER_FILES / key
        work = WriteFile(path=path, content=json_text(body, 4))
        summary = f"write {path}, to be published below {found.url}"
        return step(name, Address("file", str(path)), Action.WRITE_FILE, summary, work, changes=(change,))
    tags = found.settings.all_tags if isinstance(there.tags, Unseen) else there.tags
    call = calls.put_object(found.settings.bucket, replace(there, body=body, tags=tags), replaces=there.etag)
    where = Address("object", f"{found.settings.bucket}/{there.object_key}")
    return step(name, where, Action.UPDATE, f"publish {key} again", call, changes=(change,))


def _forgotten(found: Found, written: list[Step]) -> tuple[Step, ...]:
    """An invalidation, where a distribution keeps what it serves; those that we make do not."""
    front = found.account.distribution
    policy = at_path((front.config if front is not None else None) or {}, "DefaultCacheBehavior.CachePolicyId")
    if front is None or policy == CACHING_DISABLED or not written:
        return ()
    paths = [f"{found.settings.path}/{key}" for key in (discovery.KEYS, discovery.PATH)]
    return (
        step(
            "distribution/invalidate",
            Address("distribution", front.id),
            Action.UPDATE,
            "have it forget the documents that it keeps, where that is allowed",
            ask.create_invalidation(front.id, paths, f"ccoctl-{found.now:.0f}"),
            after=edges("the new ones must be there first", *(step.id for step in written)),
        ),
    )


def noted(
    found: Found, kid: str, since: str | Output, after: tuple[After, ...] = (), *, name: str = NOTE
) -> tuple[Step, ...]:
    """A note since when the cluster signs with a key and no other."""
    old = found.provider.tags.get(SIGNING_SINCE, "")
    new = f"{since if isinstance(since, str) else since.placeholder} {kid}"
    return (
        step(
            name,
            Address("provider", str(found.provider.arn)),
            Action.UPDATE,
            f"note since when the cluster signs with {kid}",
            ask.note_signer(found.provider.arn, kid, since),
            after=after,
            changes=(FieldChange(name=f"tag {SIGNING_SINCE}", old=old, new=new),),
        ),
    )


def _advertised(found: Found) -> list[str]:
    document: Document | None = found.account.documents.get(discovery.PATH)
    listed = (document.body or {}).get("id_token_signing_alg_values_supported") if document is not None else None
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _algorithms(keys: Jwks) -> frozenset[str]:
    return frozenset(key.alg for key in keys.keys if key.alg is not None) or frozenset({"RS256"})


def _counted(keys: Jwks) -> str:
    count = len(keys.keys)
    return "the key" if count == 1 else f"the {count} keys"


def _behind(step: Step, before: tuple[str, ...]) -> Step:
    return replace(step, after=(*step.after, *edges("the keys are taken down first", *before)))


def step(
    name: str,
    address: Address,
    action: Action,
    summary: str,
    work: Call | Wait | WriteFile,
    *,
    after: tuple[After, ...] = (),
    changes: tuple[FieldChange, ...] = (),
) -> Step:
    """A step of a rotation."""
    return Step(id=name, address=address, action=action, summary=summary, work=work, after=after, changes=changes)
