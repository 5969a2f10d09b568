"""Rotate a cluster's signing key without a moment in which a token is refused; every run goes on where one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ccoctl.aws.desired import Settings, documents
from ccoctl.aws.migration import FOLDER
from ccoctl.aws.mode import Mode, mode
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.observe_s3 import published
from ccoctl.aws.reader import reader
from ccoctl.aws.resources import Account, Provider
from ccoctl.aws.rotation import LONGEST_LIFE, Found, Use, kids_of, unknown_signer, why_never, why_not
from ccoctl.aws.rotation_plans import WRITES, note_by_hand, retire, until_seen
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.call import Answer, Call, json_text, with_placeholders
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Plan, Result, State
from ccoctl.errors import CloudError, ConflictError, Problem, Problems
from ccoctl.signing import discovery, jwks
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows.aws_rotate_cloud import RotationCloud, sighting
from ccoctl.workflows.aws_rotate_keys import NewPair, new_pair, published_by
from ccoctl.workflows.aws_rotate_switch import Next, rotate
from ccoctl.workflows.output_files import writer

LOST_RACE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""S3's codes for a write that somebody else's came before."""
_ROUNDS = 6
"""Plans that one run carries out at most: one that follows from another, and some races that are lost."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; at most one of the four kinds of work."""

    settings: Settings
    public_key_file: Path | None = None
    output_dir: Path | None = None
    """Where a new pair is made, or was made by an earlier run."""
    make_pair: bool = False
    by_cluster: bool = False
    """Whether OpenShift's operator makes the key."""
    switched_to: str = ""
    """The kid that the user says the cluster signs with since now."""
    retire: tuple[str, ...] = ()
    """Kids."""
    retire_old: bool = False
    force: bool = False
    life: float = LONGEST_LIFE
    key_bits: int = 4096

    @property
    def retires(self) -> bool:
        """Whether keys are taken down."""
        return bool(self.retire) or self.retire_old


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what is left to do."""

    order: Order
    found: Found
    plan: Plan
    more: bool = False
    """Whether another plan follows from what this one brings."""
    pair: NewPair | None = None
    """The pair in the output directory that the cluster is to sign with."""
    retired: tuple[str, ...] = ()
    """The kids that the plan takes down."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a run ended with."""

    results: tuple[Result, ...]
    """Of each plan that was carried out."""
    lost_races: int = 0

    @property
    def last(self) -> Result:
        """What the last plan ended with."""
        return self.results[-1]


_ANOTHER = (
    "its bucket holds the documents of a second issuer, behind a distribution that cannot be seen; a key that is "
    "published for one of them alone would be refused by the other"
)


def look(order: Order, cloud: RotationCloud, *, now: float, with_cluster: bool, tell: Tell | None = None) -> Found:
    """The keys of a set-up as they are in the bucket, as the world sees them, and as the cluster uses them.

    Args:
        order: of which set-up.
        cloud: AWS, the world and the cluster.
        now: seconds since 1970.
        with_cluster: whether a cluster was named.
        tell: hears of what takes long.

    Raises:
        CloudError: the account or the cluster cannot be looked at.
        ConflictError, Problems: there is no such set-up, it is between two issuers, or the cluster is another one.
        SigningKeyError: what is published is no key set.
    """
    settings = order.settings
    with reader(lambda call: read(cloud, call, tell), 10) as asked:
        account = observe(asked, Scope(settings=settings))
        if account.denied and published(asked, settings.bucket, FOLDER):
            raise Problems((Problem(f"set-up {settings.name}", _ANOTHER),), remedy=f"{account.denied[0]}; allow that.")
    decided = mode(settings, account)
    if decided.conflicts:
        raise Problems(decided.conflicts, what="the set-up is not in a state in which its key can be rotated")
    url = str(with_placeholders(decided.issuer.url))
    world = read(cloud, Call(service="issuer", operation="GetKeys", parameters={"Url": url}), tell)
    if settings.issuer_url:
        account = _served_elsewhere(account, decided, world)
    kids = world["Kids"]
    found = Found(
        settings=decided.settings,
        issuer=decided.issuer,
        account=account,
        provider=_provider(account, url, settings),
        published=jwks.parse(account.documents[discovery.KEYS].raw, where=discovery.KEYS),
        seen=tuple(map(str, kids)) if isinstance(kids, list) else (),
        unseen_because=str(world.get("Problem", "")),
        cluster=sighting(cloud) if with_cluster else None,
        now=now,
        life=order.life,
    )
    return _of_this_cluster(found)


def _provider(account: Account, url: str, settings: Settings) -> Provider:
    provider = next((item for item in account.providers if item.url == url), None)
    absent = [key for key in (discovery.KEYS, discovery.PATH) if key not in account.documents]
    if provider is not None and not absent:
        return provider
    what = f"{' and '.join(absent)} is not in the bucket" if absent else f"no provider of {url} is registered"
    remedy = "Check --name and --region; `ccoctl aws create-all` makes a set-up, and mends one."
    raise ConflictError(what, where=f"set-up {settings.name}", remedy=remedy)


def _served_elsewhere(account: Account, decided: Mode, world: Answer) -> Account:
    """The documents that somebody else serves, as the world sees them: there is no other place to look at them."""
    if problem := world.get("Problem"):
        remedy = "Publish the documents, as `ccoctl aws create-all --issuer-url` wrote them."
        raise ConflictError(str(problem), where=str(decided.issuer.url), remedy=remedy)
    published: Any = world["Set"]
    listed = {document.key: document for document in documents(decided.settings, decided.issuer, published)}
    described = {**(listed[discovery.PATH].body or {}), "id_token_signing_alg_values_supported": world["Algorithms"]}
    keys = replace(listed[discovery.KEYS], raw=json_text(published).encode())
    return replace(
        account, documents={discovery.KEYS: keys, discovery.PATH: replace(listed[discovery.PATH], body=described)}
    )


def prepare(order: Order, found: Found) -> Prepared:
    """What is left to do; nothing is changed.

    Raises:
        ConflictError, Problems: it must not be done, or not yet.
        FileError, SigningKeyError: a key cannot be read, or cannot be published.
    """
    if order.retires:
        kids = _retirable(order, found)
        plan = retire(found, kids)
        if not plan.steps:
            _refuse_without_an_old_key(order, found)
        return Prepared(order=order, found=found, plan=plan, retired=kids)
    if order.switched_to:
        return Prepared(order=order, found=found, plan=_noted(order, found))
    made = _pair(order, found)
    drawn = rotate(found, _next(order, found, made))
    return Prepared(order=order, found=found, plan=drawn.plan, more=drawn.more, pair=made)


def carry_out(
    prepared: Prepared,
    cloud: RotationCloud,
    look_again: Callable[[], Found],
    *,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Rotated:
    """Save a pair that is new, then do every step; where somebody else wrote first, look again and merge.

    A failed step is in the last result, not raised.

    Raises:
        CcoctlError: what is found after a lost race cannot be gone on with.
    """
    results: list[Result] = []
    lost = 0
    while True:
        write_file = writer(prepared.plan, prepared.order.output_dir or Path())
        if prepared.pair is not None:
            prepared.pair.save()
        _note_published(prepared, prepared.found.kids)
        plan = until_seen(prepared.plan)
        result = execute(
            plan,
            cloud,
            write_file=write_file,
            listener=listener,
            attempts=attempts,
        )
        results.append(result)
        _note_published(prepared, published_by(result))
        was_lost = _is_lost_race(result)
        lost += was_lost
        more = prepared.more or len(plan.steps) < len(prepared.plan.steps)
        if len(results) == _ROUNDS or not (was_lost or (result.ok and more)):
            return Rotated(results=tuple(results), lost_races=lost)
        prepared = prepare(prepared.order, look_again())


def _note_published(prepared: Prepared, kids: Iterable[str]) -> None:
    if prepared.pair is not None and prepared.pair.public.kid in set(kids):
        prepared.pair.note_published()


def _is_lost_race(result: Result) -> bool:
    """True when all that failed is a write that somebody else's came before: nothing of ours, or theirs, was lost."""
    failed = result.of(State.FAILED)
    return bool(failed) and all(
        outcome.step.id in WRITES and isinstance(outcome.error, CloudError) and outcome.error.code in LOST_RACE
        for outcome in failed
    )


def _of_this_cluster(found: Found) -> Found:
    cluster = found.cluster
    if cluster is None or cluster.issuer == found.url:
        return found
    raise ConflictError(
        f"the cluster's tokens are of the issuer {cluster.issuer[:200]}, and the set-up's is {found.url}",
        where="--kubeconfig",
        remedy="Name the kubeconfig of the cluster that was made with this --name.",
    )


def _next(order: Order, found: Found, made: NewPair | None) -> Next:
    if made is not None:
        return Next(public=made.public, private_file=made.private_file)
    if order.public_key_file is not None:
        return Next(public=pair.load_public_key_file(order.public_key_file))
    if order.by_cluster and (found.cluster is None or found.cluster.next is None):
        raise _no_operator(found)
    # a key that is left of an earlier rotation says that this one was begun already, or that one is to be ended
    return Next(made_by_cluster=order.by_cluster and found.kids == (found.signer,))


def _no_operator(found: Found) -> ConflictError:
    hidden = found.cluster.hidden if found.cluster is not None else ""
    what = f"its key may not be seen ({hidden})" if hidden else "it has no key that its operator keeps"
    remedy = "See `ccoctl cluster required-permissions --command rotate`."
    other = "On a cluster that is not OpenShift rotate with --new-key or --public-key-file."
    return ConflictError(f"the cluster cannot be told to make a key: {what}", remedy=remedy if hidden else other)


def _pair(order: Order, found: Found) -> NewPair | None:
    if not order.make_pair or order.output_dir is None:
        return None
    is_over = found.kids == (found.signer,)
    used = {found.signer, *(found.cluster.signs_with if found.cluster is not None else ())} if is_over else set()
    made = new_pair(order.output_dir, used, published=found.kids, bits=order.key_bits)
    coming = kids_of(found, Use.NEXT)
    if coming and made.public.kid not in found.kids:
        what = f"a rotation to {' and '.join(coming)} is under way, and the pair of that key is not in this directory"
        remedy = f"Name its directory with --output-dir, or take the key back with --retire {coming[0]}."
        raise ConflictError(what, where=str(order.output_dir), remedy=remedy)
    return made


def _noted(order: Order, found: Found) -> Plan:
    kid = order.switched_to
    problem = ""
    if kid not in found.kids:
        problem = "it is not published, and every token of it is refused: publish it first"
    elif kid not in found.seen:
        problem = f"the world does not see it yet{_because(found)}"
    elif found.cluster is not None and found.cluster.signs_with != (kid,):
        problem = f"the cluster signs with {' and '.join(found.cluster.signs_with)}"
    if problem:
        raise ConflictError(problem, where=f"key {kid[:100]}", remedy="`--status` says where the rotation stands.")
    record = found.record
    return Plan() if record is not None and record.kid == kid else note_by_hand(found, kid)


def _because(found: Found) -> str:
    return f" ({found.unseen_because})" if found.unseen_because else ""


def _retirable(order: Order, found: Found) -> tuple[str, ...]:
    """The keys to take down; one that is down already is no error, so that a run can be repeated."""
    if order.retire_old and not found.signer:
        raise ConflictError(f"which keys are old cannot be told: {unknown_signer(found)}")
    old = kids_of(found, Use.OLD, Use.IDLE) if order.retire_old else []
    kids = tuple(dict.fromkeys(kid for kid in (*order.retire, *old) if kid in found.kids))
    why = {kid: why_never(found, kid) or ("" if order.force else why_not(found, kid)) for kid in kids}
    problems = tuple(Problem(f"key {kid}", f"it is not retired: {reason}") for kid, reason in why.items() if reason)
    if len(kids) == len(found.kids) and not problems:
        problems = (Problem("--retire", "these are all keys that are published: no token would be good any more"),)
    if problems:
        raise Problems(problems, what="nothing was changed", remedy="`--status` says what is safe, and from when on.")
    return kids


def _refuse_without_an_old_key(order: Order, found: Found) -> None:
    """Whoever wants old keys away in the middle of a rotation is told that the old one is in use still."""
    coming = kids_of(found, Use.NEXT)
    if order.retire_old and coming:
        come = "is to come" if len(coming) == 1 else "are to come"
        what = f"no key is old yet: the cluster signs with {found.signer}, and {' and '.join(coming)} {come}"
        raise ConflictError(what, remedy="`--status` says how it comes to sign with that.")


__all__ = ["LOST_RACE", "Order", "Prepared", "Rotated", "carry_out", "look", "prepare"]
