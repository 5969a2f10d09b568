"""Keys of every kind, made once; none of them is in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccoctl.signing import keypair


@pytest.fixture(scope="session")
def data() -> Path:
    """Public keys with ids that OpenSSL computed."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def private_pem() -> bytes:
    """A private key as create-key-pair makes it."""
    return keypair.generate(2048)


@pytest.fixture(scope="session")
def private(private_pem: bytes) -> rsa.RSAPrivateKey:
    """The same, loaded."""
    return keypair.load_private(private_pem)


@pytest.fixture(scope="session")
def another() -> rsa.RSAPrivateKey:
    """The private key of another cluster."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def weak() -> rsa.RSAPrivateKey:
    """A key that is too short."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.fixture(scope="session")
def exponent_3() -> rsa.RSAPrivateKey:
    """A key with a small exponent."""
    return rsa.generate_private_key(public_exponent=3, key_size=2048)


@pytest.fixture(scope="session")
def elliptic() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def pkcs8(private: rsa.RSAPrivateKey) -> bytes:
    """The private key as PKCS #8."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
