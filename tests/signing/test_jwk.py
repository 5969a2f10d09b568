"""One key as JSON: the id that kube-apiserver computes, and checks on what others publish."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import SigningKeyError
from ccoctl.signing import jwk, keypair
from ccoctl.signing.jwk import Jwk, Kid

KEYS = ("rsa", "p-256", "p-384", "p-521")


def _kids(data: Path) -> dict[str, str]:
    lines = (data / "kids").read_text().splitlines()
    return {name.removesuffix(".public"): kid for name, kid in (line.split() for line in lines)}


@pytest.mark.parametrize("name", KEYS)
def test_the_kid_is_the_one_that_openssl_computes(data: Path, name: str) -> None:
    public = keypair.load_public((data / f"{name}.public").read_bytes())
    assert jwk.kid(public) == jwk.to_jwk(public).kid == _kids(data)[name]


def test_the_modulus_is_the_one_that_openssl_shows(data: Path) -> None:
    key = jwk.to_jwk(keypair.load_public((data / "rsa.public").read_bytes()))
    assert (key.n, key.e) == ((data / "rsa.n").read_text(), "AQAB")


@pytest.mark.parametrize(
    ("name", "kty", "crv", "alg"),
    [
        ("rsa", "RSA", None, "RS256"),
        ("p-256", "EC", "P-256", "ES256"),
        ("p-384", "EC", "P-384", "ES384"),
        ("p-521", "EC", "P-521", "ES512"),
    ],
)
def test_type_curve_and_algorithm_follow_from_the_key(
    data: Path, name: str, kty: str, crv: str | None, alg: str
) -> None:
    key = jwk.to_jwk(keypair.load_public((data / f"{name}.public").read_bytes()))
    assert (key.use, key.kty, key.crv, key.alg) == ("sig", kty, crv, alg)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_comes_back_from_json(data: Path, name: str) -> None:
    public = keypair.load_public((data / f"{name}.public").read_bytes())
    assert jwk.to_public(jwk.to_jwk(public)) == public


def test_the_kids_are_those_of_a_real_api_server(shared: Path) -> None:
    served = json.loads((shared / "fixtures/kube-apiserver-1.36/jwks-rsa-and-ec.json").read_bytes())["keys"]
    assert [key["kty"] for key in served] == ["RSA", "EC"]
    for key in served:
        parsed = msgspec.convert(key, Jwk)
        assert jwk.to_jwk(jwk.to_public(parsed)) == parsed


def test_a_weak_key_is_not_published(weak: rsa.RSAPrivateKey, exponent_3: rsa.RSAPrivateKey) -> None:
    for key in (weak, exponent_3):
        with pytest.raises(SigningKeyError):
            jwk.to_jwk(key.public_key())


def _with(key: Jwk, **changes: str | None) -> Jwk:
    return msgspec.structs.replace(key, **changes)


def _number(value: int) -> str:
    return jwk.encode(value.to_bytes((value.bit_length() + 7) // 8 or 1))


@pytest.mark.parametrize("e", [1, 2, 3, 65536, 65539 * 2, 2**31 + 1, 2**70 + 1])
def test_an_exponent_that_is_even_small_or_huge_is_refused(private: rsa.RSAPrivateKey, e: int) -> None:
    with pytest.raises(SigningKeyError):
        jwk.to_public(_with(jwk.to_jwk(private.public_key()), e=_number(e)))


@pytest.mark.parametrize("bits", [8, 512, 1024, 2047, 16385, 200_000])
def test_a_modulus_that_is_short_or_huge_is_refused(private: rsa.RSAPrivateKey, bits: int) -> None:
    with pytest.raises(SigningKeyError):
        jwk.to_public(_with(jwk.to_jwk(private.public_key()), n=_number(2 ** (bits - 1) + 1)))


def test_a_leading_zero_byte_that_java_writes_is_put_up_with(private: rsa.RSAPrivateKey) -> None:
    public = private.public_key()
    n = jwk.encode(b"\0" + public.public_numbers().n.to_bytes(256))
    assert jwk.to_public(_with(jwk.to_jwk(public), n=n)) == public


def test_a_point_off_the_curve_is_refused(elliptic: ec.EllipticCurvePrivateKey) -> None:
    key = jwk.to_jwk(elliptic.public_key())
    with pytest.raises(SigningKeyError, match="numbers"):
        jwk.to_public(_with(key, x=key.y, y=key.x))


def test_a_short_coordinate_is_refused(elliptic: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(SigningKeyError, match="32 bytes"):
        jwk.to_public(_with(jwk.to_jwk(elliptic.public_key()), x="AQAB"))


@pytest.mark.parametrize("member", ["n", "e"])
@pytest.mark.parametrize("value", [None, "", "AQAB=", "AQ AB", "AQAB\n", "+/+/", "é", "AQABA", "AR"])
def test_a_member_that_is_not_base64url_is_refused(private: rsa.RSAPrivateKey, member: str, value: str | None) -> None:
    with pytest.raises(SigningKeyError, match=f"member {member}"):
        jwk.to_public(_with(jwk.to_jwk(private.public_key()), **{member: value}))


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "rs256", ""])
def test_an_algorithm_of_another_type_is_refused(private: rsa.RSAPrivateKey, alg: str) -> None:
    with pytest.raises(SigningKeyError, match="does not fit"):
        jwk.to_public(_with(jwk.to_jwk(private.public_key()), alg=alg))


def test_an_ec_key_signs_with_its_own_curves_algorithm(elliptic: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(SigningKeyError, match="does not fit"):
        jwk.to_public(_with(jwk.to_jwk(elliptic.public_key()), alg="ES384"))


def test_a_key_that_names_no_algorithm_is_taken(private: rsa.RSAPrivateKey) -> None:
    public = private.public_key()
    assert jwk.to_public(_with(jwk.to_jwk(public), alg=None, use=None)) == public


@pytest.mark.parametrize("key", [Jwk(kty="OKP", kid=Kid("a")), Jwk(kty="EC", crv="secp256k1"), Jwk(kty="rsa")])
def test_a_type_that_we_do_not_know_is_said_to_be_one(key: Jwk) -> None:
    assert not key.known
    with pytest.raises(SigningKeyError, match="does not know"):
        jwk.to_public(key)


@given(st.binary())
def test_base64url_comes_back(data: bytes) -> None:
    assert jwk.decode(jwk.encode(data)) == data


@given(st.text(alphabet="AQBw-_=+/ \n", max_size=12))
def test_only_one_text_stands_for_the_same_bytes(text: str) -> None:
    data = jwk.decode(text)
    assert data is None or jwk.encode(data) == text
