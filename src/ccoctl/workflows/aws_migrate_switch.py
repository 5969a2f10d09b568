"""The cluster's part of a migration: told as a manifest, or done over its API and waited for."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from ccoctl.aws import manifests
from ccoctl.aws import migration_calls as real
from ccoctl.aws.migration import UNUSED_SINCE, Side, Situation
from ccoctl.aws.migration_plans import Trial, shown, tried
from ccoctl.aws.migration_serving import behind
from ccoctl.aws.migration_standing import Signing
from ccoctl.aws.steps.common import Resource, Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import Output
from ccoctl.engine.plan import Action, Address, FieldChange, Step, file_step
from ccoctl.openshift import calls


def authentication_file(situation: Situation, target: Side, done: Iterable[str]) -> Step:
    """The Authentication's manifest with the issuer, written once everything it stands for is there."""
    return file_step(manifests.authentication(situation.issuer(target)), edges("manifests come last", *done))


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Which tokens of the cluster are looked at, and which are exchanged."""

    accounts: tuple[str, ...]
    """`namespace/name` each; the first one that the cluster has is looked at."""
    trials: tuple[Trial, ...]


def switch(situation: Situation, target: Side, signing: Signing, tokens: Tokens, done: tuple[str, ...]) -> Steps:
    """The cluster signs for an issuer that is good, and is seen to; then real tokens of it are exchanged."""
    issuer, wanted = situation.issuer(target), shown(situation, target)
    resource = Resource(Address("Authentication", "cluster"), "cluster")
    ready = edges("the issuer must be good before the cluster signs for it", *done)
    switched = ""
    if signing.configured not in {None, wanted}:
        switched = resource.add(
            "issuer",
            Action.UPDATE,
            # an answer that was lost looks like a conflict the next time; what came of it is waited for
            replace(calls.set_issuer(issuer.url, signing.version), tolerate_again=frozenset({"Conflict"})),
            f"let the cluster sign for {wanted}",
            after=ready,
            changes=(FieldChange(name="serviceAccountIssuer", old=signing.configured, new=wanted),),
        )
    seen = resource.add(
        "tokens",
        Action.WAIT,
        real.until_signed_for(issuer.url, tokens.accounts),
        f"wait until new tokens carry {wanted}",
        after=edges("it is told first", switched) or ready,
    )
    exchanged = tried(situation, target, tokens.trials)
    exchanged = behind(exchanged, *edges("its tokens must name the issuer", seen))
    return together(resource.done(), _noted(situation, target.other, seen), exchanged)


def _noted(situation: Situation, gone: Side, seen: str) -> Steps:
    """Since when the other issuer is not used any more, kept as a tag of its provider."""
    there = situation.provider(gone)
    if there is None or situation.unused_since(gone) or not situation.trusting(gone):
        return Steps()  # what nobody trusts goes at once
    resource = Resource(Address("OIDC provider", str(there.arn)), f"provider/{gone.value}")
    since = Output(step=seen, path="At", placeholder="<time>")
    resource.add(
        "unused-since",
        Action.UPDATE,
        real.note_use(there.arn, since),
        "note since when the cluster does not sign for this issuer",
        changes=(
            FieldChange(name=UNUSED_SINCE, old=there.tags.get(UNUSED_SINCE, ""), new="the time of the new token"),
        ),
    )
    return resource.done()
