"""A token holds when the issuer's published key made it, now, for us; whatever else it says."""

from __future__ import annotations

import json
from pathlib import Path

import joserfc.jwk
import joserfc.jws
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.claims import Claims
from ccoctl.federation.issue import Signer, issue
from ccoctl.federation.token import parse
from ccoctl.federation.verify import key_set, verify
from ccoctl.signing import jwks
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import AUDIENCES, ISSUER, NOW, REQUEST

FORGERIES = forgery.all_of_them()


def verified(token: str, keys: Jwks | None = None, *, now: float = NOW) -> Claims:
    """What a token says, once it holds."""
    return verify(token, keys=key_set(keys or forgery.published()), issuer=ISSUER, audiences=AUDIENCES, now=now)


def refusal(token: str, keys: Jwks | None = None, *, now: float = NOW) -> TokenError:
    """What is said to a token that does not hold."""
    with pytest.raises(TokenError) as raised:
        verified(token, keys, now=now)
    return raised.value


def problem(token: str, keys: Jwks | None = None, *, now: float = NOW) -> TokenProblem:
    """Why a token is refused."""
    return refusal(token, keys, now=now).problem


def published_as(kid: str | None, *, of: str = "cluster", use: str | None = None, alg: str | None = None) -> Jwk:
    """An RSA key of ours under another kid."""
    key = forgery.signer(of).jwk
    return Jwk(kty="RSA", use=use, alg=alg, kid=None if kid is None else Kid(kid), n=key.n, e=key.e)


def test_the_clusters_own_token_holds() -> None:
    claims = verified(issue(forgery.signer(), REQUEST, issuer=ISSUER, now=NOW, token_id="an-id"))

    assert claims.subject == "system:serviceaccount:openshift-machine-api:machine-api-controllers"
    assert claims.service_account == ("openshift-machine-api", "machine-api-controllers")
    assert claims.audiences == ("openshift",)
    assert claims.lifetime == 3600
    assert claims.others["jti"] == "an-id"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: str(curve.name))
def test_keys_on_all_three_curves_hold(curve: ec.EllipticCurve) -> None:
    signer = Signer(ec.generate_private_key(curve))

    assert verified(signer.sign(forgery.members()), Jwks((signer.jwk,))).issuer == ISSUER


def test_what_forgeries_are_made_with_would_hold() -> None:
    """Else they would be refused for another reason than the one in their name."""
    assert verified(forgery.signed({"alg": "RS256", "kid": forgery.signer().kid}, forgery.members())).issuer == ISSUER


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_holds(name: str) -> None:
    with pytest.raises(TokenError) as raised:
        verified(FORGERIES[name])

    assert FORGERIES[name] not in str(raised.value)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (FORGERIES["shape: two parts"], TokenProblem.SHAPE),
        (FORGERIES["header: alg none"], TokenProblem.ALGORITHM),
        (FORGERIES["signature: HS256 with PEM as the secret"], TokenProblem.ALGORITHM),
        (FORGERIES["header: kid unknown"], TokenProblem.KEY),
        (FORGERIES["signature: another key, this kid"], TokenProblem.SIGNATURE),
        (FORGERIES["claims: expired"], TokenProblem.EXPIRED),
        (FORGERIES["claims: nbf in the future"], TokenProblem.NOT_YET),
        (FORGERIES["claims: lives a year"], TokenProblem.LIFETIME),
        (FORGERIES["claims: iss with a slash"], TokenProblem.ISSUER),
        (FORGERIES["claims: aud another"], TokenProblem.AUDIENCE),
        (FORGERIES["claims: exp a text"], TokenProblem.CLAIMS),
    ],
)
def test_a_refusal_says_what_is_wrong(token: str, expected: TokenProblem) -> None:
    assert problem(token) is expected


KID = forgery.signer().kid
HEADER = {"alg": "RS256", "kid": KID}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (FORGERIES["header: kid unknown"], "No published key has the kid 'another'"),
        (FORGERIES["signature: RS384 of a key for RS256"], f"The key '{KID}' does not sign with RS384"),
        (FORGERIES["signature: another key, this kid"], f"The signature was not made with the key '{KID}'"),
        (forgery.good(exp=NOW), "The token expired 0 seconds ago"),
        (forgery.good(iat=NOW + 301, exp=NOW + 999), "The token is not valid yet: its iat is 5 minutes from now"),
        (forgery.good(nbf=NOW + 7200), "The token is not valid yet: its nbf is 2 hours from now"),
        (
            forgery.good(iat=NOW, exp=NOW + 86400 * 365),
            "The token was issued for 365 days; a projected one lives 24 hours at most",
        ),
        (
            forgery.good(iss="https://evil.example.com"),
            f"The token's issuer is 'https://evil.example.com', not '{ISSUER}'",
        ),
        (forgery.good(iss="i" * 201), f"The token's issuer is '{'i' * 200}', not '{ISSUER}'"),
        (
            forgery.good(aud=["openshift", "a" * 81]),
            f"The token is for the audience '{'a' * 80}', which is not one of openshift, sts.amazonaws.com",
        ),
    ],
    ids=["kid", "algorithm", "signature", "exp", "iat", "nbf", "lifetime", "iss", "endless iss", "endless aud"],
)
def test_and_says_it_in_words(token: str, words: str) -> None:
    assert refusal(token).what == words


def test_no_more_than_80_characters_of_a_kid_are_repeated() -> None:
    long = "k" * 81
    said = f"'{'k' * 80}'"
    keys = Jwks((published_as(long, alg="RS256"),))
    token = forgery.signed({"alg": "RS256", "kid": long}, forgery.members())
    other = forgery.signed({"alg": "RS384", "kid": long}, forgery.members())

    assert refusal(token).what == f"No published key has the kid {said}"
    assert refusal(other, keys).what == f"The key {said} does not sign with RS384"
    assert refusal(token, Jwks((published_as(long, of="forger"),))).what == (
        f"The signature was not made with the key {said}"
    )
    with pytest.raises(SigningKeyError) as raised:
        key_set(Jwks((published_as(long), published_as(long))))
    assert raised.value.what == f"Two keys of the JWKS have the kid {said}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (48 * 3600 - 1, "47 hours"),
        (48 * 3600, "2 days"),
        (3 * 86400 - 1, "2 days"),
    ],
)
def test_spans_of_time_are_told_in_whole_units(seconds: int, words: str) -> None:
    assert refusal(forgery.good(iat=NOW - 100, exp=NOW), now=NOW + seconds).what == f"The token expired {words} ago"


def test_a_life_that_ends_before_it_began_is_told_in_seconds() -> None:
    backwards = forgery.good(iat=NOW + 299, exp=NOW + 1)

    assert refusal(backwards).what == "The token was issued for -298 seconds; a projected one lives 24 hours at most"


@pytest.mark.parametrize(("life", "holds"), [(0, False), (1, True), (86400, True), (86401, False)])
def test_a_token_lives_a_second_to_a_day(life: int, holds: bool) -> None:
    token = forgery.good(iat=NOW + 100, exp=NOW + 100 + life)
    if holds:
        assert verified(token).lifetime == life
    else:
        assert problem(token) is TokenProblem.LIFETIME


def test_a_forger_learns_nothing_of_the_claims() -> None:
    """The signature is looked at before times, issuer and audience."""
    stolen = forgery.signer("forger").sign(forgery.members(exp=NOW - 1, iss="https://x.example.com", aud="x"))

    assert problem(stolen) is TokenProblem.KEY


@pytest.mark.parametrize(("ahead", "holds"), [(0, True), (300, True), (301, False)])
def test_another_clock_may_be_five_minutes_ahead(ahead: int, holds: bool) -> None:
    token = forgery.good(iat=NOW + ahead, nbf=NOW + ahead, exp=NOW + 3600)
    if holds:
        verified(token)
    else:
        assert problem(token) is TokenProblem.NOT_YET


def test_expiry_has_no_grace() -> None:
    token = forgery.good(exp=NOW + 10)

    verified(token, now=NOW + 9.9)
    assert problem(token, now=NOW + 10) is TokenProblem.EXPIRED


def test_a_party_that_is_authorized_stands_for_the_audience() -> None:
    """OpenID Connect Core 1.0 §2, `azp`."""
    assert verified(forgery.good(azp="openshift", aud=["a", "b"])).authorized_party == "openshift"


def test_a_retired_key_is_refused() -> None:
    assert problem(forgery.good(), Jwks((forgery.ec_signer().jwk,))) is TokenProblem.KEY


def test_another_issuers_key_under_the_same_kid_is_refused() -> None:
    disguised = published_as(KID, of="forger", use="sig", alg="RS256")

    assert problem(forgery.good(), Jwks((disguised,))) is TokenProblem.SIGNATURE


USELESS = [
    published_as(KID, use="enc"),
    published_as(None, use="sig"),
    Jwk(kty="OKP", kid=Kid("ed25519"), crv="Ed25519"),
    Jwk(kty="EC", kid=Kid("secp256k1"), crv="secp256k1"),
    Jwk(kty="oct", kid=Kid("secret")),
]


@pytest.mark.parametrize("jwk", USELESS, ids=["for encryption", "without a kid", "Ed25519", "secp256k1", "secret"])
def test_a_key_that_cannot_check_tokens_is_left_out_whatever_stands_beside_it(jwk: Jwk) -> None:
    assert key_set(Jwks((jwk,))) == {}
    assert problem(forgery.good(), Jwks((jwk,))) is TokenProblem.KEY
    assert verified(forgery.good(), Jwks((jwk, forgery.signer().jwk, jwk))).issuer == ISSUER


@pytest.mark.parametrize(
    ("alg", "algorithm"), [("RS256", hashes.SHA256()), ("RS384", hashes.SHA384()), ("RS512", hashes.SHA512())]
)
def test_an_rsa_key_that_names_no_algorithm_signs_with_each_of_its_three(
    alg: str, algorithm: hashes.HashAlgorithm
) -> None:
    token = forgery.signed({**HEADER, "alg": alg}, forgery.members(), algorithm)

    assert verified(token, Jwks((published_as(KID),))).issuer == ISSUER
    assert verified(token, Jwks((published_as(KID, alg=alg),))).issuer == ISSUER
    for other in {"RS256", "RS384", "RS512", "PS256"} - {alg}:
        assert problem(token, Jwks((published_as(KID, alg=other),))) is TokenProblem.ALGORITHM


def test_two_keys_of_one_kid_are_no_set() -> None:
    with pytest.raises(SigningKeyError, match="have the kid"):
        key_set(Jwks((forgery.signer().jwk, published_as(KID, of="forger"))))


@given(st.text(max_size=300))
def test_no_text_holds(text: str) -> None:
    with pytest.raises(TokenError):
        verified(text)


@given(st.integers(0, 700), st.characters())
def test_no_changed_token_holds(place: int, character: str) -> None:
    token = forgery.good()
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(TokenError):
            verified(changed)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    ),
    st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "azp"]),
)
def test_claims_of_any_kind_are_taken_or_refused(value: object, name: str) -> None:
    """Whatever a claim holds, a token that is taken says what it must."""
    try:
        claims = verified(forgery.good(**{name: value}))
    except TokenError:
        return
    assert claims.issuer == ISSUER
    assert claims.expires > NOW


def test_another_implementation_agrees() -> None:
    """joserfc takes our tokens, and we take its."""
    key = joserfc.jwk.RSAKey.import_key(forgery.rsa_key())
    ours = joserfc.jws.deserialize_compact(forgery.good(), key, algorithms=["RS256"])
    theirs = joserfc.jws.serialize_compact(
        {"alg": "RS256", "kid": forgery.signer().kid}, json.dumps(forgery.members()), key, algorithms=["RS256"]
    )

    assert ours.payload is not None
    assert json.loads(ours.payload) == forgery.members()
    assert verified(theirs).issuer == ISSUER


FIXTURES = "fixtures/kube-apiserver-1.36"


def test_tokens_of_a_real_api_server_hold(shared: Path) -> None:
    folder = shared / FIXTURES
    keys = key_set(jwks.parse((folder / "jwks-rsa-and-ec.json").read_bytes()))
    files = sorted(folder.glob("*.jwt"))
    assert len(files) == 8
    for file in files:
        token = file.read_text(encoding="ascii").strip()
        now = parse(token).claims.issued_at + 5
        if "warnafter" in file.name:
            with pytest.raises(TokenError) as raised:
                verify(token, keys=keys, issuer=ISSUER, audiences=AUDIENCES, now=now)
            assert raised.value.problem is TokenProblem.LIFETIME
        else:
            assert verify(token, keys=keys, issuer=ISSUER, audiences=AUDIENCES, now=now).issuer == ISSUER
