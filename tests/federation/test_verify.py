"""A token holds when the issuer's published key made it, now, for us; whatever else it says."""

from __future__ import annotations

import json
from pathlib import Path

import joserfc.jwk
import joserfc.jws
import pytest
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


def problem(token: str, keys: Jwks | None = None, *, now: float = NOW) -> TokenProblem:
    """Why a token is refused."""
    with pytest.raises(TokenError) as raised:
        verified(token, keys, now=now)
    return raised.value.problem


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
    theirs = forgery.signer("forger").jwk
    disguised = Jwk(kty="RSA", use="sig", alg="RS256", kid=forgery.signer().kid, n=theirs.n, e=theirs.e)

    assert problem(forgery.good(), Jwks((disguised,))) is TokenProblem.SIGNATURE


def test_a_key_for_encryption_checks_nothing() -> None:
    mine = forgery.signer().jwk

    assert problem(forgery.good(), Jwks((Jwk(kty="RSA", use="enc", kid=mine.kid, n=mine.n, e=mine.e),))) is (
        TokenProblem.KEY
    )


def test_a_key_without_a_kid_checks_nothing() -> None:
    mine = forgery.signer().jwk

    assert problem(forgery.good(), Jwks((Jwk(kty="RSA", use="sig", n=mine.n, e=mine.e),))) is TokenProblem.KEY


def test_two_keys_of_one_kid_are_no_set() -> None:
    theirs = forgery.signer("forger").jwk
    twin = Jwk(kty="RSA", kid=Kid(forgery.signer().kid), n=theirs.n, e=theirs.e)

    with pytest.raises(SigningKeyError, match="have the kid"):
        key_set(Jwks((forgery.signer().jwk, twin)))


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
