"""Whether the numbers of an RSA private key belong together (RFC 8017 §3.2), without looking for primes.

The library's own check looks whether the factors are prime, a quarter of a second for 4096 bits. What a damaged or a
mixed-up file breaks is arithmetic, and a signature that verifies shows the rest: with factors that are no primes it
fails.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_PROBE = b"ccoctl: does this key sign?"


def is_consistent(key: rsa.RSAPrivateKey) -> bool:
    """True when the numbers fit each other and what the key signs verifies with its public half."""
    return _numbers_fit(key.private_numbers()) and _signs(key)


def _numbers_fit(numbers: rsa.RSAPrivateNumbers) -> bool:
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    return (
        p > 1 < q
        and bool(p & q & 1)
        and p != q
        and p * q == n
        and 0 < d < n
        and e * d % (p - 1) == 1
        and e * d % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )


def _signs(key: rsa.RSAPrivateKey) -> bool:
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    try:
        key.public_key().verify(key.sign(_PROBE, scheme, digest), _PROBE, scheme, digest)
    except (ValueError, InvalidSignature):
        return False
    return True
