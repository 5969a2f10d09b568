"""A private key whose numbers do not belong together is found out, whichever of them is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.signing.consistency import is_consistent


@dataclass(frozen=True)
class Numbers:
    n: int
    e: int
    d: int
    p: int
    q: int
    dmp1: int
    dmq1: int
    iqmp: int

    @classmethod
    def of(cls, key: rsa.RSAPrivateKey) -> Numbers:
        own = key.private_numbers()
        public = own.public_numbers
        return cls(public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)

    def key(self) -> rsa.RSAPrivateKey:
        public = rsa.RSAPublicNumbers(self.e, self.n)
        numbers = rsa.RSAPrivateNumbers(self.p, self.q, self.d, self.dmp1, self.dmq1, self.iqmp, public)
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def refused(numbers: Numbers) -> bool:
    """By us, or by the library already when a key is made of them."""
    try:
        return not is_consistent(numbers.key())
    except ValueError:
        return True


def test_a_key_that_was_made_is_consistent(private: rsa.RSAPrivateKey) -> None:
    assert is_consistent(private)


def test_so_is_one_of_a_tool_that_inverts_modulo_the_product(private: rsa.RSAPrivateKey) -> None:
    """RFC 8017 §3.2 has the least common multiple; older tools take the product of p-1 and q-1."""
    own = Numbers.of(private)
    assert is_consistent(replace(own, d=pow(own.e, -1, (own.p - 1) * (own.q - 1))).key())
    assert is_consistent(replace(own, d=pow(own.e, -1, math.lcm(own.p - 1, own.q - 1))).key())


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp"])
def test_no_number_may_be_another(private: rsa.RSAPrivateKey, name: str) -> None:
    own = Numbers.of(private)
    assert refused(replace(own, **{name: getattr(own, name) + 2}))


def test_the_numbers_of_two_keys_do_not_mix(private: rsa.RSAPrivateKey, another: rsa.RSAPrivateKey) -> None:
    one, two = Numbers.of(private), Numbers.of(another)
    assert refused(replace(one, p=two.p, q=two.q))
    assert refused(replace(one, d=two.d))


def test_factors_that_are_no_primes_sign_nothing_that_verifies(private: rsa.RSAPrivateKey) -> None:
    """The arithmetic of such a key fits in every way; its signatures do not verify."""
    own = Numbers.of(private)
    made = _of_a_composite_factor(own)
    assert made.p * made.q == made.n
    assert refused(made)


def _of_a_composite_factor(own: Numbers) -> Numbers:
    p = own.p + 2
    while True:
        q = own.q
        if p % 2 and (p - 1) * (q - 1) % own.e and pow(2, p - 1, p) != 1:
            break
        p += 2
    d = pow(own.e, -1, (p - 1) * (q - 1))
    return Numbers(p * q, own.e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def test_reading_a_key_takes_the_same_numbers(private: rsa.RSAPrivateKey) -> None:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    read = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(read, rsa.RSAPrivateKey)
    assert is_consistent(read)
