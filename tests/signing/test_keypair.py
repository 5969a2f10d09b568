"""Keys as PEM: what is made is what the Go tool makes; what is read is checked, and refused in a sentence."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import SigningKeyError
from ccoctl.signing import keypair

PEM = serialization.Encoding.PEM
PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
SECRET = serialization.BestAvailableEncryption(b"secret")
INFO = serialization.PublicFormat.SubjectPublicKeyInfo


@pytest.mark.parametrize("bits", keypair.SIZES)
def test_a_new_key_is_pkcs1_pem_of_the_wanted_size(bits: int) -> None:
    pem = keypair.generate(bits)
    key = keypair.load_private(pem)
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")
    assert pem.endswith(b"-----END RSA PRIVATE KEY-----\n")
    assert (key.key_size, key.public_key().public_numbers().e) == (bits, 65537)


def test_the_default_size_is_the_go_tools() -> None:
    assert keypair.DEFAULT_SIZE == 4096


@pytest.mark.parametrize("bits", [0, 1024, 2047, 8192])
def test_no_key_of_another_size_is_made(bits: int) -> None:
    with pytest.raises(SigningKeyError, match=f"{bits} bits") as caught:
        keypair.generate(bits)
    assert "2048, 3072, 4096" in caught.value.remedy


def test_two_keys_differ(private_pem: bytes) -> None:
    assert keypair.generate(2048) != private_pem


def test_the_public_half_is_written_as_the_go_tool_writes_it(shared: Path) -> None:
    golden = (shared / "golden/key/serviceaccount-signer.public").read_bytes()
    assert keypair.public_pem(keypair.load_public(golden)) == golden


def test_the_halves_of_a_pair_match(private: rsa.RSAPrivateKey, another: rsa.RSAPrivateKey) -> None:
    half = keypair.load_public(keypair.public_pem(private.public_key()))
    assert keypair.matches(private, half)
    assert not keypair.matches(another, half)


def test_an_rsa_half_never_matches_an_ec_half(private: rsa.RSAPrivateKey, elliptic: ec.EllipticCurvePrivateKey) -> None:
    assert not keypair.matches(private, elliptic.public_key())


def test_a_pkcs8_private_key_is_read(private: rsa.RSAPrivateKey, pkcs8: bytes) -> None:
    assert keypair.load_private(pkcs8).private_numbers() == private.private_numbers()


def test_a_pkcs1_public_key_is_read(private: rsa.RSAPrivateKey) -> None:
    pem = private.public_key().public_bytes(PEM, serialization.PublicFormat.PKCS1)
    assert keypair.load_public(pem) == private.public_key()


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_an_ec_public_key_is_read(curve: ec.EllipticCurve) -> None:
    public = ec.generate_private_key(curve).public_key()
    assert keypair.load_public(public.public_bytes(PEM, INFO)) == public


def test_windows_line_ends_and_text_around_the_block_do_no_harm(private: rsa.RSAPrivateKey, private_pem: bytes) -> None:
    commented = b"# the key of cluster demo\r\n" + private_pem.replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert keypair.load_private(commented).private_numbers() == private.private_numbers()


def test_the_error_names_the_place() -> None:
    with pytest.raises(SigningKeyError) as caught:
        keypair.load_public(b"nothing", where="/a/key")
    assert str(caught.value).startswith("/a/key: ")
    assert caught.value.remedy


@pytest.mark.parametrize("load", [keypair.load_private, keypair.load_public])
@pytest.mark.parametrize(("text", "says"), [(b"", "empty"), (b" \n", "empty"), (b'{"keys": []}', "not PEM")])
def test_what_is_not_pem_is_refused(load: object, text: bytes, says: str) -> None:
    assert callable(load)
    with pytest.raises(SigningKeyError, match=says):
        load(text)


def test_several_blocks_are_refused(private_pem: bytes, private: rsa.RSAPrivateKey) -> None:
    both = private_pem + keypair.public_pem(private.public_key())
    for load in (keypair.load_private, keypair.load_public):
        with pytest.raises(SigningKeyError, match="2 PEM blocks, not one: a private key, a public key"):
            load(both)


def test_a_private_key_is_not_taken_for_a_public_one(private_pem: bytes, pkcs8: bytes) -> None:
    for pem in (private_pem, pkcs8):
        with pytest.raises(SigningKeyError, match="This is a private key, not a public key") as caught:
            keypair.load_public(pem)
        assert "openssl rsa" in caught.value.remedy


def test_a_public_key_is_not_taken_for_a_private_one(private: rsa.RSAPrivateKey) -> None:
    with pytest.raises(SigningKeyError, match="This is a public key, not an RSA private key"):
        keypair.load_private(keypair.public_pem(private.public_key()))


@pytest.mark.parametrize("form", [PKCS1, PKCS8], ids=["PKCS #1", "PKCS #8"])
def test_an_encrypted_private_key_is_refused(private: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> None:
    with pytest.raises(SigningKeyError, match="encrypted"):
        keypair.load_private(private.private_bytes(PEM, form, SECRET))


def test_a_certificate_is_refused(private: rsa.RSAPrivateKey) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "demo")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, begin, begin + datetime.timedelta(1))
    pem = builder.sign(private, hashes.SHA256()).public_bytes(PEM)
    for load in (keypair.load_private, keypair.load_public):
        with pytest.raises(SigningKeyError, match="a certificate"):
            load(pem)


@pytest.mark.parametrize("form", [PKCS1, PKCS8], ids=["SEC 1", "PKCS #8"])
def test_an_ec_private_key_is_refused(elliptic: ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat) -> None:
    with pytest.raises(SigningKeyError, match=r"not an RSA (private )?key"):
        keypair.load_private(elliptic.private_bytes(PEM, form, PLAIN))


def test_keys_of_other_kinds_are_refused() -> None:
    edwards = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(SigningKeyError, match="neither an RSA key nor an EC key"):
        keypair.load_public(edwards.public_key().public_bytes(PEM, INFO))
    with pytest.raises(SigningKeyError, match="not an RSA key"):
        keypair.load_private(edwards.private_bytes(PEM, PKCS8, PLAIN))


def test_a_curve_that_signs_no_tokens_is_refused() -> None:
    public = ec.generate_private_key(ec.SECP256K1()).public_key()
    with pytest.raises(SigningKeyError, match="secp256k1"):
        keypair.load_public(public.public_bytes(PEM, INFO))


def test_a_short_key_is_refused(weak: rsa.RSAPrivateKey) -> None:
    with pytest.raises(SigningKeyError, match="1024 bits"):
        keypair.load_private(weak.private_bytes(PEM, PKCS1, PLAIN))
    with pytest.raises(SigningKeyError, match="1024 bits"):
        keypair.load_public(weak.public_key().public_bytes(PEM, INFO))


def test_a_small_exponent_is_refused(exponent_3: rsa.RSAPrivateKey) -> None:
    with pytest.raises(SigningKeyError, match="exponent"):
        keypair.load_private(exponent_3.private_bytes(PEM, PKCS1, PLAIN))


def test_an_exponent_that_go_cannot_hold_is_refused(private: rsa.RSAPrivateKey) -> None:
    numbers = rsa.RSAPublicNumbers(2**31 + 1, private.public_key().public_numbers().n)
    with pytest.raises(SigningKeyError, match="exponent"):
        keypair.load_public(numbers.public_key().public_bytes(PEM, INFO))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_half_a_key_is_refused(private: rsa.RSAPrivateKey, private_pem: bytes, keep: float) -> None:
    public_pem = keypair.public_pem(private.public_key())
    with pytest.raises(SigningKeyError, match="private key is damaged"):
        keypair.load_private(private_pem[: int(len(private_pem) * keep)])
    with pytest.raises(SigningKeyError, match="public key is damaged"):
        keypair.load_public(public_pem[: int(len(public_pem) * max(keep, 0.2))])


def test_a_private_key_whose_numbers_do_not_fit_is_refused(private_pem: bytes) -> None:
    lines = private_pem.splitlines()
    lines[8] = lines[8][::-1]
    with pytest.raises(SigningKeyError, match="damaged"):
        keypair.load_private(b"\n".join(lines))


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_the_error_is_ours(noise: bytes) -> None:
    for label in (b"RSA PRIVATE KEY", b"PRIVATE KEY", b"PUBLIC KEY", b"RSA PUBLIC KEY", noise[:20]):
        text = b"-----BEGIN " + label + b"-----\n" + noise + b"\n-----END " + label + b"-----\n"
        for load in (keypair.load_private, keypair.load_public):
            with pytest.raises(SigningKeyError):
                load(text)


def test_no_error_shows_a_part_of_the_key(private_pem: bytes) -> None:
    for text in (private_pem[:700], private_pem.replace(b"RSA PRIVATE", b"PUBLIC"), private_pem * 2):
        for load in (keypair.load_private, keypair.load_public):
            with pytest.raises(SigningKeyError) as caught:
                load(text)
            assert private_pem.splitlines()[2].decode()[:16] not in str(caught.value)
