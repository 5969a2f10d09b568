"""A modulus that anybody can take apart is refused wherever a key comes from."""

from __future__ import annotations

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.errors import SigningKeyError
from ccoctl.signing import jwk, keypair
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.modulus import weakness

PRIMES = [number for number in range(2, 702) if all(number % least for least in range(2, number))]
BASE = math.prod(PRIMES)


def broken_prime(number: int) -> int:
    """A number as CVE-2017-15361 made primes of: below 701 it tells its form, whether it is prime or not."""
    return ((1 << 60) + number) * BASE + pow(65537, 12_345 + number, BASE)


ROCA = broken_prime(1) * broken_prime(7)


def test_a_modulus_of_a_broken_library_is_known_by_its_form() -> None:
    assert ROCA.bit_length() >= 2048
    assert "CVE-2017-15361" in weakness(ROCA)


@pytest.mark.parametrize("factor", [2, 3, 65_536, 167, 701])
def test_a_modulus_with_a_small_factor_is_known(private: rsa.RSAPrivateKey, factor: int) -> None:
    assert "small factor" in weakness(private.public_key().public_numbers().n * factor)


def test_others_are_not_meant(private: rsa.RSAPrivateKey) -> None:
    n = private.public_key().public_numbers().n
    assert weakness(n) == ""
    assert weakness(n * 709) == "", "the next prime is not looked for"


@pytest.mark.parametrize("n", [ROCA, ROCA + 1])
def test_nobody_publishes_or_loads_such_a_key(n: int) -> None:
    text = jwk.encode(n.to_bytes(-(-n.bit_length() // 8)))
    with pytest.raises(SigningKeyError, match="modulus"):
        jwk.to_public(Jwk(kty="RSA", n=text, e="AQAB"))
    with pytest.raises(SigningKeyError, match="modulus"):
        keypair.load_public(keypair.public_pem(rsa.RSAPublicNumbers(65537, n).public_key()))
