"""The whole of a rotation as plans: what the account needs, and the switch of the cluster in between."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from ccoctl.aws import rotation_calls as ask
from ccoctl.aws.rotation import Found, Sighting, missing_keys, record_of
from ccoctl.aws.rotation_plans import SEEN, WRITES, noted, publish, step, to_publish
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import Output
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Address, After, Plan, Step
from ccoctl.errors import ConflictError
from ccoctl.federation.clock import iso
from ccoctl.openshift import calls
from ccoctl.signing.jwk import Jwk

_READ = "pair/read"
_PUBLIC_KEY, _PRIVATE_KEY = "service-account.pub", "service-account.key"


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The key that the cluster is to sign with."""

    public: Jwk | None = None
    """None where it is only looked at what there is."""
    private_file: Path | None = None
    """Where the private half is, for the cluster to be given it."""
    made_by_cluster: bool = False
    """Whether the cluster is told to make one."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and whether another one follows from what it brings."""

    plan: Plan
    more: bool = False


def rotate(found: Found, wanted: Next) -> Drawn:
    """What is to be done so that the cluster signs with a published key.

    Raises:
        ConflictError: the cluster is on its way to another key.
        SigningKeyError: another key has the kid of one that is to be published, or the set is full.
    """
    if wanted.made_by_cluster and (made := _made_by_cluster(found)):
        return Drawn(plan=Plan(steps=made), more=True)
    published = _published(found, _keys_to_publish(found, wanted))
    if published and found.settings.issuer_url:
        return Drawn(plan=Plan(steps=published, notes=(to_publish(found),)))
    seen = tuple(step.id for step in published if step.id == SEEN)
    switched = _switched(found, wanted, edges("the world must see the key before anything is signed with it", *seen))
    return Drawn(plan=Plan(steps=in_order((*published, *switched))))


def _published(found: Found, keys: tuple[Jwk, ...]) -> tuple[Step, ...]:
    """Keys published, and the present one noted before there are several."""
    steps = publish(found, keys)
    known = _known(found) if any(step.id in WRITES for step in steps) else ()
    return (*known, *(replace(step, after=(*step.after, *_after(known))) for step in steps))


def _known(found: Found) -> tuple[Step, ...]:
    """A note of the only key that is published: of two, nobody could tell any more which one is signed with."""
    if found.record is not None or found.kids != (found.signer,):
        return ()
    return noted(found, found.signer, iso(found.now), name="provider/note-present")


def _after(known: tuple[Step, ...]) -> tuple[After, ...]:
    return edges("which key is signed with is noted while there is only one", *(step.id for step in known))


def _made_by_cluster(found: Found) -> tuple[Step, ...]:
    """Have OpenShift's operator make a key; nothing where it has made one that is not signed with yet."""
    cluster = found.cluster
    if cluster is None or cluster.next is None or cluster.signer != cluster.next.kid:
        return ()
    namespace, name = calls.SIGNING_KEYS["next"]
    where = Address("secret", f"{namespace}/{name}")
    # a second attempt finds the operator's new Secret where the first one's answer was lost
    delete = calls.delete_secret(namespace, name, uid=cluster.next_uid)
    known = _known(found)  # now, since every moment counts between the operator's new key and its being published
    deleted = step(
        "cluster/next/delete",
        where,
        Action.DELETE,
        "delete the Secret, for which the operator makes a new key",
        replace(delete, tolerate_again=frozenset({"Conflict"})),
        after=_after(known),
    )
    renewed = step(
        "cluster/next/renewed",
        where,
        Action.WAIT,
        "wait until the operator has made a new key",
        ask.until_renewed(str(cluster.next.kid)),
        after=edges("the old one must go first", deleted.id),
    )
    return (*known, deleted, renewed)


def _keys_to_publish(found: Found, wanted: Next) -> tuple[Jwk, ...]:
    """The new key, and those that the cluster signs with, or is about to, without their being published."""
    cluster, missing = found.cluster, missing_keys(found)
    theirs = (*cluster.trusted, *([cluster.next] if cluster.next is not None else [])) if cluster is not None else ()
    own = (wanted.public,) if wanted.public is not None else ()
    return (*(key for key in theirs if key.kid in missing), *own)


def _switched(found: Found, wanted: Next, ready: tuple[After, ...]) -> tuple[Step, ...]:
    """The cluster's switch, performed where the key is at hand, waited for where it is under way; and its note."""
    cluster = found.cluster
    if cluster is None:
        return ()
    target = _target(found, wanted)
    if not target:
        # whoever is asked may sign with either key for a while, and what was noted of one of them is not so any more
        return noted(found, cluster.signer, iso(found.now), ready) if _is_settled(found) else ()
    given = () if cluster.next is not None and cluster.next.kid == target else _given(cluster, wanted, ready)
    watched = step(
        "cluster/signs",
        Address("cluster", found.url),
        Action.WAIT,
        f"wait until the cluster signs with {target} and no other key",
        ask.until_signed_with(target),
        after=edges("it must be given the key first", *(step.id for step in given if step.id != _READ)) or ready,
    )
    at = Output(step=watched.id, path="At", placeholder="<when that is seen>")
    return (*given, watched, *noted(found, target, at))


def _target(found: Found, wanted: Next) -> str:
    """The kid that the cluster comes to sign with; empty where nothing makes it change."""
    cluster = found.cluster
    if cluster is None or not cluster.is_openshift:
        return ""
    coming = str(cluster.next.kid) if cluster.next is not None else ""
    if wanted.public is not None and wanted.private_file is not None and wanted.public.kid not in cluster.signs_with:
        if coming not in {"", *cluster.signs_with, str(wanted.public.kid)}:
            raise ConflictError(
                f"the cluster is on its way to another key, {coming}",
                where="/".join(calls.SIGNING_KEYS["next"]),
                remedy="Let it come there first: the command with --kubeconfig alone publishes that key and waits.",
            )
        return str(wanted.public.kid)
    return coming if coming and cluster.signs_with != (coming,) else ""


def _is_settled(found: Found) -> bool:
    """True where the cluster signs with one published key, and that is not noted yet."""
    cluster = found.cluster
    record = record_of(found.provider)
    is_noted = record is not None and cluster is not None and record.kid == cluster.signer
    return cluster is not None and bool(cluster.signer) and not is_noted and len(found.kids) > 1


def _given(cluster: Sighting, wanted: Next, ready: tuple[After, ...]) -> tuple[Step, ...]:
    """The key put where the operator takes the next one from."""
    if wanted.private_file is None:
        return ()
    namespace, name = calls.SIGNING_KEYS["next"]
    read = step(
        _READ,
        Address("file", str(wanted.private_file)),
        Action.READ,
        "read the new key pair",
        ask.read_pair(wanted.private_file),
        after=ready,
    )
    halves = {
        _PRIVATE_KEY: ask.pair_part(read.id, "PrivateKey"),
        _PUBLIC_KEY: ask.pair_part(read.id, "PublicKey"),
    }
    put = step(
        "cluster/next/put",
        Address("secret", f"{namespace}/{name}"),
        Action.UPDATE,
        "give the new key pair to the operator, which has the API servers sign with it",
        calls.apply_secret(namespace, name, halves, force=True, resource_version=cluster.next_version),
    )
    return (read, put)
