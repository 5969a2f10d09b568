"""A public key as JSON: RFC 7517 (JWK), RFC 7518 §6 (RSA and EC members), with the kid that kube-apiserver computes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NewType, TypeAlias

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccoctl.errors import SigningKeyError
from ccoctl.signing.keypair import LARGEST, PublicKey, check_strength

Kid = NewType("Kid", str)

_Curve: TypeAlias = ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1
CURVES: Mapping[str, tuple[_Curve, str, int]] = {
    "P-256": (ec.SECP256R1(), "ES256", 32),
    "P-384": (ec.SECP384R1(), "ES384", 48),
    "P-521": (ec.SECP521R1(), "ES512", 66),
}
"""RFC 7518 §6.2.1.1: the curve, the algorithm that it signs with, and the bytes of a coordinate."""
_STANDARD = bytes.maketrans(b"-_", b"+/")
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class Jwk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One key; a member that the key does not have is None. The order of the members is the Go tool's."""

    use: str | None = None
    kty: str
    kid: Kid | None = None
    crv: str | None = None
    alg: str | None = None
    n: str | None = None
    e: str | None = None
    x: str | None = None
    y: str | None = None
    others: Mapping[str, object] = {}
    """Members that we do not use, kept as they were published; of a type we do not know, all but kty and kid."""

    @property
    def known(self) -> bool:
        """True when it is of a type that we can check tokens with."""
        return self.kty == "RSA" or (self.kty == "EC" and self.crv in CURVES)


def kid(public: PublicKey) -> Kid:
    """The key's id as kube-apiserver computes it: base64url of the SHA-256 of the DER SubjectPublicKeyInfo."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return Kid(encode(digest.finalize()))


def to_jwk(public: PublicKey) -> Jwk:
    """A key as kube-apiserver and the Go tool publish it.

    Raises:
        SigningKeyError: the key is too weak, or on a curve that tokens are not signed with.
    """
    check_strength(public)
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        n, e = (encode(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
        return Jwk(use="sig", kty="RSA", kid=kid(public), alg="RS256", n=n, e=e)
    crv, alg, size = next(
        (crv, alg, size) for crv, (curve, alg, size) in CURVES.items() if curve.name == public.curve.name
    )
    point = public.public_numbers()
    x, y = (encode(number.to_bytes(size)) for number in (point.x, point.y))
    return Jwk(use="sig", kty="EC", kid=kid(public), crv=crv, alg=alg, x=x, y=y)


def to_public(jwk: Jwk, *, where: str = "") -> PublicKey:
    """The key itself.

    Raises:
        SigningKeyError: a member is missing or damaged, the key is too weak, its algorithm does not fit its type, or it
            is of a type that we do not know.
    """
    key: PublicKey
    if not jwk.known:
        kind = jwk.kty if jwk.crv is None else f"{jwk.kty} {jwk.crv}"
        raise _refusal(f"The key is of a type that ccoctl does not know: {kind[:40]!a}", where)
    try:
        key = _rsa(jwk, where) if jwk.kty == "RSA" else _ec(jwk, where)
    except ValueError:
        raise _refusal(f"The {jwk.kty} key's numbers are not those of a key", where) from None
    check_strength(key, where=where)
    _check_algorithm(jwk, where)
    return key


def _rsa(jwk: Jwk, where: str) -> rsa.RSAPublicKey:
    n, e = (_decoded(jwk, name, where) for name in ("n", "e"))
    if len(n) > LARGEST // 8 + 1 or len(e) > 8:
        raise _refusal("The RSA key's numbers are too large", where)
    return rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()


def _ec(jwk: Jwk, where: str) -> ec.EllipticCurvePublicKey:
    curve, _, size = CURVES[jwk.crv or ""]
    x, y = (_decoded(jwk, name, where) for name in ("x", "y"))
    if len(x) != size or len(y) != size:  # RFC 7518 §6.2.1.2: the full size of a coordinate
        raise _refusal(f"The EC key's coordinates must have {size} bytes each", where)
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()


def _check_algorithm(jwk: Jwk, where: str) -> None:
    """A key for one kind of algorithm must not be used with another (RFC 8725 §3.1)."""
    if jwk.alg is None or jwk.use not in {None, "sig"}:
        return
    fitting = RSA_ALGORITHMS if jwk.kty == "RSA" else {CURVES[jwk.crv or ""][1]}
    if jwk.alg not in fitting:
        raise _refusal(f"The {jwk.kty} key says that it signs with {jwk.alg[:40]!a}, which does not fit", where)


def _decoded(jwk: Jwk, name: str, where: str) -> bytes:
    value = getattr(jwk, name)
    if not value:
        raise _refusal(f"The {jwk.kty} key has no member {name}", where)
    data = decode(value)
    if data is None:
        raise _refusal(f"The {jwk.kty} key's member {name} is not base64url without padding", where)
    return data


def encode(data: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes | None:
    """The bytes of base64url text, or None where it is not exactly what `encode` would write."""
    if "=" in text or "+" in text or "/" in text:
        return None
    try:
        data = binascii.a2b_base64(
            text.encode("ascii").translate(_STANDARD) + b"=" * (-len(text) % 4), strict_mode=True
        )
    except ValueError:  # binascii.Error is one
        return None
    rest = len(data) % 3  # only the last characters can hold bits that mean nothing
    return None if rest and encode(data[-rest:]) != text[-rest - 1 :] else data


def _refusal(what: str, where: str) -> SigningKeyError:
    return SigningKeyError(what, where=where, remedy="See who published it, and publish the right key in its place.")


__all__ = ["CURVES", "RSA_ALGORITHMS", "Jwk", "Kid", "decode", "encode", "kid", "to_jwk", "to_public"]
