"""Tokens as a kube-apiserver issues them for a TokenRequest.

Source: Kubernetes' pkg/serviceaccount/{claims,jwt}.go and pkg/registry/core/serviceaccount/storage/token.go, compared
with tokens of a real one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.claims import subject_of
from ccoctl.signing.jwk import Kid, encode, kid, to_jwk

SHORTEST_LIFE = 600
"""Seconds; the API server refuses less (pkg/apis/authentication/validation)."""
LONGEST_LIFE = 2**32

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_HASHES = {"RS256": hashes.SHA256(), "ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}


class ObjectRef(msgspec.Struct, frozen=True):
    """An object of the cluster that a token is bound to."""

    name: str
    uid: str


class ServiceAccount(msgspec.Struct, frozen=True):
    """Whom a token is for."""

    namespace: str
    name: str
    uid: str


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is to say."""

    account: ServiceAccount
    audiences: tuple[str, ...]
    lifetime: int = 3600
    """Seconds."""
    pod: ObjectRef | None = None
    node: ObjectRef | None = None


class Signer:
    """A signing key, with what the header says of it."""

    def __init__(self, key: SigningKey, *, named: Kid | None = None) -> None:
        """`named`: the kid that tokens name instead of the key's own, as a forger would.

        Raises:
            SigningKeyError: the key is too weak, or on a curve that tokens are not signed with.
        """
        jwk = to_jwk(key.public_key())
        self.kid: Kid = named or kid(key.public_key())
        self.alg = jwk.alg or ""
        self.jwk = jwk
        self._key = key
        self._header = encode(_compact({"alg": self.alg, "kid": self.kid}))

    def sign(self, claims: dict[str, object]) -> str:
        """The token of these claims."""
        signed = f"{self._header}.{encode(_compact(claims))}"
        return f"{signed}.{encode(self._signature(signed.encode('ascii')))}"

    def _signature(self, signed: bytes) -> bytes:
        algorithm = _HASHES[self.alg]
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(signed, padding.PKCS1v15(), algorithm)
        size = (self._key.curve.key_size + 7) // 8
        return b"".join(
            number.to_bytes(size) for number in decode_dss_signature(self._key.sign(signed, ec.ECDSA(algorithm)))
        )


def issue(signer: Signer, request: TokenRequest, *, issuer: str, now: int, token_id: str) -> str:
    """A token as the API server would sign it.

    Args:
        signer: with the cluster's signing key.
        request: for whom, for which audiences and for how long.
        issuer: the cluster's issuer.
        now: seconds since 1970.
        token_id: a new UUID.

    Raises:
        TokenError: the API server would not issue such a token.
    """
    _check(request)
    return signer.sign(claims(request, issuer=issuer, now=now, token_id=token_id))


def claims(request: TokenRequest, *, issuer: str, now: int, token_id: str) -> dict[str, object]:
    """The claims in the order in which the API server writes them."""
    account = request.account
    bound: dict[str, object] = {"namespace": account.namespace}
    for name, ref in (("node", request.node), ("pod", request.pod)):
        if ref is not None:
            bound[name] = {"name": ref.name, "uid": ref.uid}
    bound["serviceaccount"] = {"name": account.name, "uid": account.uid}
    return {
        "aud": list(request.audiences),
        "exp": now + request.lifetime,
        "iat": now,
        "iss": issuer,
        "jti": token_id,
        "kubernetes.io": bound,
        "nbf": now,
        "sub": subject_of(account.namespace, account.name),
    }


def _check(request: TokenRequest) -> None:
    if not SHORTEST_LIFE <= request.lifetime <= LONGEST_LIFE:
        what = f"A token lives at least {SHORTEST_LIFE} seconds, at most 2^32; {request.lifetime} were asked for"
        raise TokenError(what, problem=TokenProblem.LIFETIME)
    if not request.audiences or not all(request.audiences):
        raise TokenError("A token needs an audience", problem=TokenProblem.AUDIENCE)


def _compact(value: dict[str, object] | Sequence[object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
