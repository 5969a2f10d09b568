"""Where a rotation stands, for people and for scripts: the keys, what is safe now, and what comes next."""

from __future__ import annotations

from typing import Any, assert_never

from ccoctl.aws.rotation import Found, KeyState, Stage, Use, key_states, kids_of, missing_keys, stage, unknown_signer
from ccoctl.federation.clock import iso
from ccoctl.openshift.calls import SIGNING_KEYS


def status_text(found: Found) -> str:
    """The keys as a table, where the rotation stands, and what is to be done next."""
    states = key_states(found)
    width = max((len(state.kid) for state in states), default=3)
    rows = [f"{'KEY':{width}}  ALGORITHM  USE        SEEN"]
    rows += [f"{state.kid:{width}}  {state.algorithm:9}  {state.use.value:9}  {_yes(state.seen)}" for state in states]
    return "\n".join([f"Issuer {found.url}", *rows, said(found), *advice(found)])


def status_json(found: Found) -> dict[str, Any]:
    """The same as data; times are ISO 8601 in UTC, null where they are not known."""
    record, safe_at = found.record, found.safe_at
    return {
        "issuer": found.url,
        "stage": stage(found).value,
        "signing": found.signer or None,
        "signingSince": iso(record.since) if record is not None else None,
        "safeToRetireAt": iso(safe_at) if safe_at is not None and kids_of(found, Use.OLD, Use.IDLE) else None,
        "keys": [_key_json(state) for state in key_states(found)],
        "notPublished": list(missing_keys(found)),
        "notSeenBecause": found.unseen_because or None,
        "said": said(found),
        "advice": list(advice(found)),
    }


def said(found: Found) -> str:
    """Where the rotation stands, as a sentence."""
    record = found.record
    since = f" since {iso(record.since)}" if record is not None else ""
    match stage(found):
        case Stage.UNKNOWN:
            return f"Several keys are published, and {unknown_signer(found)}."
        case Stage.UNPUBLISHED:
            return f"The cluster signs, or will sign, with what is not published: {_listed(missing_keys(found))}."
        case Stage.STEADY:
            return f"One key is published, and the cluster signs with it{since}."
        case Stage.PUBLISHED:
            hidden = [state.kid for state in key_states(found) if not state.seen]
            because = f" ({found.unseen_because})" if found.unseen_because else ""
            return f"The world does not see {_listed(hidden)} yet{because}."
        case Stage.READY:
            return f"The world sees the next key {_listed(kids_of(found, Use.NEXT))}: the cluster may sign with it."
        case Stage.SWITCHED:
            old = _listed(kids_of(found, Use.OLD))
            return f"The cluster signs with {found.signer}{since}; tokens of {old} may be alive."
        case Stage.RETIRABLE:
            idle = _listed(kids_of(found, Use.IDLE))
            return f"The cluster signs with {found.signer}{since}; no token of {idle} is alive."
        case _ as never:
            assert_never(never)


def advice(found: Found) -> tuple[str, ...]:
    """What to do next, and what not to do yet."""
    match stage(found):
        case Stage.UNKNOWN:
            if found.cluster is not None:
                return ("Retire no key; run the command again when the API servers have restarted.",)
            return ("Or, when every API server signs with the new key and no other, say so with --switched-to KID.",)
        case Stage.UNPUBLISHED:
            return ("Run the command with --kubeconfig: it publishes them.",)
        case Stage.STEADY:
            return ("Begin a rotation with --new-key, --cluster-key or --public-key-file.",)
        case Stage.PUBLISHED:
            return ("Let nothing be signed with it yet; the same command goes on waiting.",)
        case Stage.READY:
            return _how_to_switch(found)
        case Stage.SWITCHED:
            when = (
                f"Retire it with --retire-old from {iso(found.safe_at)} on."
                if found.safe_at is not None
                else "Run the command with --kubeconfig, which notes since when; without a cluster, say --switched-to."
            )
            return (when, "Containers that never read their token file again must be restarted before that.")
        case Stage.RETIRABLE:
            return ("Retire it with --retire-old.",)
        case _ as never:
            assert_never(never)


def _how_to_switch(found: Found) -> tuple[str, ...]:
    coming = kids_of(found, Use.NEXT)
    kid = coming[0] if len(coming) == 1 else "and the KID that it signs with"
    openshift = (
        "OpenShift: run the command with --kubeconfig and the option that the key was published with, or put the pair "
        f"into the Secret {'/'.join(SIGNING_KEYS['next'])}, service-account.key and service-account.pub."
    )
    kubernetes = (
        "Kubernetes: kube-apiserver --service-account-signing-key-file=NEW.private "
        "--service-account-key-file=NEW.public --service-account-key-file=OLD.public, one API server after the other; "
        "first let all of them take both keys, then sign with the new one."
    )
    then = f"Then run the command with --kubeconfig, or say --switched-to {kid}. Retire no key before."
    cluster = found.cluster
    ways: tuple[str, ...] = (openshift, kubernetes)
    if cluster is not None and not cluster.hidden:
        ways = (openshift,) if cluster.is_openshift else (kubernetes,)
    return (*ways, then)


def _key_json(state: KeyState) -> dict[str, Any]:
    return {"kid": state.kid, "algorithm": state.algorithm or None, "use": state.use.value, "seen": state.seen}


def _listed(kids: list[str] | tuple[str, ...]) -> str:
    return " and ".join(kids)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


__all__ = ["advice", "said", "status_json", "status_text"]
