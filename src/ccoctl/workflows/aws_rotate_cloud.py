"""A cluster's signing key as Calls: what fresh tokens are signed with, what the cluster holds, and a pair on disk."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ccoctl.aws.rotation import Sighting
from ccoctl.aws.rotation_calls import SIGNING, sample
from ccoctl.engine.attempt import read
from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CcoctlError, CloudError, ErrorKind, SigningKeyError, TokenError
from ccoctl.federation.clock import iso
from ccoctl.federation.token import Token, parse
from ccoctl.openshift import calls
from ccoctl.openshift.calls import PUBLIC_HALF
from ccoctl.signing import jwks, keypair
from ccoctl.signing.jwk import Jwk, to_jwk
from ccoctl.workflows.create_key_pair import load_private_key_file

SAMPLES = 8
"""Tokens that are looked at: a load balancer leads each connection to another API server, and all must agree."""
AUDIENCE = "ccoctl-rotation"
"""Of those tokens: nobody takes it, so that they are good for nothing."""
_ACCOUNT = ("default", "default")
"""A service account that every cluster has."""
_LIFETIME = 600

Connect = Callable[[], AbstractContextManager[Cloud]]
"""A new connection to the cluster, closed at the end of the block."""


class RotationCloud:
    """Performs the Calls about the signing key itself, and leaves every other one to those who know it."""

    def __init__(self, world: Cloud, *, clock: Callable[[], float], connect: Connect | None = None) -> None:
        """Nothing is asked yet.

        Args:
            world: AWS, the issuer's documents and the cluster.
            clock: seconds since 1970.
            connect: leads to the cluster, where one was named.
        """
        self._world = world
        self._clock = clock
        self._connect = connect

    def perform(self, call: Call) -> Answer:
        """The parsed answer; no token is in it.

        Raises:
            CloudError: whoever was asked refused or did not answer.
        """
        if call.service != SIGNING:
            return self._world.perform(call)
        match call.operation:
            case "Sample":
                return self._sampled()
            case "LookForNext":
                found = public_half(self._world.perform(calls.get_signing_key("next")))
                return {"Kid": str(found.kid), "IsNew": found.kid != call.parameters["Old"]}
            case _:
                return _pair(Path(str(call.parameters["Path"])))

    def _sampled(self) -> Answer:
        if self._connect is None:
            raise CloudError("no cluster was named", kind=ErrorKind.PERMANENT, remedy="Name one with --kubeconfig.")
        tokens = []
        for _ in range(SAMPLES):
            with self._connect() as cluster:
                tokens.append(token_for_nobody(cluster))
        kids = tuple(dict.fromkeys(str(token.header.kid) for token in tokens))
        issuers = tuple(dict.fromkeys(token.claims.issuer for token in tokens))
        one = {"Kid": kids[0]} if len(kids) == 1 else {}
        return {**one, "Kids": list(kids), "Issuers": list(issuers), "At": iso(self._clock())}


def sighting(cloud: Cloud) -> Sighting:
    """What a cluster signs with and holds.

    Raises:
        CloudError: it cannot be asked, or the caller may not ask for a token.
    """
    seen = read(cloud, sample())
    issuers, kids = (_texts(seen, name) for name in ("Issuers", "Kids"))
    hidden: list[str] = []
    following, current = (look_for(cloud, calls.get_signing_key(which), hidden) for which in ("next", "current"))
    listed = look_for(cloud, calls.get_keys(), [])
    return Sighting(
        signs_with=kids,
        issuer=" and ".join(issuers),
        trusted=_trusted(listed),
        current=public_half(current) if current is not None else None,
        next=public_half(following) if following is not None else None,
        next_uid=str(at_path(following or {}, "metadata.uid") or ""),
        next_version=str(at_path(following or {}, "metadata.resourceVersion") or ""),
        is_openshift=following is not None or current is not None,
        hidden=" and ".join(dict.fromkeys(hidden)),
    )


def public_half(secret: Answer) -> Jwk:
    """The public key in a Secret of the operator.

    Raises:
        CloudError: it holds none.
    """
    name = f"{at_path(secret, 'metadata.namespace')}/{at_path(secret, 'metadata.name')}"
    data = secret.get("data")
    held = data.get(PUBLIC_HALF) if isinstance(data, dict) else None
    try:
        return to_jwk(keypair.load_public(base64.b64decode(str(held or ""), validate=True), where=name))
    except (binascii.Error, SigningKeyError) as error:
        what = f"the Secret {name} holds no public key: {error}"
        raise CloudError(
            what, kind=ErrorKind.PERMANENT, remedy="See what the operator of the API server says."
        ) from error


def look_for(cloud: Cloud, call: Call, hidden: list[str]) -> Answer | None:
    """The answer; None where there is no such thing, or where the caller may not see it, which `hidden` is told."""
    try:
        return read(cloud, call)
    except CloudError as error:
        if error.kind is ErrorKind.DENIED:
            hidden.extend(error.actions)
        elif error.kind is not ErrorKind.MISSING:
            raise
        return None


def _trusted(listed: Answer | None) -> tuple[Jwk, ...]:
    if listed is None:
        return ()
    try:
        return jwks.parse(json.dumps(listed).encode(), where="API server's JWKS").keys
    except SigningKeyError as error:
        raise CloudError(f"the API server's keys cannot be read: {error.what}", kind=ErrorKind.PERMANENT) from error


def token_for_nobody(cluster: Cloud) -> Token:
    """A token of the cluster that nobody takes: it is asked for to see what it is signed with.

    Raises:
        CloudError: the cluster gives none, or the caller may not ask.
    """
    answer = read(cluster, calls.create_token(*_ACCOUNT, (AUDIENCE,), _LIFETIME))
    try:
        return parse(str(at_path(answer, "status.token") or ""))
    except TokenError as error:
        raise CloudError(f"the cluster gave a token that is none: {error.what}", kind=ErrorKind.PERMANENT) from error


def _pair(private: Path) -> Answer:
    try:
        key = load_private_key_file(private)
        pem = private.read_text(encoding="ascii")
    except (CcoctlError, OSError) as error:
        raise CloudError(f"the new key pair cannot be read: {error}", kind=ErrorKind.PERMANENT) from error
    return {"PrivateKey": pem, "PublicKey": keypair.public_pem(key.public_key()).decode("ascii")}


def _texts(answer: Answer, name: str) -> tuple[str, ...]:
    listed = answer.get(name)
    return tuple(str(item) for item in listed) if isinstance(listed, list) else ()


__all__ = ["AUDIENCE", "SAMPLES", "Connect", "RotationCloud", "look_for", "public_half", "sighting", "token_for_nobody"]
