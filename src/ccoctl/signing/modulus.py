"""RSA moduli that anybody can take apart, seen without taking them apart."""

from __future__ import annotations

import math
from functools import cache

_LARGEST_PRIME = 701
"""Of the 126 primes that the broken library used for keys of 2048 bits; larger keys have these and more."""
_GENERATOR = 65537


def weakness(n: int) -> str:
    """Why a modulus of 2048 bits or more protects nothing; empty where no such reason is seen.

    Source: FIPS 186-5, A.1.1 (a modulus is the product of two large primes); Nemec and others, "The Return of
    Coppersmith's Attack", 2017 (CVE-2017-15361: such keys are powers of 65537 modulo every small prime, which other
    keys are once in 2^100).
    """
    if math.gcd(n, 2 * math.prod(_primes())) != 1:
        return "has a small factor, as no product of two large primes has"
    if all(n % prime in _powers(prime) for prime in _primes()):
        return "is of the kind that a chip's library made which is broken (CVE-2017-15361, ROCA)"
    return ""


@cache
def _primes() -> tuple[int, ...]:
    odd = range(3, _LARGEST_PRIME + 1, 2)
    return tuple(number for number in odd if all(number % least for least in range(3, math.isqrt(number) + 1, 2)))


@cache
def _powers(prime: int) -> frozenset[int]:
    """The powers of the generator modulo a prime; most keys need those of a few primes alone."""
    return frozenset(pow(_GENERATOR, power, prime) for power in range(prime))


__all__ = ["weakness"]
