"""Tokens, key sets and discovery documents of the kinds that public collections have: each comes to what it must."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.exchange import exchange
from ccoctl.aws.web_identity import StsError, WebIdentityRequest
from ccoctl.errors import CcoctlError, DocumentError, SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.documents import published
from ccoctl.federation.https import Fetched
from ccoctl.federation.verify import KeySet, key_set, verify
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import encode
from tests.federation import forgery, vectors, vectors_of_signatures
from tests.federation.forgery import AUDIENCES, ISSUER, NOW
from tests.federation.vectors import RSA, named
from tests.fuzz.targets import ROLE_ARN, Account

VECTORS = {**vectors.all_of_them(), **vectors_of_signatures.all_of_them()}
KEYS = key_set(vectors.published())
ACCOUNT = Account(vectors.published())


def problem(token: str, keys: KeySet = KEYS) -> TokenProblem | None:
    """Why a token is refused; None where it is taken."""
    try:
        verify(token, keys=keys, issuer=ISSUER, audiences=AUDIENCES, now=NOW)
    except TokenError as error:
        return error.problem
    return None


def sts(token: str) -> str:
    """The error code that STS answers with; empty where it grants."""
    try:
        exchange(WebIdentityRequest(role_arn=ROLE_ARN, session_name="vector", token=token), ACCOUNT, now=NOW)
    except StsError as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", VECTORS)
def test_a_token_comes_to_what_it_must(name: str) -> None:
    token, expected = VECTORS[name]

    assert problem(token) is expected
    assert sts(token) == ("" if expected is None else "InvalidIdentityToken")


def test_there_are_vectors_of_every_end() -> None:
    ends = [expected for _, expected in VECTORS.values()]

    assert len(ends) > 330
    assert ends.count(None) > 20, "what is refused is refused for what is wrong with it"
    assert {TokenProblem.SHAPE, TokenProblem.KEY, TokenProblem.SIGNATURE, TokenProblem.CLAIMS} < set(ends)


@given(st.sampled_from(sorted(name for name, (_, end) in VECTORS.items() if end is None)), st.data())
def test_no_change_of_a_token_that_is_taken_is_taken(name: str, data: st.DataObject) -> None:
    """Characters put in, left out, exchanged, doubled; the two signatures of an EC key aside, one text is one token."""
    token, _ = VECTORS[name]
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 4)))
    inner = data.draw(st.text(alphabet='AQgw_-.=+/ \n\0\u0430{}"', max_size=4) | st.just(token[start:end] * 2))
    changed = token[:start] + inner + token[end:]
    if changed != token:
        assert problem(changed) is not None
        assert sts(changed) != ""


# key sets

MINE = {"kty": "RSA", "kid": RSA, "n": forgery.signer().jwk.n, "e": "AQAB"}
POINT = {name: getattr(forgery.ec_signer().jwk, name) for name in ("kty", "kid", "crv", "x", "y")}
MODULUS = forgery.rsa_key().public_key().public_numbers().n


def number(value: int) -> str:
    return encode(value.to_bytes(-(-value.bit_length() // 8) or 1))


P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
BAD_KEYS: dict[str, tuple[Mapping[str, Any], str]] = {
    "an even modulus": ({**MINE, "n": number(MODULUS - 1)}, "modulus"),
    "a modulus with a factor": ({**MINE, "n": number(MODULUS * 3)}, "modulus"),
    "a modulus of one byte": ({**MINE, "n": "Aw"}, "numbers|bits"),
    "a modulus of zero": ({**MINE, "n": "AA"}, "numbers"),
    "exponent 0": ({**MINE, "e": "AA"}, "numbers"),
    "exponent 2": ({**MINE, "e": "Ag"}, "numbers"),
    "exponent 17": ({**MINE, "e": "EQ"}, "exponent"),
    "an exponent of 33 bits": ({**MINE, "e": number(2**32 + 1)}, "exponent"),
    "an exponent as large as the modulus": ({**MINE, "e": number(MODULUS)}, "too large"),
    "numbers as numbers": ({**MINE, "n": 3, "e": 65537}, "member n"),
    "a modulus in standard base64": ({**MINE, "n": str(MINE["n"])[:-4] + "+/+/"}, "base64url"),
    "unused bits in e": ({**MINE, "e": "AQAC="}, "base64url"),
    "e a list": ({**MINE, "e": ["AQAB"]}, "member e"),
    "the point at infinity": ({**POINT, "x": encode(bytes(32)), "y": encode(bytes(32))}, "numbers"),
    "a coordinate beyond the field": ({**POINT, "x": number(P256_PRIME + 5)}, "numbers"),
    "x for y": ({**POINT, "x": POINT["y"], "y": POINT["x"]}, "numbers"),
    "a point on another curve": ({**POINT, "crv": "P-384"}, "48 bytes"),
    "a coordinate with a zero before": ({**POINT, "x": f"AAAA{POINT['x']}"}, "32 bytes"),
    "no y": ({**POINT, "y": None}, "member y"),
    "y left out": ({name: value for name, value in POINT.items() if name != "y"}, "no member y"),
    "no curve": ({**POINT, "crv": ""}, "member crv"),
    "ES256 on an RSA key": ({**MINE, "alg": "ES256"}, "does not fit"),
    "RS256 on an EC key": ({**POINT, "alg": "RS256"}, "does not fit"),
    "alg a list": ({**MINE, "alg": ["RS256"]}, "member alg"),
    "use a list": ({**MINE, "use": ["sig"]}, "member use"),
    "other primes": ({**MINE, "oth": []}, "secret key"),
    "a private member that is null": ({**MINE, "d": None}, "secret key"),
    "a private member of a type that nobody knows": ({"kty": "X", "kid": "x", "priv": ""}, "secret key"),
    "k in an RSA key": ({**MINE, "k": "AQAB"}, "secret key"),
    "kty a list": ({**MINE, "kty": ["RSA"]}, "member kty"),
    "kid a list": ({**MINE, "kid": [RSA]}, "member kid"),
    "kid null": ({**MINE, "kid": None}, "member kid"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_set_with_such_a_key_is_none(name: str) -> None:
    key, why = BAD_KEYS[name]
    good = {**POINT, "kid": "good"}
    with pytest.raises(SigningKeyError, match=why) as raised:
        jwks.parse(json.dumps({"keys": [good, key]}).encode())
    assert raised.value.where.startswith("key 2")


GOOD_KEYS: dict[str, Mapping[str, Any]] = {
    "n with a zero before": {**MINE, "n": encode(b"\0" + MODULUS.to_bytes(256))},
    "e with a zero before": {**MINE, "e": "AAEAAQ"},
    "members of other types beside": {
        **MINE,
        "crv": "P-256",
        "x": "AQAB",
        "x5t": "?",
        "x5u": "http://evil.example.com",
    },
    "a certificate of another key": {**MINE, "x5c": ["MIIB"]},
    "key_ops": {**MINE, "key_ops": ["verify"]},
    "key_ops of both": {**MINE, "key_ops": ["sign", "verify"]},
}


@pytest.mark.parametrize("name", GOOD_KEYS)
def test_such_a_key_checks_tokens(name: str) -> None:
    keys = key_set(jwks.parse(json.dumps({"keys": [GOOD_KEYS[name]]}).encode()))

    assert problem(forgery.good(), keys) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"use": "SIG"},
        {"use": "sig "},
        {"key_ops": ["encrypt"]},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"key_ops": {"verify": True}},
        {"key_ops": None},
        {"key_ops": ["VERIFY"]},
        {"use": "sig", "key_ops": ["wrapKey"]},
        {"kid": f"{RSA} "},
        {"kid": RSA.swapcase()},
        {"kty": "rsa"},
        {"kty": "RSA "},
    ],
    ids=lambda changed: named(str(changed)),
)
def test_a_key_that_is_for_something_else_checks_nothing(changed: Mapping[str, Any]) -> None:
    """It is published, and stays so: it is no mistake."""
    keys = key_set(jwks.parse(json.dumps({"keys": [{**MINE, **changed}]}).encode()))

    assert problem(forgery.good(), keys) is TokenProblem.KEY


@pytest.mark.parametrize(
    "alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", None], ids=str
)  # fmt: skip
def test_a_key_signs_with_its_own_algorithm_alone(alg: str | None) -> None:
    key = {**MINE, **({} if alg is None else {"alg": alg})}
    keys = key_set(jwks.parse(json.dumps({"keys": [key]}).encode()))

    assert problem(forgery.good(), keys) is (None if alg in {"RS256", None} else TokenProblem.ALGORITHM)


@pytest.mark.parametrize(
    "value",
    [
        {"keys": "AQAB"},
        {"keys": {"0": MINE}},
        {"keys": [[MINE]]},
        {"keys": [None]},
        {"keys": [json.dumps(MINE)]},
        {"Keys": [MINE]},
        {"keys ": [MINE]},
        MINE,
        [MINE],
        {"keys": [{**MINE, "kid": str(n)} for n in range(1000)]},
        {"keys": [MINE, {**POINT, "kid": RSA}]},
    ],
    ids=lambda value: named(json.dumps(value))[:30],
)
def test_what_is_no_set_of_keys_checks_nothing(value: Any) -> None:
    with pytest.raises(SigningKeyError):
        jwks.parse(json.dumps(value).encode())


# discovery documents

GOOD = discovery.document(ISSUER, f"{ISSUER}/keys.json")
HOST = ISSUER.removeprefix("https://")
ELSEWHERE = {
    "another scheme": f"http://{HOST}/keys.json",
    "a scheme in upper case": f"HTTPS://{HOST}/keys.json",
    "no scheme": f"//{HOST}/keys.json",
    "a user": f"https://user:pw@{HOST}/keys.json",
    "the host as a user": f"https://{HOST}@evil.example.com/keys.json",
    "the host as a user, by a backslash": f"https://{HOST}\\@evil.example.com/keys.json",
    "a host with a dot behind": f"https://{HOST}./keys.json",
    "a host in upper case": f"https://{HOST.upper()}/keys.json",
    "a host in full width": f"https://\uff44{HOST[1:]}/keys.json",
    "a host in punycode": f"https://xn--{HOST}/keys.json",
    "a host with a soft hyphen": f"https://d\u00ad{HOST[1:]}/keys.json",
    "a host with another dot": f"https://{HOST.replace('.', chr(0x3002), 1)}/keys.json",
    "a host that is percent-encoded": f"https://%64{HOST[1:]}/keys.json",
    "a longer host": f"https://{HOST}.evil.example.com/keys.json",
    "a shorter host": f"https://{HOST[1:]}/keys.json",
    "the port of https": f"https://{HOST}:443/keys.json",
    "an empty port": f"https://{HOST}:/keys.json",
    "no such port": f"https://{HOST}:99999/keys.json",
    "a port that is none": f"https://{HOST}:443a/keys.json",
    "a fragment": f"https://{HOST}/keys.json#",
    "a query": f"https://{HOST}/keys.json?",
    "a path below the metadata": "https://169.254.169.254/keys.json",
    "an address": "https://[::ffff:127.0.0.1]/keys.json",
    "a tab": f"https://{HOST}/\tkeys.json",
    "a space": f"https://{HOST}/keys .json",
    "a line of a request": f"https://{HOST}/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
    "nothing": "",
    "too much": f"https://{HOST}/{'a' * 2048}",
}


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("member", ["issuer", "jwks_uri"])
def test_nobody_is_sent_elsewhere_for_keys(name: str, member: str) -> None:
    body = json.dumps({**GOOD, member: ELSEWHERE[name]}).encode()
    asked = []

    def get(url: str, limit: int) -> Fetched:
        asked.append(url)
        return Fetched(body, None)

    with pytest.raises((DocumentError, SigningKeyError)):
        published(ISSUER, get)
    assert asked == [f"{ISSUER}/.well-known/openid-configuration"]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([ISSUER, RSA, "RSA", "AQAB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(sorted({*GOOD, "keys"})), JSON),
    st.dictionaries(st.sampled_from(sorted(POINT)), JSON),
)
def test_whatever_an_issuer_publishes_a_strangers_token_is_not_taken(
    said: Mapping[str, Any], key: Mapping[str, Any]
) -> None:
    """What is changed are the documents of an issuer whose key is not the token's."""
    bodies = [json.dumps({**GOOD, **said}).encode(), json.dumps({"keys": [{**POINT, **key}]}).encode()]
    try:
        found = published(ISSUER, lambda _url, _limit: Fetched(bodies.pop(0), None))
    except CcoctlError:
        return
    assert found.discovery.issuer == ISSUER
    assert problem(forgery.good(), found.keys) is not None
