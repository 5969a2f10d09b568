"""Which of the keys that a running cluster trusts it signs with, or is about to; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.openshift.calls import SIGNING_KEYS, get_signing_key
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.trusted import Trusted
from ccoctl.workflows.aws_rotate_cloud import look_for, public_half, token_for_nobody


def trusted_keys(cluster: Cloud, keys: Jwks, *, signer: str = "") -> Trusted:
    """The keys with what they are for; of a single one nothing has to be asked.

    Args:
        cluster: it is asked for a token, and for the public halves of its operator's keys.
        keys: those whose tokens it takes.
        signer: the kid that it was seen to sign with; empty where a token is still to be asked for.

    Raises:
        CloudError: it does not answer, or answers nonsense. What is not allowed is only said.
    """
    if len(keys.keys) < 2:
        return Trusted(keys=keys, signer=next((str(key.kid) for key in keys.keys), ""))
    hidden: list[str] = []
    signer = signer or _signer(cluster, hidden)
    named = frozenset(str(key.kid) for key in _named(cluster, hidden))
    return Trusted(keys=keys, signer=signer, named=named, hidden=" and ".join(dict.fromkeys(hidden)))


def _named(cluster: Cloud, hidden: list[str]) -> Iterator[Jwk]:
    for which in SIGNING_KEYS:
        secret = look_for(cluster, get_signing_key(which), hidden)
        if secret is not None:
            yield public_half(secret)


def _signer(cluster: Cloud, hidden: list[str]) -> str:
    try:
        return str(token_for_nobody(cluster).header.kid)
    except CloudError as error:
        if error.kind is not ErrorKind.DENIED:
            raise
        hidden.extend(error.actions)
        return ""
