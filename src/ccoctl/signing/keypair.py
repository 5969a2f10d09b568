"""Signing keys as PEM: made, read and checked.

RFC 7468 (PEM), RFC 8017 (PKCS #1), RFC 5958 (PKCS #8), RFC 5280 §4.1 (SubjectPublicKeyInfo).
"""

from __future__ import annotations

import re
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccoctl.errors import SigningKeyError
from ccoctl.signing.consistency import is_consistent
from ccoctl.signing.modulus import weakness

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey

SIZES = (2048, 3072, 4096)
"""Bits of the RSA keys that can be made."""
DEFAULT_SIZE = 4096
SMALLEST = 2048
LARGEST = 16384
"""Bits of the RSA keys that are read; checking a signature takes time with the square of it."""
SMALLEST_EXPONENT = 65537
LARGEST_EXPONENT = 2**31 - 1
"""What Go's crypto/rsa takes, and with it the API server."""

_BEGIN = re.compile(rb"^-----BEGIN ([^\r\n]{0,64}?)-----[ \t]*\r?$", re.MULTILINE)
_PRIVATE = frozenset({"RSA PRIVATE KEY", "PRIVATE KEY"})
_PUBLIC = frozenset({"PUBLIC KEY", "RSA PUBLIC KEY"})
_OTHERS = {
    "ENCRYPTED PRIVATE KEY": "an encrypted private key",
    "EC PRIVATE KEY": "an EC private key",
    "DSA PRIVATE KEY": "a DSA private key",
    "OPENSSH PRIVATE KEY": "a private key in OpenSSH's own format",
    "RSA PRIVATE KEY": "a private key",
    "PRIVATE KEY": "a private key",
    "PUBLIC KEY": "a public key",
    "RSA PUBLIC KEY": "a public key",
    "CERTIFICATE": "a certificate",
    "CERTIFICATE REQUEST": "a request for a certificate",
    "EC PARAMETERS": "the parameters of a curve",
}
_TO_PUBLIC = "Make the public one from it: openssl rsa -in PRIVATE -pubout -out PUBLIC"


def generate(bits: int = DEFAULT_SIZE) -> bytes:
    """A new RSA private key as the Go tool writes it: PEM, PKCS #1, not encrypted.

    Raises:
        SigningKeyError: no key of that size can be made.
    """
    if bits not in SIZES:
        sizes = ", ".join(map(str, SIZES))
        raise SigningKeyError(f"A signing key of {bits} bits cannot be made", remedy=f"Choose one of {sizes} bits.")
    return rsa.generate_private_key(public_exponent=SMALLEST_EXPONENT, key_size=bits).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public_pem(key: PublicKey) -> bytes:
    """A public key as the Go tool writes it: PEM, SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_private(pem: bytes, *, where: str = "") -> PrivateKey:
    """An RSA private key from PEM, PKCS #1 or PKCS #8, not encrypted.

    Raises:
        SigningKeyError: the text is not exactly one such key, or it is damaged or too weak.
    """
    label = _only_label(pem, where)
    if label not in _PRIVATE:
        remedy = "Give an RSA private key that is not encrypted, as `openssl genrsa -traditional 4096` writes it."
        raise SigningKeyError(f"This is {_described(label)}, not an RSA private key", where=where, remedy=remedy)
    if re.search(rb"^Proc-Type:[^\r\n]*ENCRYPTED", pem, re.MULTILINE):
        remedy = "Decrypt it first: openssl rsa -in ENCRYPTED -traditional -out PRIVATE"
        raise SigningKeyError("This private key is encrypted", where=where, remedy=remedy)
    try:
        # the check that is skipped looks for primes, a quarter of a second; ours follows
        key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _damaged("private", where) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SigningKeyError("This private key is not an RSA key", where=where, remedy="Give an RSA private key.")
    check_strength(key.public_key(), where=where)
    if not is_consistent(key):
        raise _damaged("private", where)
    return key


def load_public(pem: bytes, *, where: str = "") -> PublicKey:
    """An RSA or EC public key from PEM, SubjectPublicKeyInfo or (RSA) PKCS #1.

    Raises:
        SigningKeyError: the text is not exactly one such key, or it is damaged or too weak.
    """
    label = _only_label(pem, where)
    if label not in _PUBLIC:
        remedy = _TO_PUBLIC if label.endswith("PRIVATE KEY") else "Give the public half of the signing key as PEM."
        raise SigningKeyError(f"This is {_described(label)}, not a public key", where=where, remedy=remedy)
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _damaged("public", where) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        remedy = "Give the public half of the cluster's service account signing key."
        raise SigningKeyError("This public key is neither an RSA key nor an EC key", where=where, remedy=remedy)
    check_strength(key, where=where)
    return key


def matches(private: PrivateKey, public: PublicKey) -> bool:
    """True when the two are halves of one pair."""
    return private.public_key() == public


def check_strength(key: PublicKey, *, where: str = "") -> None:
    """Refuse a key that is too weak to trust, or that no API server could use.

    Raises:
        SigningKeyError: it is one.
    """
    remedy = "Make a new one: ccoctl aws create-key-pair"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
            what = f"This EC key is on the curve {key.curve.name}; only P-256, P-384 and P-521 can sign tokens"
            raise SigningKeyError(what, where=where, remedy=remedy)
        return
    if not SMALLEST <= key.key_size <= LARGEST:
        what = f"This RSA key has {key.key_size} bits; it must have from {SMALLEST} to {LARGEST}"
        raise SigningKeyError(what, where=where, remedy=remedy)
    exponent = key.public_numbers().e
    if exponent % 2 == 0 or not SMALLEST_EXPONENT <= exponent <= LARGEST_EXPONENT:
        what = f"This RSA key's exponent is not an odd number from {SMALLEST_EXPONENT} to {LARGEST_EXPONENT}"
        raise SigningKeyError(what, where=where, remedy=remedy)
    if reason := weakness(key.public_numbers().n):
        raise SigningKeyError(f"This RSA key's modulus {reason}", where=where, remedy=remedy)


def _only_label(pem: bytes, where: str) -> str:
    """The label of the one PEM block in the text."""
    labels = [found[1].decode("ascii", "replace") for found in _BEGIN.finditer(pem)]
    if not labels:
        what = "This is empty" if not pem.strip() else "This is not PEM text: no line says -----BEGIN …-----"
        raise SigningKeyError(what, where=where, remedy="Give a key in PEM, as ccoctl and openssl write it.")
    if len(labels) > 1:
        kinds = ", ".join(_described(label) for label in labels[:5])
        remedy = "Leave only the signing key in the file."
        raise SigningKeyError(f"This has {len(labels)} PEM blocks, not one: {kinds}", where=where, remedy=remedy)
    return labels[0]


def _described(label: str) -> str:
    return _OTHERS.get(label, f"a PEM block named {label!a}")


def _damaged(half: str, where: str) -> SigningKeyError:
    remedy = "Put the right file back, from a backup or from the cluster."
    return SigningKeyError(f"This {half} key is damaged: it cannot be read", where=where, remedy=remedy)


__all__ = [
    "DEFAULT_SIZE",
    "SIZES",
    "PrivateKey",
    "PublicKey",
    "check_strength",
    "generate",
    "load_private",
    "load_public",
    "matches",
    "public_pem",
]
