"""Tokens of the kinds that public collections of test vectors have, each with what must come of it.

The kinds are those of RFC 7515's, RFC 7519's and RFC 7520's examples and of Wycheproof's cases for JSON Web Signatures;
the cases are made here. What `forgery.py` has is not repeated. Signatures are in `vectors_of_signatures.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ccoctl.errors import TokenProblem
from ccoctl.signing.jwk import Jwk, Kid, encode
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW, ec_key, members, rsa_key

Expected: TypeAlias = "TokenProblem | None"
Vectors: TypeAlias = "dict[str, tuple[str, Expected]]"
"""Name → token and why it is refused; None where it is taken."""

SHAPE, ALGORITHM, KEY = TokenProblem.SHAPE, TokenProblem.ALGORITHM, TokenProblem.KEY
SIGNATURE, CLAIMS, ISSUER_, AUDIENCE = (
    TokenProblem.SIGNATURE, TokenProblem.CLAIMS, TokenProblem.ISSUER, TokenProblem.AUDIENCE,
)  # fmt: skip
RSA = forgery.signer().kid
"""The kid of the key for RS256."""
P256 = forgery.ec_signer().kid


@cache
def curve_key(curve: str) -> ec.EllipticCurvePrivateKey:
    """A key on P-384 or P-521."""
    return ec.generate_private_key({"P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[curve])


def _on_curve(curve: str, alg: str, size: int) -> Jwk:
    point = curve_key(curve).public_key().public_numbers()
    x, y = (encode(number.to_bytes(size)) for number in (point.x, point.y))
    return Jwk(use="sig", kty="EC", kid=Kid(curve), crv=curve, alg=alg, x=x, y=y)


@cache
def published() -> Jwks:
    """Keys of every kind: the cluster's two, larger curves, and the RSA key once more under other conditions."""
    mine = forgery.signer().jwk

    def again(kid: str, **changed: Any) -> Jwk:
        return Jwk(**{"kty": "RSA", "kid": Kid(kid), "n": mine.n, "e": mine.e, **changed})

    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    return Jwks(
        (
            *forgery.published().keys,
            _on_curve("P-384", "ES384", 48),
            _on_curve("P-521", "ES512", 66),
            again("any"),
            again("pss", alg="PS256"),
            again("enc", use="enc", alg="RSA-OAEP"),
            again("encrypts", others={"key_ops": ["encrypt", "wrapKey"]}),
            again("signs", others={"key_ops": ["sign"]}),
            again("nothing", others={"key_ops": []}),
            again("garbled", others={"key_ops": "verify"}),
            again("verifies", others={"key_ops": ["verify"]}),
            Jwk(kty="OKP", kid=Kid("edwards"), others={"crv": "Ed25519", "x": encode(edwards)}),
        )
    )


# signing


def parts(header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes | None = None) -> str:
    """What is signed."""
    said = members() if payload is None else payload
    return ".".join(encode(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, said))


def rsa_signed(text: str, algorithm: hashes.HashAlgorithm | None = None) -> str:
    """By PKCS #1 with the cluster's RSA key."""
    return f"{text}.{encode(rsa_key().sign(text.encode(), padding.PKCS1v15(), algorithm or hashes.SHA256()))}"


def ec_signed(text: str, change: Callable[[int, int], tuple[int, int]], size: int = 32) -> str:
    """With the P-256 key, and the two numbers of the signature changed."""
    r, s = change(*decode_dss_signature(ec_key().sign(text.encode(), ec.ECDSA(hashes.SHA256()))))
    return f"{text}.{encode(r.to_bytes(size) + s.to_bytes(size))}"


# the kinds


def named(text: str) -> str:
    """A text that is the same for every run, whose keys are not: tests are named by it."""
    spelled = {RSA: "KID", RSA.lower(): "kid", RSA.swapcase(): "Kid", RSA[:-1]: "KI"}
    for kid, name in spelled.items():
        text = text.replace(kid, name)
    return text


def of_headers() -> Vectors:
    """Headers that are written strangely, or say more than they should."""
    header = {"alg": "RS256", "kid": RSA}
    plain = json.dumps(header)
    known: dict[str, tuple[Mapping[str, Any] | bytes, Expected]] = {
        "an unknown member": ({**header, "x": [1, {"y": None}]}, None),
        "typ in lower case": ({**header, "typ": "jwt"}, None),
        "members in other cases": ({"ALG": "none", "Kid": "x", "CRIT": ["x"], **header}, None),
        "spaces and line ends": (json.dumps(header, indent=4).encode() + b"\r\n\t ", None),
        "slashes escaped": (plain.replace("/", "\\/").encode(), None),
        "member names escaped": (plain.replace('"alg"', '"\\u0061lg"').encode(), None),
        "alg escaped": (plain.replace('"RS256"', '"\\u0052S256"').encode(), None),
        "alg twice, once escaped": (plain.replace('"alg"', '"\\u0061lg": "none", "alg"').encode(), SHAPE),
        "kid twice, once escaped": (plain.replace('"kid"', '"k\\u0069d": "x", "kid"').encode(), SHAPE),
        "alg twice, the same": (plain.replace('"alg"', '"alg": "RS256", "alg"').encode(), SHAPE),
        "a member inside twice": (plain.replace("{", '{"x": {"a": 1, "a": 2}, ', 1).encode(), SHAPE),
        "a comment": (plain.replace("{", "{/* */", 1).encode(), SHAPE),
        "single quotes": (plain.replace('"', "'").encode(), SHAPE),
        "a form feed": (b"\x0c" + plain.encode(), SHAPE),
        "a NUL behind": (plain.encode() + b"\0", SHAPE),
        "a NUL in a name": (plain.replace('"alg"', '"alg\\u0000": "none", "alg"').encode(), None),
        "a raw control character": (plain.replace("RS256", "RS256\n").encode(), SHAPE),
        "a second document": (plain.encode() * 2, SHAPE),
        "nested without end": (plain.replace("{", '{"x": ' + "[" * 6000 + "]" * 6000 + ", ", 1).encode(), SHAPE),
        "a number without end": (plain.replace("{", '{"x": ' + "9" * 5000 + ", ", 1).encode(), SHAPE),
        "Infinity": (plain.replace("{", '{"x": Infinity, ', 1).encode(), SHAPE),
        "half a character": (plain.replace("{", '{"x": "\\udc00", ', 1).encode(), SHAPE),
        "overlong UTF-8": (plain.replace("{", '{"x": "?", ', 1).encode().replace(b"?", b"\xc0\xaf"), SHAPE),
        "UTF-32": (plain.encode("utf-32"), SHAPE),
        "typ of a DPoP proof": ({**header, "typ": "dpop+jwt"}, SHAPE),
        "typ with a prefix": ({**header, "typ": "application/jwt"}, SHAPE),
        "typ null": ({**header, "typ": None}, SHAPE),
        "cty": ({**header, "cty": "application/json"}, SHAPE),
        "a JWE's members": ({**header, "epk": {}, "enc": "A128CBC-HS256"}, SHAPE),
    }
    crits: tuple[Any, ...] = (
        [],
        ["exp"],
        ["b64"],
        ["alg"],
        ["kid", "kid"],
        [""],
        "exp",
        None,
        {},
        ["http://example.com/x"],
        [1],
    )
    for crit in crits:
        known[f"crit {json.dumps(crit)}"] = ({**header, "exp": 1, "crit": crit}, SHAPE)
    for name in ("jku", "jwk", "x5u", "x5c", "b64", "zip"):
        known[f"{name} null"] = ({**header, name: None}, SHAPE)
    for kid in (
        RSA.lower(),
        RSA[:-1],
        f"{RSA}=",
        f" {RSA}",
        f"{RSA}\n",
        f"{RSA}/../{RSA}",
        f"file:///{RSA}",
        "__proto__",
        "0",
    ):
        known[f"kid {named(ascii(kid))}"] = ({**header, "kid": kid}, KEY)
    no_kids: tuple[Any, ...] = (True, 0, 1.5, {}, {"kid": RSA}, [], [[RSA]])
    for no_kid in no_kids:
        known[f"kid {named(json.dumps(no_kid))}"] = ({**header, "kid": no_kid}, KEY)
    return {f"header: {name}": (rsa_signed(parts(value)), why) for name, (value, why) in known.items()}


def of_claims() -> Vectors:
    """Claims that are written strangely, or say the right thing to somebody careless."""
    plain = json.dumps(members())
    said: dict[str, tuple[Mapping[str, Any] | bytes, Expected]] = {
        "unknown ones of every kind": (members(x=[1.5, None, {"y": []}], admin=True, scope="*"), None),
        "aud twice in the list": (members(aud=["openshift", "openshift"]), None),
        "aud of the other client": (members(aud="sts.amazonaws.com"), None),
        "names escaped": (plain.replace('"aud"', '"\\u0061ud"').encode(), None),
        "iss escaped": (plain.replace("https:", "https\\u003a").encode(), None),
        "exp as late as it may": (members(exp=NOW - 60 + 86400), None),
        "iat, nbf and exp in other members": (members(IAT=1, Exp=1, NBF=NOW * 2), None),
        "the cluster's own claims garbled": (members(**{"kubernetes.io": [None]}), None),
    }
    for name in ("iss", "aud", "exp", "iat", "nbf"):
        twice = plain.replace(f'"{name}"', f'"\\u{ord(name[0]):04x}{name[1:]}": 1, "{name}"')
        said[f"{name} twice, once escaped"] = (twice.encode(), SHAPE)
    for number in (
        "1e3",
        f"{NOW + 60}e0",
        f"{NOW + 60}.0",
        "-0",
        "0",
        f"{2**53}",
        f"{2**64 + NOW}",
        f"+{NOW}",
        "1_800_000_060",
    ):
        for name in ("exp", "iat", "nbf"):
            text = json.dumps({**members(), name: "here"}).replace('"here"', number)
            said[f"{name} {number}"] = (text.encode(), SHAPE if number[0] == "+" or "_" in number else CLAIMS)
    no_times: tuple[Any, ...] = (True, {}, [NOW], f"{NOW + 60}", f" {NOW + 60}", [], False)
    for value in no_times:
        said[f"exp {json.dumps(value)}"] = (members(exp=value), CLAIMS)
    for aud, why in (
        ("openshift sts.amazonaws.com", AUDIENCE), ("openshift,", AUDIENCE), ("openshift ", AUDIENCE),
        ("openshift\0", AUDIENCE), ("\u043epenshift", AUDIENCE), ("*", AUDIENCE), (["openshift", "*"], AUDIENCE),
        ([None], CLAIMS), ([[]], CLAIMS), ({}, CLAIMS), (["openshift", ""], CLAIMS), ("a" * 256, CLAIMS), (0, CLAIMS),
    ):  # fmt: skip
        said[f"aud {json.dumps(aud)[:40]}"] = (members(aud=aud), why)
    for azp, why in (
        (["openshift"], CLAIMS),
        ({}, CLAIMS),
        (0, CLAIMS),
        ("openshift ", AUDIENCE),
        ("Openshift", AUDIENCE),
    ):
        said[f"azp {json.dumps(azp)}"] = (members(azp=azp), why)
    host = ISSUER.removeprefix("https://")
    for iss in (
        *(f"{ISSUER}\0", f"{ISSUER}\n", f"{ISSUER}/.", f"{ISSUER}//", f"{ISSUER}/%2e", f"{ISSUER}:0443", f"{ISSUER}#"),
        *(ISSUER.upper(), f"HTTPS://{host}", f"https:///{host}", f"https:{host}", f" {ISSUER}", f"https://{host}\\"),
        *(ISSUER.replace("demo", other) for other in ("d%65mo", "\uff44emo", "de\u00admo", "demo\u200b", "\u202edemo")),
    ):
        said[f"iss {iss!a}"] = (members(iss=iss), ISSUER_)
    no_texts: tuple[Any, ...] = ("", 0, {}, [ISSUER], None, "a" * 2049)
    for no_text in no_texts:
        said[f"iss {json.dumps(no_text)[:40]}"] = (members(iss=no_text), CLAIMS)
    own = "system:serviceaccount:a:b"
    subjects: tuple[Any, ...] = ([own], {}, True, f"{own}\u202e", f"{own}\ufeff", f"{own}\t", "\u00e9", "a" * 256)
    for sub in subjects:
        said[f"sub {json.dumps(sub)[:60]}"] = (members(sub=sub), CLAIMS)
    header = {"alg": "ES256", "kid": P256}
    return {
        f"claims: {name}": (ec_signed(parts(header, value), lambda r, s: (r, s)), why)
        for name, (value, why) in said.items()
    }


def of_forms() -> Vectors:
    """A good token, and what is not its compact form."""
    token = forgery.good()
    header, payload, signature = token.split(".")
    flattened = {"payload": payload, "protected": header, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
    unprotected = {"payload": payload, "header": {"alg": "RS256", "kid": RSA}, "signature": signature}
    wrong = {
        "flattened": json.dumps(flattened),
        "general": json.dumps(general),
        "an unprotected header": json.dumps(unprotected),
        "detached": f"{header}..{signature}",
        "a dot before": f".{token}",
        "a dot behind": f"{token}.",
        "dots alone": "..",
        "a part encoded twice": f"{encode(header.encode())}.{payload}.{signature}",
        "header and signature exchanged": f"{signature}.{payload}.{header}",
        "quoted": f'"{token}"',
        "two tokens": f"{token} {token}",
        "two tokens with a comma": f"{token},{token}",
        "percent-encoded": token.replace(".", "%2E"),
        "one = too few": f"{header}.{payload}.{signature}=",
        "the whole in base64": base64.b64encode(token.encode()).decode(),
        "full-width dots": token.replace(".", "\uff0e"),
        "a zero width space": f"{header}.\u200b{payload}.{signature}",
        "a byte order mark": f"\ufeff{token}",
        "a soft line end": f"{token[:80]}=\n{token[80:]}",
        "a surrogate": f"{token}\ud800",
        "standard base64": f"{header}.{payload}.{signature[:-1]}+",
        "unused bits in the header": f"{header[:-1]}{chr(ord(header[-1]) + 1)}.{payload}.{signature}",
    }
    found: Vectors = {f"form: {name}": (text, SHAPE) for name, text in wrong.items()}
    found["form: compact"] = (token, None)
    found["form: the parts in another order"] = (f"{payload}.{header}.{signature}", ALGORITHM)
    found["form: another payload"] = (
        f"{header}.{encode(json.dumps(members(sub='x')).encode())}.{signature}",
        SIGNATURE,
    )
    found["form: spaces in the payload"] = (
        f"{header}.{encode(json.dumps(members(), indent=1).encode())}.{signature}", SIGNATURE,
    )  # fmt: skip
    return found


def all_of_them() -> Vectors:
    """Every one by its name."""
    return {**of_headers(), **of_claims(), **of_forms()}
