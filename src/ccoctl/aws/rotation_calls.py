"""The Calls of a rotation that are none of AWS's creating commands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ccoctl.aws.rotation import SIGNING_SINCE
from ccoctl.engine.call import Call, Output, Value, text
from ccoctl.engine.plan import Wait

SIGNING = "signing"
"""The service of the Calls about the signing key; no private key is in their parameters."""
SEEN_DEADLINE = 900.0
"""Seconds that published keys may take to be seen: what caches may keep is five minutes old, CloudFront takes some."""
ROLLOUT_DEADLINE = 7200.0
"""Seconds that a cluster may take to sign with another key: its API servers restart twice, one after the other."""
RENEWAL_DEADLINE = 600.0
"""Seconds that OpenShift's operator may take to make a key."""
_AT_LEISURE = 5.0


def until_seen(url: str, kids: Iterable[str]) -> Wait:
    """Waiting until the world sees all of these keys."""
    call = Call(service="issuer", operation="GetKeys", parameters={"Url": url, "Kids": list(kids)})
    return Wait(call=call, path="AreSeen", equals=True, deadline=SEEN_DEADLINE)


def until_only(url: str, kids: Iterable[str]) -> Wait:
    """Waiting until the world sees these keys and no other."""
    call = Call(service="issuer", operation="GetKeys", parameters={"Url": url})
    return Wait(call=call, path="Kids", equals=list(kids), deadline=SEEN_DEADLINE)


def sample() -> Call:
    """Several fresh tokens of the cluster, each over a connection of its own; they are looked at and thrown away.

    The answer: `Kids` that they are signed with, `Kid` where it is one and the same, `Issuer`, and `At`, when it was.
    """
    return Call(service=SIGNING, operation="Sample")


def until_signed_with(kid: str) -> Wait:
    """Waiting until the cluster signs with this key alone."""
    return Wait(
        call=sample(),
        path="Kid",
        equals=kid,
        deadline=ROLLOUT_DEADLINE,
        first_interval=_AT_LEISURE,
        longest_interval=30,
    )


def until_renewed(old: str) -> Wait:
    """Waiting until the operator has made another key than that one."""
    call = Call(service=SIGNING, operation="LookForNext", parameters={"Old": old})
    return Wait(call=call, path="IsNew", equals=True, deadline=RENEWAL_DEADLINE)


def read_pair(private: Path) -> Call:
    """A key pair from its private half: `PrivateKey` and `PublicKey` of the answer, in PEM."""
    return Call(service=SIGNING, operation="ReadPair", parameters={"Path": str(private)})


def pair_part(step: str, part: str) -> Output:
    """A half of the pair that a step reads; it is in no plan and in no output."""
    return Output(step=step, path=part, placeholder=f"<{part} of the new pair>")


def note_signer(provider_arn: Value, kid: str, since: str | Output) -> Call:
    """Note on the issuer's provider since when the cluster signs with a key."""
    return Call(
        service="iam",
        operation="TagOpenIDConnectProvider",
        parameters={
            "OpenIDConnectProviderArn": provider_arn,
            "Tags": [{"Key": SIGNING_SINCE, "Value": text(since, " ", kid)}],
        },
    )


def create_invalidation(distribution: str, paths: Iterable[str], reference: str) -> Call:
    """Have a distribution forget what it keeps; who may not do that waits until it is too old."""
    items = list(paths)
    return Call(
        service="cloudfront",
        operation="CreateInvalidation",
        parameters={
            "DistributionId": distribution,
            "InvalidationBatch": {
                "Paths": {"Quantity": len(items), "Items": items},
                "CallerReference": reference,
            },
        },
        tolerate=frozenset({"AccessDenied"}),
    )
