"""Where a migration stands, what is safe now and from when on: worked out anew from what cloud and cluster say."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

from ccoctl.aws.migration import NEVER_USED, Side, Situation
from ccoctl.aws.migration_plans import shown
from ccoctl.errors import Problem
from ccoctl.federation.clock import iso

TOKEN_LIFETIME = 24 * 3600
"""Seconds; STS takes no older token, and OpenShift's API servers trust an issuer that was replaced for as long."""
ROLLOUT = 3600
"""Seconds from the first token of a new issuer until the last API server signs for it: they restart one by one."""


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster says of its tokens."""

    configured: str | None
    """The Authentication's issuer; None in a cluster that has none, whose administrator sets API server flags."""
    version: str
    """The Authentication's resourceVersion."""
    signs_for: str
    """The issuer of a token that it just gave; empty where it gave none."""


class State(Enum):
    """How far one phase is."""

    DONE = "done"
    PARTLY = "partly"
    TO_DO = "to do"
    UNKNOWN = "unknown"


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a migration."""

    name: str
    state: State
    detail: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a migration to one side stands."""

    target: Side
    to_issuer: str
    from_issuer: str
    phases: tuple[Phase, ...]
    safe_at: str
    """When the other issuer can be taken away, ISO 8601; empty where nobody can tell yet, or where it is gone."""
    is_safe: bool
    """True when the other issuer can be taken away now."""
    is_over: bool
    """True when only one issuer is left, and nothing of the other one."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the use of the issuer that goes."""

    unused_since: str = ""
    """As the administrator says: ISO 8601, or NEVER_USED; empty where nothing was said."""
    signing: Signing | None = None
    """As the cluster says; None where it was not asked."""
    now: float
    """Seconds since 1970."""


def seconds(time: str) -> float | None:
    """A time in ISO 8601 with its zone as seconds since 1970; None where it is none."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def safe_at(situation: Situation, gone: Side, evidence: Evidence) -> float | None:
    """From when on no token of an issuer can be alive, in seconds since 1970; None where nobody can tell.

    What is not trusted by any role is safe to take away whatever tokens there are.
    """
    said, noted = evidence.unused_since, situation.unused_since(gone)
    if not situation.is_trusted(gone) or NEVER_USED in {said, noted}:
        return 0.0
    if said:
        since = seconds(said)
        return since + TOKEN_LIFETIME if since is not None else None
    since = seconds(noted)
    return since + ROLLOUT + TOKEN_LIFETIME if since is not None else None


def unsafe(situation: Situation, target: Side, evidence: Evidence) -> tuple[Problem, ...]:
    """Why the other issuer cannot be taken away now."""
    if not situation.is_trusted(target.other):
        return ()
    goes, stays = shown(situation, target.other), shown(situation, target)
    signing = evidence.signing
    if signing is not None and (wrong := wrong_issuer(signing, stays)):
        return (Problem("cluster", f"{wrong}, not {stays}; switch the cluster first"),)
    safe = safe_at(situation, target.other, evidence)
    if safe is None:
        what = (
            "nobody can tell since when the cluster does not sign for it: run the command without --finish and with "
            "--kubeconfig, or say it with --unused-since"
        )
        return (Problem(goes, what),)
    if evidence.now < safe:
        return (Problem(goes, f"tokens of it may be in use until {iso(safe)}; finish then"),)
    return ()


def wrong_issuer(signing: Signing, wanted: str) -> str:
    """In what a cluster differs from one that signs for an issuer; empty when it does."""
    if signing.configured not in {None, wanted}:
        return f"it names {signing.configured or 'no issuer'}"
    if signing.signs_for != wanted:
        return f"new tokens still carry {signing.signs_for or 'nothing that could be seen'}"
    return ""


def standing(situation: Situation, target: Side, evidence: Evidence, *, leftovers: bool) -> Standing:
    """Where a migration stands; `leftovers` tells whether anything is left to take away."""
    gone = target.other
    safe = safe_at(situation, gone, evidence)
    signing = evidence.signing
    is_elsewhere = signing is not None and bool(wrong_issuer(signing, shown(situation, target)))
    is_over = situation.is_settled(target) and not leftovers and not is_elsewhere
    is_known = safe is not None and bool(situation.trusting(gone)) and safe > 0
    return Standing(
        target=target,
        to_issuer=shown(situation, target),
        from_issuer=shown(situation, gone),
        phases=(
            _documents(situation, target),
            _provider(situation, target),
            _roles(situation, target),
            _cluster(situation, target, evidence),
            _other(situation, gone, is_over=is_over),
        ),
        safe_at=iso(safe) if safe is not None and is_known else "",
        is_safe=_is_prepared(situation, target) and not is_over and not unsafe(situation, target, evidence),
        is_over=is_over,
    )


def _is_prepared(situation: Situation, target: Side) -> bool:
    all_trust = len(situation.trusting(target)) == len(situation.found.account.roles)
    return situation.provider(target) is not None and situation.is_served(target) and all_trust


def _documents(situation: Situation, target: Side) -> Phase:
    served = [side for side in Side if situation.is_served(side)]
    listed = " and ".join(shown(situation, side) for side in served) or "no issuer"
    state = State.DONE if target in served else State.TO_DO
    return Phase(name="documents", state=state, detail=f"the bucket holds those of {listed}")


def _provider(situation: Situation, target: Side) -> Phase:
    there = [side for side in Side if situation.provider(side) is not None]
    listed = " and ".join(shown(situation, side) for side in there) or "none"
    state = State.DONE if target in there else State.TO_DO
    return Phase(name="providers", state=state, detail=f"registered with IAM: {listed}")


def _roles(situation: Situation, target: Side) -> Phase:
    count, trusting = len(situation.found.account.roles), len(situation.trusting(target))
    state = State.DONE if trusting == count else State.PARTLY if trusting else State.TO_DO
    return Phase(name="roles", state=state, detail=f"{trusting} of {count} trust {shown(situation, target)}")


def _cluster(situation: Situation, target: Side, evidence: Evidence) -> Phase:
    signing, wanted = evidence.signing, shown(situation, target)
    if signing is not None:
        wrong = wrong_issuer(signing, wanted)
        told = wrong or f"it signs for {wanted}"
        return Phase(name="cluster", state=State.TO_DO if wrong else State.DONE, detail=told)
    noted = situation.unused_since(target.other)
    if noted and noted != NEVER_USED:
        return Phase(name="cluster", state=State.DONE, detail=f"it was seen to sign for {wanted} at {noted}")
    return Phase(name="cluster", state=State.UNKNOWN, detail="nobody asked it: name it with --kubeconfig")


def _other(situation: Situation, gone: Side, *, is_over: bool) -> Phase:
    if is_over:
        return Phase(name="old issuer", state=State.DONE, detail="nothing of it is left")
    trusting = len(situation.trusting(gone))
    told = f"{trusting} roles trust it" if trusting else "no role trusts it, and the rest of it can go"
    return Phase(name="old issuer", state=State.TO_DO if trusting else State.PARTLY, detail=told)


__all__ = [
    "Evidence",
    "Phase",
    "Signing",
    "Standing",
    "State",
    "safe_at",
    "seconds",
    "standing",
    "unsafe",
    "wrong_issuer",
]
