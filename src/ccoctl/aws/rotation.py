"""Where the rotation of a signing key stands, and what is safe now: values and rules, nothing is asked or changed.

The order is: the new public key is published beside the old ones and seen by the world; the cluster signs with it; no
token of the old key can be alive any more; the old key is retired. Two things are known from the cloud alone: the keys
are what the issuer publishes, and since when the cluster signs with one of them is a tag of the issuer's IAM provider,
which no other command writes and which goes with the provider.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum

import msgspec

from ccoctl.aws.desired import Issuer, Settings
from ccoctl.aws.resources import Account, Provider
from ccoctl.federation.clock import iso
from ccoctl.signing import jwks
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks

SIGNING_SINCE = "ccoctl/signing-since"
"""Tag of the provider: since when, and with which key."""
LONGEST_LIFE = 24 * 3600
"""Seconds: what the longest token of a component lives unless the cluster is told otherwise."""
ROLLOUT = 3600
"""Seconds added to that: an API server that is behind the others may have signed a little longer with the old key, and
clocks differ."""

_RECORD = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\S{1,200})", re.ASCII)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Since when, in seconds since 1970, the cluster has been seen to sign with this key and with no other."""

    kid: str
    since: float


def record_of(provider: Provider | None) -> Record | None:
    """What the provider's tag says; None where it says nothing that can be understood."""
    said = _RECORD.fullmatch(provider.tags.get(SIGNING_SINCE, "")) if provider is not None else None
    if said is None:
        return None
    try:
        return Record(kid=said[2], since=datetime.fromisoformat(said[1]).timestamp())
    except ValueError:
        return None


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What a running cluster was seen to do and to hold."""

    signs_with: tuple[str, ...]
    """The kids of tokens that it issued just now, each once."""
    issuer: str
    """In whose name it issued them."""
    trusted: tuple[Jwk, ...] = ()
    """The keys whose tokens it takes itself; empty where they may not be read."""
    current: Jwk | None = None
    """OpenShift: the key that its operator has the API servers sign with."""
    next: Jwk | None = None
    """OpenShift: the key that its operator has them sign with next, once all of them know it; else the current one."""
    next_uid: str = ""
    """Of the Secret that holds it."""
    next_version: str = ""
    """The Secret's resourceVersion, to change it only as it was seen."""
    is_openshift: bool = False
    hidden: str = ""
    """Why it is not known whether it is OpenShift: the caller may not see the keys of its operator."""

    @property
    def signer(self) -> str:
        """The one key that all tokens were signed with; empty where there were several."""
        return self.signs_with[0] if len(self.signs_with) == 1 else ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A set-up's keys as they were found."""

    settings: Settings
    issuer: Issuer
    account: Account
    provider: Provider
    published: Jwks
    """What is in the bucket; what the world sees, where somebody else serves it."""
    seen: tuple[str, ...]
    """The kids that the world sees."""
    unseen_because: str = ""
    """Why the world sees none."""
    cluster: Sighting | None = None
    now: float
    """Seconds since 1970."""
    life: float = LONGEST_LIFE
    """Seconds that the longest token lives."""

    @property
    def url(self) -> str:
        """The issuer."""
        return str(self.issuer.url)

    @property
    def kids(self) -> tuple[str, ...]:
        """The kids that are published."""
        return tuple(str(key.kid) for key in self.published.keys)

    @property
    def record(self) -> Record | None:
        """Since when the cluster signs with its key; None where that is not known, or not so any more."""
        record = record_of(self.provider)
        if record is not None and self.cluster is not None and self.cluster.signs_with != (record.kid,):
            return None
        return record

    @property
    def signer(self) -> str:
        """The key that the cluster signs with; empty where nobody can tell."""
        if self.cluster is not None:
            return self.cluster.signer
        record = self.record
        if record is not None:
            return record.kid
        return self.kids[0] if len(self.kids) == 1 else ""

    @property
    def safe_at(self) -> float | None:
        """When no token of another key than the signer's can be alive, in seconds since 1970; None: nobody knows."""
        record = self.record
        return record.since + self.life + ROLLOUT if record is not None and record.kid == self.signer else None


class Use(Enum):
    """What a published key is for; the member's value is the word people and JSON see."""

    SIGNING = "signing"
    NEXT = "next"
    """Published, and the cluster was not seen to sign with it since it signs with its present key."""
    OLD = "old"
    """Tokens of it may be alive."""
    IDLE = "retirable"
    """No token of it can be alive."""
    UNKNOWN = "unknown"


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """One published key."""

    kid: str
    algorithm: str
    use: Use
    seen: bool
    """Whether the world sees it."""


def key_states(found: Found) -> tuple[KeyState, ...]:
    """Every published key, in the order in which they were published."""
    return tuple(
        KeyState(kid=str(key.kid), algorithm=key.alg or "", use=_use(found, str(key.kid)), seen=key.kid in found.seen)
        for key in found.published.keys
    )


def kids_of(found: Found, *uses: Use) -> list[str]:
    """The kids of the published keys that are for one of these uses."""
    return [state.kid for state in key_states(found) if state.use in uses]


def _use(found: Found, kid: str) -> Use:
    if not found.signer:
        is_used = found.cluster is not None and kid in found.cluster.signs_with
        return Use.SIGNING if is_used else Use.UNKNOWN
    if kid == found.signer:
        return Use.SIGNING
    if _is_coming(found, kid):
        return Use.NEXT
    return Use.IDLE if found.safe_at is not None and found.now >= found.safe_at else Use.OLD


def _is_coming(found: Found, kid: str) -> bool:
    """Keys are published one behind the other, so one behind the signer's is for later; OpenShift names its own."""
    if found.cluster is not None and found.cluster.next is not None and kid == found.cluster.next.kid:
        return True
    return found.signer in found.kids and found.kids.index(kid) > found.kids.index(found.signer)


class Stage(Enum):
    """Where a rotation stands; the member's value is the word that JSON has."""

    UNKNOWN = "unknown"
    """Several keys are published, and which of them the cluster signs with is not known."""
    UNPUBLISHED = "unpublished"
    """The cluster signs, or is about to sign, with a key that is not published: its tokens are refused."""
    STEADY = "steady"
    """One key is published, and the cluster signs with it."""
    PUBLISHED = "published"
    """A key is published that the world does not see yet."""
    READY = "ready"
    """The world sees the next key: the cluster may sign with it."""
    SWITCHED = "switched"
    """The cluster signs with the new key; tokens of an old one may be alive."""
    RETIRABLE = "retirable"
    """No token of an old key can be alive."""


def stage(found: Found) -> Stage:
    """Where the rotation stands; the most urgent of several that hold."""
    states = key_states(found)
    uses = {state.use for state in states}
    if missing_keys(found):
        return Stage.UNPUBLISHED
    if Use.UNKNOWN in uses or not found.signer:
        return Stage.UNKNOWN
    if any(not state.seen for state in states):
        return Stage.PUBLISHED
    if Use.NEXT in uses:
        return Stage.READY
    if Use.OLD in uses:
        return Stage.SWITCHED
    return Stage.RETIRABLE if Use.IDLE in uses else Stage.STEADY


def missing_keys(found: Found) -> tuple[str, ...]:
    """The kids that the cluster signs with, or is about to, and that are not published."""
    cluster = found.cluster
    if cluster is None:
        return () if not found.signer or found.signer in found.kids else (found.signer,)
    coming = (str(cluster.next.kid),) if cluster.next is not None else ()
    return tuple(kid for kid in dict.fromkeys((*cluster.signs_with, *coming)) if kid not in found.kids)


def why_not(found: Found, kid: str) -> str:
    """Why a key must not be retired now, as the rest of a sentence; empty when it may be."""
    if reason := why_never(found, kid):
        return reason
    if not found.signer:
        return unknown_signer(found)
    if found.signer not in found.seen:
        return f"the world does not see {found.signer}, which the cluster signs with"
    if _is_coming(found, kid):
        return "it was published for the cluster to sign with next"
    if found.safe_at is None:
        return "since when the cluster signs with its present key is not noted: run the command with --kubeconfig first"
    if found.now < found.safe_at:
        return f"tokens of it may be alive until {iso(found.safe_at)}"
    return ""


def unknown_signer(found: Found) -> str:
    """Why nobody can tell which key the cluster signs with."""
    if found.cluster is not None:
        return f"some API servers sign with {' and some with '.join(found.cluster.signs_with)}: wait for the rollout"
    return "which key the cluster signs with is not known: name the cluster with --kubeconfig"


def why_never(found: Found, kid: str) -> str:
    """Why a key cannot be retired whatever the user insists on; empty when it can be."""
    if not jwks.has(found.published, Kid(kid)):
        return "it is not published"
    if kid == found.signer or (found.cluster is not None and kid in found.cluster.signs_with):
        return "the cluster signs with it"
    return "it is the only key that is published" if len(found.published.keys) == 1 else ""
