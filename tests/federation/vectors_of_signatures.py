"""Signatures of the kinds that public collections of test vectors have, each with what must come of its token.

The kinds are those of Wycheproof's cases for JSON Web Signatures, RSASSA-PKCS1-v1_5 and ECDSA; the cases are made here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ccoctl.errors import TokenProblem
from ccoctl.signing.jwk import encode
from tests.federation import forgery
from tests.federation.forgery import ec_key, rsa_key
from tests.federation.vectors import P256, RSA, Expected, Vectors, curve_key, ec_signed, parts, rsa_signed

ALGORITHM, KEY, SIGNATURE = TokenProblem.ALGORITHM, TokenProblem.KEY, TokenProblem.SIGNATURE
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256 (FIPS 186-4, D.1.2.3)."""
N521 = int(
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c"
    "47aebb6fb71e91386409",
    16,
)
"""The order of P-521."""


def curve_signed(
    curve: str, text: str, algorithm: hashes.HashAlgorithm, size: int, more: tuple[int, int] = (0, 0)
) -> str:
    """With a key of a larger curve."""
    r, s = decode_dss_signature(curve_key(curve).sign(text.encode(), ec.ECDSA(algorithm)))
    return f"{text}.{encode((r + more[0]).to_bytes(size) + (s + more[1]).to_bytes(size))}"


def raw_rsa(text: str, encoded: bytes) -> str:
    """A signature that opens to exactly these bytes."""
    numbers = rsa_key().private_numbers()
    n = numbers.public_numbers.n
    return f"{text}.{encode(pow(int.from_bytes(encoded), numbers.d, n).to_bytes(256))}"


def of_algorithms() -> Vectors:
    """Other names, and keys used with what they are not for."""
    text = parts({"alg": "RS256", "kid": RSA})
    found: Vectors = {}
    for alg in ("RS256 ", "RS256\0", "rS256", "\uff32S256", "RS256\u200b", "RS256,none", "none RS256", "NonE\0"):
        found[f"alg {alg!a}"] = (rsa_signed(parts({"alg": alg, "kid": RSA})), ALGORITHM)
    for alg in ("RSA1_5", "dir", "A128KW", "PBES2-HS256+A128KW", "ECDH-ES", "Ed25519", "Ed448", "ML-DSA-44", "HS384"):
        found[f"alg {alg}"] = (rsa_signed(parts({"alg": alg, "kid": RSA})), ALGORITHM)
    no_texts: tuple[Any, ...] = (True, 0, 1.5, {}, {"RS256": 1}, [], ["RS256", "none"])
    for no_text in no_texts:
        found[f"alg {no_text!r}"] = (rsa_signed(parts({"alg": no_text, "kid": RSA})), ALGORITHM)
    for kid in ("any", "enc", "pss", "encrypts", "signs", "nothing", "garbled", "verifies", "edwards", "P-521"):
        expected = {"any": None, "verifies": None, "pss": ALGORITHM, "P-521": ALGORITHM}.get(kid, KEY)
        found[f"RS256 with the key {kid}"] = (rsa_signed(parts({"alg": "RS256", "kid": kid})), expected)
    for alg, algorithm in (("RS384", hashes.SHA384()), ("RS512", hashes.SHA512())):
        found[f"{alg} with a key for any"] = (rsa_signed(parts({"alg": alg, "kid": "any"}), algorithm), None)
        found[f"{alg} over SHA-256"] = (rsa_signed(parts({"alg": alg, "kid": "any"})), SIGNATURE)
        found[f"RS256 over {algorithm.name}"] = (rsa_signed(text, algorithm), SIGNATURE)
    for kid in ("any", "pss"):
        of_pss = parts({"alg": "PS256", "kid": kid})
        mgf = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        found[f"PS256 with the key {kid}"] = (
            f"{of_pss}.{encode(rsa_key().sign(of_pss.encode(), mgf, hashes.SHA256()))}", ALGORITHM,
        )  # fmt: skip
    edwards = parts({"alg": "EdDSA", "kid": "edwards"})
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    found["EdDSA, rightly signed"] = (f"{edwards}.{encode(private.sign(edwards.encode()))}", ALGORITHM)
    return found


def of_shared_secrets() -> Vectors:
    """What everybody knows of a public key taken for the secret of an HMAC."""
    mine = forgery.signer().jwk
    key, point = rsa_key().public_key(), ec_key().public_key()
    pem = _public(key, "PEM", "SubjectPublicKeyInfo")
    secrets = {
        "PEM without its last line end": pem.rstrip(b"\n"),
        "PEM with Windows' line ends": pem.replace(b"\n", b"\r\n"),
        "PEM of PKCS #1": _public(key, "PEM", "PKCS1"),
        "DER of PKCS #1": _public(key, "DER", "PKCS1"),
        "PEM of the EC key": _public(point, "PEM", "SubjectPublicKeyInfo"),
        "the EC point": _public(point, "X962", "UncompressedPoint"),
        "the JWK": json.dumps({"kty": "RSA", "n": mine.n, "e": mine.e}).encode(),
        "the JWK without spaces": json.dumps({"e": mine.e, "kty": "RSA", "n": mine.n}, separators=(",", ":")).encode(),
        "n as text": str(mine.n).encode(),
        "n as bytes": key.public_numbers().n.to_bytes(256),
        "the kid": RSA.encode(),
        "a NUL": b"\0",
    }
    headers = (("HS256", RSA, "RSA"), ("HS256", P256, "P-256"), ("HS256", "edwards", "Ed25519"), ("RS256", RSA, "RSA"))
    found: Vectors = {}
    for name, secret in secrets.items():
        for alg, kid, whose in headers:
            text = parts({"alg": alg, "kid": kid})
            token = f"{text}.{encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
            found[f"{alg} of {whose} with {name}"] = (token, SIGNATURE if alg == "RS256" else ALGORITHM)
    return found


def _public(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, encoding: str, form: str) -> bytes:
    return key.public_bytes(getattr(serialization.Encoding, encoding), getattr(serialization.PublicFormat, form))


def of_ecdsa() -> Vectors:
    """Numbers of a signature that are none, or of another curve, or in another form."""
    text = parts({"alg": "ES256", "kid": P256})
    signed = ec_key().sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    changed: dict[str, tuple[Callable[[int, int], tuple[int, int]], Expected]] = {
        "as it is": (lambda r, s: (r, s), None),
        "the other s, which is as good": (lambda r, s: (r, N256 - s), None),
        "r zero": (lambda _, s: (0, s), SIGNATURE),
        "s zero": (lambda r, _: (r, 0), SIGNATURE),
        "both one": (lambda _r, _s: (1, 1), SIGNATURE),
        "r the order": (lambda _, s: (N256, s), SIGNATURE),
        "s the order": (lambda r, _: (r, N256), SIGNATURE),
        "both the order": (lambda _r, _s: (N256, N256), SIGNATURE),
        "r zero, s the order": (lambda _r, _s: (0, N256), SIGNATURE),
        "both the order less one": (lambda _r, _s: (N256 - 1, N256 - 1), SIGNATURE),
        "both as large as they fit": (lambda _r, _s: (2**256 - 1, 2**256 - 1), SIGNATURE),
        "r and s exchanged": (lambda r, s: (s, r), SIGNATURE),
        "r negated": (lambda r, s: (N256 - r, s), SIGNATURE),
    }
    found: Vectors = {f"ES256 {name}": (ec_signed(text, change), why) for name, (change, why) in changed.items()}
    r, s = decode_dss_signature(signed)
    wrong = {
        "a byte longer each": r.to_bytes(33) + s.to_bytes(33),
        "a byte shorter": (r.to_bytes(32) + s.to_bytes(32))[:-1],
        "r alone": r.to_bytes(32),
        "with a byte behind": r.to_bytes(32) + s.to_bytes(32) + b"\0",
        "with a byte before": b"\0" + r.to_bytes(32) + s.to_bytes(32),
        "in DER": signed,
        "in DER, padded to its length": encode_dss_signature(1, 1).ljust(64, b"\0"),
        "in another order of bytes": r.to_bytes(32, "little") + s.to_bytes(32, "little"),
        "of text": f"{r}.{s}".encode(),
        "one byte": b"\0",
    }
    found |= {f"ES256 {name}": (f"{text}.{encode(value)}", SIGNATURE) for name, value in wrong.items()}
    for curve, alg, size, algorithm in (
        ("P-384", "ES384", 48, hashes.SHA384()),
        ("P-521", "ES512", 66, hashes.SHA512()),
    ):
        own = parts({"alg": alg, "kid": curve})
        found[f"{alg}"] = (curve_signed(curve, own, algorithm, size), None)
        found[f"{alg} over SHA-256"] = (curve_signed(curve, own, hashes.SHA256(), size), SIGNATURE)
        other = parts({"alg": "ES256", "kid": curve})
        found[f"ES256 of {curve}"] = (curve_signed(curve, other, hashes.SHA256(), size), ALGORITHM)
        borrowed = parts({"alg": "ES256", "kid": P256})
        found[f"ES256 by {curve}"] = (curve_signed(curve, borrowed, hashes.SHA256(), size), SIGNATURE)
        found[f"{alg} of P-256"] = (ec_signed(parts({"alg": alg, "kid": P256}), lambda r, s: (r, s)), ALGORITHM)
    text = parts({"alg": "ES512", "kid": "P-521"})  # 66 bytes have room for a number that is the same modulo the order
    for name, more in (("r", (N521, 0)), ("s", (0, N521)), ("r and s", (N521, N521))):
        found[f"ES512 with the order added to {name}"] = (
            curve_signed("P-521", text, hashes.SHA512(), 66, more), SIGNATURE,
        )  # fmt: skip
    return found


_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DigestInfo of SHA-256 (RFC 8017 §9.2, note 1), and others that are not quite it."""
_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201 0420".replace(" ", ""))
_SHA512 = bytes.fromhex("3051300d060960864801650304020305000440")
_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
_LONG_LENGTH = bytes.fromhex("308131300d060960864801650304020105000420")


def of_rsa() -> Vectors:
    """Signatures that open to nearly the right bytes, and numbers that are no signature."""
    text = parts({"alg": "RS256", "kid": RSA})
    digest = hashlib.sha256(text.encode()).digest()

    def padded(inner: bytes, start: bytes = b"\0\1", fill: bytes = b"\xff") -> bytes:
        return start + fill * (256 - len(start) - 1 - len(inner)) + b"\0" + inner

    right = padded(_SHA256 + digest)
    opened = {
        "as it is": (right, None),
        "without a NULL": (padded(_WITHOUT_NULL + digest), SIGNATURE),
        "with a length in two bytes": (padded(_LONG_LENGTH + digest), SIGNATURE),
        "naming SHA-512": (padded(_SHA512 + digest), SIGNATURE),
        "naming SHA-1": (padded(_SHA1 + digest), SIGNATURE),
        "without an algorithm": (padded(digest), SIGNATURE),
        "short of padding, with something behind": (
            b"\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0" + _SHA256 + digest + bytes(194),
            SIGNATURE,
        ),
        "with something in the padding": (right[:9] + b"\0" + right[10:], SIGNATURE),
        "padded with zeros": (padded(_SHA256 + digest, fill=b"\0"), SIGNATURE),
        "padded for encryption": (padded(_SHA256 + digest, start=b"\0\2"), SIGNATURE),
        "of block type zero": (padded(_SHA256 + digest, start=b"\0\0"), SIGNATURE),
        "of a shorter digest": (padded(_SHA256 + digest[:-1]), SIGNATURE),
        "of a longer digest": (padded(_SHA256 + digest + b"\0"), SIGNATURE),
        "of a digest of zeros": (padded(_SHA256 + bytes(32)), SIGNATURE),
        "to zero": (bytes(256), SIGNATURE),
        "to one": (bytes(255) + b"\1", SIGNATURE),
    }
    found: Vectors = {f"RS256 opens {name}": (raw_rsa(text, value), why) for name, (value, why) in opened.items()}
    n = rsa_key().public_key().public_numbers().n
    good = int.from_bytes(base64.urlsafe_b64decode(raw_rsa(text, right).rpartition(".")[2] + "=="))
    wrong = {
        "a zero before": b"\0" + good.to_bytes(256),
        "a zero behind": good.to_bytes(256) + b"\0",
        "the modulus added": (good + n).to_bytes(257),
        "negated": (n - good).to_bytes(256),
        "the modulus": n.to_bytes(256),
        "the modulus less one": (n - 1).to_bytes(256),
        "one byte": b"\1",
        "in another order of bytes": good.to_bytes(256, "little"),
        "as text": str(good).encode(),
    }
    found |= {f"RS256 {name}": (f"{text}.{encode(value)}", SIGNATURE) for name, value in wrong.items()}
    return found


def all_of_them() -> Vectors:
    """Every one by its name."""
    return {**of_algorithms(), **of_shared_secrets(), **of_ecdsa(), **of_rsa()}
