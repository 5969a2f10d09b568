"""Does a token hold? Constant rules, as pure functions: no algorithm and no key is taken from the token.

The checks of a signature come before those of the claims, so that nobody learns from an answer what a forged token
would have to say. Source: RFC 7515 §5.2, RFC 8725 §3, OpenID Connect Core 1.0 §3.1.3.7.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ccoctl.errors import SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.claims import Claims
from ccoctl.federation.token import Token, parse
from ccoctl.signing.jwk import CURVES, Jwk, Kid, to_public
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.keypair import PublicKey

SKEW = 300
"""Seconds that another clock may be ahead of ours."""
LONGEST_LIFE = 24 * 3600
"""Seconds from issue to expiry; a token that lives longer is no projected one."""

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_PADDING = padding.PKCS1v15()
_BY_CURVE = {curve.name: (alg, size) for curve, alg, size in CURVES.values()}


class VerificationKey(msgspec.Struct, frozen=True):
    """A public key with the algorithms that it may be used with."""

    public: PublicKey
    algorithms: frozenset[str]


KeySet = Mapping[Kid, VerificationKey]
"""The keys that tokens of one issuer are signed with, by kid."""


def key_set(jwks: Jwks) -> KeySet:
    """The keys of a set that can check tokens. Those without a kid, for other uses or of other types are left out.

    Raises:
        SigningKeyError: two keys have one kid, or one is damaged.
    """
    keys: dict[Kid, VerificationKey] = {}
    for jwk in jwks.keys:
        if jwk.kid is None or not jwk.known or not _may_verify(jwk):
            continue
        if jwk.kid in keys:
            raise SigningKeyError(f"Two keys of the JWKS have the kid {jwk.kid[:80]!a}")
        keys[jwk.kid] = _verification_key(jwk)
    return keys


def verify(text: str, *, keys: KeySet, issuer: str, audiences: Collection[str], now: float) -> Claims:
    """The claims of a token that holds.

    Args:
        text: the token in its compact form.
        keys: the issuer's published keys.
        issuer: the URL that `iss` must equal, character by character.
        audiences: what `aud` (or `azp`) may be.
        now: seconds since 1970.

    Raises:
        TokenError: it does not hold; `problem` says why.
    """
    token = parse(text)
    check_signature(token, keys)
    check_times(token.claims, now)
    if token.claims.issuer != issuer:
        what = f"The token's issuer is {token.claims.issuer[:200]!a}, not {issuer!a}"
        raise TokenError(what, problem=TokenProblem.ISSUER)
    check_audience(token.claims, audiences)
    return token.claims


def check_signature(token: Token, keys: KeySet) -> None:
    """The key of the token's kid, used as that key may be, made the signature.

    Raises:
        TokenError: it did not, or there is no such key.
    """
    key = keys.get(token.header.kid)
    if key is None:
        what = f"No published key has the kid {token.header.kid[:80]!a}"
        raise TokenError(what, problem=TokenProblem.KEY)
    if token.header.alg not in key.algorithms:
        what = f"The key {token.header.kid[:80]!a} does not sign with {token.header.alg}"
        raise TokenError(what, problem=TokenProblem.ALGORITHM)
    try:
        _check(key.public, token)
    except InvalidSignature:
        what = f"The signature was not made with the key {token.header.kid[:80]!a}"
        raise TokenError(what, problem=TokenProblem.SIGNATURE) from None


def check_times(claims: Claims, now: float) -> None:
    """The token is valid now, and was not made to live for ever.

    Raises:
        TokenError: it is not.
    """
    if now >= claims.expires:
        what = f"The token expired {_span(now - claims.expires)} ago"
        raise TokenError(what, problem=TokenProblem.EXPIRED)
    for name, time in (("iat", claims.issued_at), ("nbf", claims.not_before)):
        if time > now + SKEW:
            what = f"The token is not valid yet: its {name} is {_span(time - now)} from now"
            raise TokenError(what, problem=TokenProblem.NOT_YET)
    if not 0 < claims.lifetime <= LONGEST_LIFE:
        what = f"The token was issued for {_span(claims.lifetime)}; a projected one lives 24 hours at most"
        raise TokenError(what, problem=TokenProblem.LIFETIME)


def check_audience(claims: Claims, audiences: Collection[str]) -> None:
    """The token is for one of these and for nobody else: whoever else it is for could use it in the owner's name.

    Raises:
        TokenError: it is not (OpenID Connect Core 1.0 §3.1.3.7, steps 3 to 5).
    """
    party = claims.authorized_party
    meant = claims.audiences if party is None else (party,)
    if strangers := [audience for audience in meant if audience not in audiences]:
        what = (
            f"The token is for the audience {strangers[0][:80]!a}, which is not one of {', '.join(sorted(audiences))}"
        )
        raise TokenError(what, problem=TokenProblem.AUDIENCE)


def _check(public: PublicKey, token: Token) -> None:
    algorithm = _HASHES[token.header.alg[2:]]
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(token.signature, token.signed, _PADDING, algorithm)
        return
    _, size = _BY_CURVE[public.curve.name]
    if len(token.signature) != 2 * size:  # RFC 7518 §3.4: both numbers in full
        raise InvalidSignature
    r, s = (int.from_bytes(half) for half in (token.signature[:size], token.signature[size:]))
    public.verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(algorithm))


def _may_verify(jwk: Jwk) -> bool:
    """By what the key is said to be for (RFC 7517 §4.2 and §4.3)."""
    operations = jwk.others.get("key_ops", ["verify"])
    return jwk.use in {None, "sig"} and isinstance(operations, list) and "verify" in operations


def _verification_key(jwk: Jwk) -> VerificationKey:
    public = to_public(jwk)
    if isinstance(public, rsa.RSAPublicKey):
        fitting = frozenset({"RS256", "RS384", "RS512"})
    else:
        fitting = frozenset({_BY_CURVE[public.curve.name][0]})
    return VerificationKey(public, fitting if jwk.alg is None else fitting & {jwk.alg})


def _span(seconds: float) -> str:
    """A time span for people."""
    whole = int(seconds)
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} seconds"
