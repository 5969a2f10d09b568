"""Tokens as a forger makes them: section by section what RFC 8725 and experience warn of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ccoctl.federation.issue import ObjectRef, ServiceAccount, Signer, TokenRequest, claims
from ccoctl.signing.jwk import encode
from ccoctl.signing.jwks import Jwks

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
NOW = 1_800_000_000
AUDIENCES = ("openshift", "sts.amazonaws.com")
ACCOUNT = ServiceAccount("openshift-machine-api", "machine-api-controllers", "4bee12ae-75e8-490c-8f55-604c535b7cc2")
REQUEST = TokenRequest(account=ACCOUNT, audiences=("openshift",))
POD = ObjectRef("machine-api-controllers-0", "21b5ed1c-10b5-4584-b8c6-8801a2346572")
NODE = ObjectRef("worker-0", "5e2175a5-2376-43ff-a557-77120b4bfe69")
_SHA256 = hashes.SHA256()


@cache
def _rsa_key(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def rsa_key(name: str = "cluster") -> rsa.RSAPrivateKey:
    """One key for each name."""
    return _rsa_key(name)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def signer(name: str = "cluster") -> Signer:
    """A signer with the key of that name."""
    return Signer(rsa_key(name))


@cache
def ec_signer() -> Signer:
    """A signer with the P-256 key."""
    return Signer(ec_key())


@cache
def published() -> Jwks:
    """What the cluster publishes: its RSA key and its EC key."""
    return Jwks((signer().jwk, ec_signer().jwk))


def members(**changed: Any) -> dict[str, Any]:
    """The claims of a good token with some changed; those that are None are left out."""
    good = claims(REQUEST, issuer=ISSUER, now=NOW - 60, token_id="063a5a33-c56b-41c0-96fc-28584cb21564")
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def good(**changed: Any) -> str:
    """A token that is signed as it should be."""
    return signer().sign(members(**changed))


def signed(
    header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes, algorithm: hashes.HashAlgorithm = _SHA256
) -> str:
    """A token with any header and payload and a signature that is right: RSA's PKCS #1 v1.5 with the cluster's key."""
    text = f"{_encoded(header)}.{_encoded(payload)}"
    return f"{text}.{encode(rsa_key().sign(text.encode(), padding.PKCS1v15(), algorithm))}"


def signed_with_ec(header: bytes, payload: bytes) -> str:
    """The same with the cluster's P-256 key, which is a hundred times as fast."""
    text = f"{encode(header)}.{encode(payload)}"
    r, s = decode_dss_signature(ec_key().sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encode(r.to_bytes(32) + s.to_bytes(32))}"


def _encoded(part: Mapping[str, Any] | bytes) -> str:
    return encode(part if isinstance(part, bytes) else json.dumps(part).encode())


def headers() -> dict[str, str]:
    """Rightly signed tokens whose headers must not be taken."""
    header = {"alg": "RS256", "kid": signer().kid}
    wrong: dict[str, Mapping[str, Any] | bytes] = {
        **{f"alg {alg}": {**header, "alg": alg} for alg in ("none", "None", "NONE", "nOnE", "", "rs256", "RS-256")},
        **{f"alg {alg}": {**header, "alg": alg} for alg in ("PS256", "EdDSA", "ES256K", "HS256", "RS1", "RSA-OAEP")},
        "alg a number": {**header, "alg": 256},
        "alg null": {**header, "alg": None},
        "alg a list": {**header, "alg": ["RS256"]},
        "alg missing": {"kid": signer().kid},
        "kid missing": {"alg": "RS256"},
        "kid empty": {**header, "kid": ""},
        "kid null": {**header, "kid": None},
        "kid a number": {**header, "kid": 1},
        "kid a list": {**header, "kid": [signer().kid]},
        "kid unknown": {**header, "kid": "another"},
        "kid of another key": {**header, "kid": ec_signer().kid},
        "kid a path": {**header, "kid": "../../../../dev/null"},
        "kid with SQL": {**header, "kid": f"x' UNION SELECT '{signer().kid}"},
        "kid with NUL": {**header, "kid": f"{signer().kid}\0"},
        "kid endless": {**header, "kid": "k" * 5000},
        "jku": {**header, "jku": "https://evil.example.com/keys.json"},
        "x5u": {**header, "x5u": "https://evil.example.com/key.pem"},
        "x5c": {**header, "x5c": ["MIIB"]},
        "jwk": {**header, "jwk": {"kty": "RSA", "n": signer().jwk.n, "e": signer().jwk.e}},
        "crit": {**header, "crit": ["exp"]},
        "b64 false": {**header, "b64": False},
        "b64 false, critical": {**header, "b64": False, "crit": ["b64"]},
        "zip": {**header, "zip": "DEF"},
        "enc": {**header, "enc": "A256GCM"},
        "nested": {**header, "cty": "JWT"},
        "another type": {**header, "typ": "at+jwt"},
        "a type that is a list": {**header, "typ": ["JWT"]},
        "b64 true": {**header, "b64": True},
        "alg twice": f'{{"alg":"none","alg":"RS256","kid":"{signer().kid}"}}'.encode(),
        "kid twice": f'{{"alg":"RS256","kid":"a","kid":"{signer().kid}"}}'.encode(),
        "a list": b'["RS256"]',
        "a text": b'"RS256"',
        "empty": b"",
        "not JSON": b"{alg:RS256}",
        "not UTF-8": b'{"alg":"RS256","kid":"\xff"}',
        "UTF-16": f'{{"alg":"RS256","kid":"{signer().kid}"}}'.encode("utf-16"),
        "with a byte order mark": b"\xef\xbb\xbf" + f'{{"alg":"RS256","kid":"{signer().kid}"}}'.encode(),
    }
    return {f"header: {name}": signed(header, members()) for name, header in wrong.items()}


def payloads() -> dict[str, str]:
    """Rightly signed tokens whose claims must not be taken."""
    plain = json.dumps(members())
    changed: dict[str, Any] = {}
    for name in ("exp", "iat", "nbf"):
        changed |= {
            f"{name} a text": {name: str(NOW + 60)},
            f"{name} a float": {name: NOW + 0.5},
            f"{name} true": {name: True},
            f"{name} a list": {name: [NOW]},
            f"{name} negative": {name: -1},
            f"{name} zero": {name: 0},
            f"{name} missing": {name: None},
            f"{name} enormous": {name: 10**30},
        }
    changed |= {
        "expired": {"exp": NOW - 1},
        "expires now": {"exp": NOW},
        "lives a year": {"exp": NOW + 365 * 86400},
        "lives a second too long": {"exp": NOW - 60 + 86401},
        "ends before it begins": {"iat": NOW + 200, "nbf": NOW + 200, "exp": NOW + 100},
        "iat in the future": {"iat": NOW + 301, "exp": NOW + 3600},
        "nbf in the future": {"nbf": NOW + 301},
        "iss missing": {"iss": None},
        "iss with a slash": {"iss": f"{ISSUER}/"},
        "iss upper case": {"iss": ISSUER.replace("demo", "DEMO")},
        "iss with a port": {"iss": ISSUER.replace(".com", ".com:443")},
        "iss with a user": {"iss": ISSUER.replace("https://", "https://amazonaws.com@")},
        "iss with a dot": {"iss": f"{ISSUER}."},
        "iss with a space": {"iss": f"{ISSUER} "},
        "iss with a query": {"iss": f"{ISSUER}?a"},
        "iss in punycode": {"iss": ISSUER.replace("demo", "xn--dem-fed")},
        "iss look-alike": {"iss": ISSUER.replace("demo", "dem\u043e")},
        "iss http": {"iss": ISSUER.replace("https", "http")},
        "iss without a scheme": {"iss": ISSUER.removeprefix("https://")},
        "iss a list": {"iss": [ISSUER]},
        "iss another": {"iss": "https://evil.example.com"},
        "aud missing": {"aud": None},
        "aud empty": {"aud": ""},
        "aud an empty list": {"aud": []},
        "aud a number": {"aud": 1},
        "aud an object": {"aud": {"openshift": True}},
        "aud with a number in it": {"aud": ["openshift", 1]},
        "aud with a list in it": {"aud": [["openshift"]]},
        "aud another": {"aud": ["https://kubernetes.default.svc"]},
        "aud upper case": {"aud": ["OpenShift"]},
        "aud one among many": {"aud": ["openshift", *(f"https://{number}.example.com" for number in range(50))]},
        "aud part of a name": {"aud": ["open"]},
        "azp another": {"azp": "somebody"},
        "azp empty": {"azp": ""},
        "sub missing": {"sub": None},
        "sub empty": {"sub": ""},
        "sub a number": {"sub": 7},
        "sub with NUL": {"sub": "system:serviceaccount:a:b\0"},
        "sub with a combining character": {"sub": "system:serviceaccount:a:b\u0301"},
        "sub with a line end": {"sub": "system:serviceaccount:a:b\n"},
        "sub endless": {"sub": "system:serviceaccount:" + "a" * 300},
    }
    raw = {
        "a list": b"[]",
        "a number": b"1",
        "null": b"null",
        "empty": b"",
        **{
            f"{name} {number}": json.dumps({**members(), name: "here"}).replace('"here"', number).encode()
            for name in ("exp", "iat", "nbf")
            for number in ("1e400", "1.8e9", "NaN", "Infinity", "-Infinity", f"0x{NOW:x}", f"0{NOW}", f"{NOW}" * 600)
        },
        "a token inside": good().encode(),
        "exp twice": plain.replace('"exp"', f'"exp": {NOW + 60}, "exp"').encode(),
        "sub twice": plain.replace('"sub"', '"sub": "system:serviceaccount:a:b", "sub"').encode(),
        "sub twice, once escaped": plain.replace('"sub"', '"s\\u0075b": "system:serviceaccount:a:b", "sub"').encode(),
        "nested without end": b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}",
        "half a character": plain.replace("machine-api", "\\ud800").encode(),
        "not UTF-8": plain.encode().replace(b"machine", b"\xff"),
        "trailing comma": plain.replace("}}", "},}").encode(),
        "two documents": (plain + plain).encode(),
    }
    header = {"alg": "RS256", "kid": signer().kid}
    return {
        **{f"claims: {name}": signed(header, members(**change)) for name, change in changed.items()},
        **{f"claims: {name}": signed(header, payload) for name, payload in raw.items()},
    }


def signatures() -> dict[str, str]:
    """Tokens that say the right things and were not signed by the cluster's key, or not as they say."""
    text = good().rpartition(".")[0]
    public = rsa_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    claimed = _encoded(members())
    wrong = {
        "another key, its own kid": signer("forger").sign(members()),
        "another key, this kid": f"{text}.{signer('forger').sign(members()).rpartition('.')[2]}",
        "empty": f"{text}.",
        "of another token": f"{text}.{good(jti='another').rpartition('.')[2]}",
        "cut": f"{text}.{encode(base64.urlsafe_b64decode(good().rpartition('.')[2] + '==')[:-3])}",
        "longer": f"{text}.{encode(base64.urlsafe_b64decode(good().rpartition('.')[2] + '==') + bytes(3))}",
        "a bit changed": _with_bit_changed(good()),
        "PSS": f"{text}.{encode(rsa_key().sign(text.encode(), _pss(), hashes.SHA256()))}",
        "SHA-1": f"{text}.{encode(rsa_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA1()))}",
    }
    for name, secret in (("PEM", pem), ("DER", der), ("nothing", b"")):
        for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            keyed = f"{_encoded({'alg': alg, 'kid': signer().kid})}.{claimed}"
            wrong[f"{alg} with {name} as the secret"] = (
                f"{keyed}.{encode(hmac.new(secret, keyed.encode(), digest).digest())}"
            )
    as_ec = f"{_encoded({'alg': 'ES256', 'kid': signer().kid})}.{claimed}"
    as_rsa = f"{_encoded({'alg': 'RS256', 'kid': ec_signer().kid})}.{claimed}"
    in_der = f"{_encoded({'alg': 'ES256', 'kid': ec_signer().kid})}.{claimed}"
    der_signature = ec_key().sign(in_der.encode(), ec.ECDSA(hashes.SHA256()))
    wrong |= {
        "RSA key used as EC": f"{as_ec}.{encode(rsa_key().sign(as_ec.encode(), padding.PKCS1v15(), hashes.SHA256()))}",
        "EC key used as RSA": f"{as_rsa}.{encode(ec_key().sign(as_rsa.encode(), ec.ECDSA(hashes.SHA256())))}",
        "EC in DER": f"{in_der}.{encode(der_signature)}",
        "EC all zero": f"{in_der}.{encode(bytes(64))}",
        "RS384 of a key for RS256": _with_hash("RS384", hashes.SHA384()),
        "RS512 of a key for RS256": _with_hash("RS512", hashes.SHA512()),
    }
    return {f"signature: {name}": token for name, token in wrong.items()}


def shapes() -> dict[str, str]:
    """What is no token in its compact form."""
    token = good()
    header, payload, signature = token.split(".")
    wrong = {
        "nothing": "....",
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.{signature}",
        "five parts": f"{header}.{payload}.{signature}.{payload}.{signature}",
        "no header": f".{payload}.{signature}",
        "no claims": f"{header}..{signature}",
        "padded": f"{header}==.{payload}.{signature}",
        "padded signature": f"{token}==",
        "a space before": f" {token}",
        "a line end after": f"{token}\n",
        "a line end inside": f"{header}.\n{payload}.{signature}",
        "a tab inside": f"{header}.{payload[:9]}\t{payload[9:]}.{signature}",
        "base64 instead of base64url": base64.b64encode(b"\xfb\xff\xfe").decode() + f".{payload}.{signature}",
        "bits that mean nothing": _not_canonical(token),
        "JSON serialization": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        "Bearer": f"Bearer {token}",
        "another alphabet": f"{header}.{payload}.{signature[:-1]}\u0430",
        "endless": f"{header}.{payload}.{signature}{'A' * 20_000}",
        "an access token": "ya29.a0AfH6SMBx",
        "NUL": f"{header}\0.{payload}.{signature}",
    }
    return {f"shape: {name}": text for name, text in wrong.items()}


@cache
def all_of_them() -> Mapping[str, str]:
    """Every forgery by a name that says what is wrong."""
    return {**shapes(), **headers(), **signatures(), **payloads()}


def _pss() -> padding.PSS:
    return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)


def _with_hash(alg: str, algorithm: hashes.HashAlgorithm) -> str:
    return signed({"alg": alg, "kid": signer().kid}, members(), algorithm)


def _with_bit_changed(token: str) -> str:
    text, _, signature = token.rpartition(".")
    data = bytearray(base64.urlsafe_b64decode(signature + "=="))
    data[100] ^= 1
    return f"{text}.{encode(bytes(data))}"


def _not_canonical(token: str) -> str:
    """The same bytes, with the last character's unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
