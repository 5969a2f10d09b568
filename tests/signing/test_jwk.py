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


REMEDY = "See who published it, and publish the right key in its place."


def _refusals(key: Jwk) -> str:
    """What is said of a key that is refused, with and without a place."""
    for where in ("keys.json: key 1", ""):
        with pytest.raises(SigningKeyError) as caught:
            jwk.to_public(key, where=where)
        assert (caught.value.where, caught.value.remedy) == (where, REMEDY)
    with pytest.raises(SigningKeyError) as caught:
        jwk.to_public(key)
    assert caught.value.where == ""
    return caught.value.what


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (Jwk(kty="OKP"), "OKP"),
        (Jwk(kty="OKP", crv="Ed25519"), "OKP Ed25519"),
        (Jwk(kty="EC", crv="secp256k1"), "EC secp256k1"),
        (Jwk(kty="k" * 41), "k" * 40),
    ],
)
def test_a_type_that_we_do_not_know_is_named(key: Jwk, kind: str) -> None:
    assert _refusals(key) == f"The key is of a type that ccoctl does not know: '{kind}'"


def test_a_refusal_of_an_rsa_key_says_what_is_wrong_where_and_what_to_do(private: rsa.RSAPrivateKey) -> None:
    key = jwk.to_jwk(private.public_key())
    too_large = "The RSA key's numbers are too large"
    no_key = "The RSA key's numbers are not those of a key"

    assert _refusals(_with(key, n=None)) == "The RSA key has no member n"
    assert _refusals(_with(key, e="")) == "The RSA key has no member e"
    assert _refusals(_with(key, n="AQAB=")) == "The RSA key's member n is not base64url without padding"
    assert _refusals(_with(key, e="AQAB=")) == "The RSA key's member e is not base64url without padding"
    assert _refusals(_with(key, e=_number(2))) == no_key
    assert _refusals(_with(key, e=jwk.encode(bytes(9)))) == too_large
    assert _refusals(_with(key, e=jwk.encode(bytes(8)))) == no_key
    assert _refusals(_with(key, n=jwk.encode(bytes(16384 // 8 + 2)))) == too_large
    assert _refusals(_with(key, n=jwk.encode(bytes(16384 // 8 + 1)))) == no_key
    assert _refusals(_with(key, alg="ES256")) == "The RSA key says that it signs with 'ES256', which does not fit"
    assert (
        _refusals(_with(key, alg="a" * 41)) == f"The RSA key says that it signs with '{'a' * 40}', which does not fit"
    )


def test_a_refusal_of_an_ec_key_does_too(elliptic: ec.EllipticCurvePrivateKey) -> None:
    key = jwk.to_jwk(elliptic.public_key())
    short = "The EC key's coordinates must have 32 bytes each"

    assert _refusals(_with(key, x=None)) == "The EC key has no member x"
    assert _refusals(_with(key, y="AQAB=")) == "The EC key's member y is not base64url without padding"
    assert _refusals(_with(key, x=jwk.encode(bytes(31)))) == short
    assert _refusals(_with(key, y=jwk.encode(bytes(33)))) == short
    assert _refusals(_with(key, x=key.y, y=key.x)) == "The EC key's numbers are not those of a key"
    assert _refusals(_with(key, alg="RS256")) == "The EC key says that it signs with 'RS256', which does not fit"


def test_a_weak_key_is_refused_with_its_place(weak: rsa.RSAPrivateKey) -> None:
    numbers = weak.public_key().public_numbers()
    with pytest.raises(SigningKeyError) as caught:
        jwk.to_public(Jwk(kty="RSA", n=_number(numbers.n), e=_number(numbers.e)), where="keys.json: key 1")
    assert caught.value.where == "keys.json: key 1"


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
@pytest.mark.parametrize("use", [None, "sig"])
def test_an_rsa_key_may_be_for_each_rsa_signature(private: rsa.RSAPrivateKey, alg: str, use: str | None) -> None:
    public = private.public_key()
    assert jwk.to_public(_with(jwk.to_jwk(public), alg=alg, use=use)) == public


def test_what_a_key_for_encryption_is_used_with_is_not_looked_at(private: rsa.RSAPrivateKey) -> None:
    public = private.public_key()
    assert jwk.to_public(_with(jwk.to_jwk(public), alg="RSA-OAEP", use="enc")) == public
    with pytest.raises(SigningKeyError, match="does not fit"):
        jwk.to_public(_with(jwk.to_jwk(public), alg="RSA-OAEP", use=None))


@pytest.mark.parametrize("text", ["", "AQ", "AQA", "AQAB", "-_-_", "AAAX"])
def test_base64url_is_read(text: str) -> None:
    data = jwk.decode(text)
    assert data is not None
    assert jwk.encode(data) == text


@pytest.mark.parametrize("text", ["=", "AQ==", "+_-_", "/_-_", "A", "AQABA", "AR", "AQB", "AQ\n", "\u00e9", "\ud800"])
def test_what_is_no_base64url_is_not(text: str) -> None:
    assert jwk.decode(text) is None


@given(st.binary())
def test_base64url_comes_back(data: bytes) -> None:
    assert jwk.decode(jwk.encode(data)) == data


@given(st.text(alphabet="AQBw-_=+/ \n", max_size=12))
def test_only_one_text_stands_for_the_same_bytes(text: str) -> None:
    data = jwk.decode(text)
    assert data is None or jwk.encode(data) == text
