"""What is to be seen of a token, good or not, without trusting any of it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.inspect import Inspection, inspect
from ccoctl.federation.issue import issue
from ccoctl.federation.token import parse
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW, REQUEST

TOKEN = issue(forgery.signer(), REQUEST, issuer=ISSUER, now=NOW, token_id="an-id")


def altered(**members: Any) -> Inspection:
    claims = {name: value for name, value in {**forgery.members(), **members}.items() if value is not None}
    return inspect(forgery.signed({"alg": "RS256", "kid": forgery.signer().kid}, claims), now=NOW)


def tried(text: str) -> tuple[Inspection | None, str]:
    """What is seen, or why there is nothing to see."""
    try:
        return inspect(text, now=NOW), ""
    except TokenError as error:
        return None, str(error)


def test_a_clusters_own_token_has_no_problem() -> None:
    seen = inspect(TOKEN, now=NOW)

    assert list(seen.header) == ["alg", "kid"]
    assert seen.claims["sub"] == "system:serviceaccount:openshift-machine-api:machine-api-controllers"
    assert seen.expires == NOW + 3600
    assert seen.problems == ()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"aud": "openshift"}, "aud is not a list"),
        ({"nbf": NOW - 1}, "nbf and iat differ"),
        ({"email": "a@b"}, "has the claims 'email'"),
        ({"kubernetes.io": None}, "kubernetes.io is missing"),
        ({"sub": "system:serviceaccount:a:b"}, "name different service accounts"),
        ({"exp": NOW + 86401}, "lives 24 hours at most"),
        ({"exp": NOW - 7200}, "expired 2 hours ago"),
        ({"kubernetes.io/serviceaccount/secret.name": "x"}, "out of a Secret"),
        ({"exp": "soon"}, "claim exp is missing, or not a whole number"),
    ],
)
def test_what_no_cluster_writes_for_a_cloud_is_told(members: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in altered(**members).problems)


@pytest.mark.parametrize("expires", [None, "1", True, -1, 2**53, 1.5])
def test_an_expiry_that_is_no_time_is_none(expires: object) -> None:
    assert altered(exp=expires).expires is None


def test_a_header_with_more_than_two_members_is_told() -> None:
    token = forgery.signed({"alg": "RS256", "kid": forgery.signer().kid, "typ": "JWT"}, forgery.members())

    assert inspect(token, now=NOW).problems == ("The header has 'typ'; the API server writes alg and kid alone",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has 1 part, not three"),
        ("a.b", "it has 2 parts"),
        ("a.b.c.d.e", "it has 5 parts"),
        ("..", "header is not base64url"),
        ("e30.e30=.x", "claims is not base64url"),
        ("e30.W10.x", "not a JSON object"),
        ("x" * 20_001, "more than 20,000"),
    ],
)
def test_what_is_no_token_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(TokenError, match=said) as raised:
        inspect(text, now=NOW)

    assert raised.value.problem is TokenProblem.SHAPE
    assert raised.value.remedy


@pytest.mark.parametrize("name", forgery.all_of_them())
def test_a_forgery_is_shown_or_is_no_token(name: str) -> None:
    token = forgery.all_of_them()[name]
    seen, refusal = tried(token)

    assert token not in refusal
    if seen is not None:
        with contextlib.suppress(TokenError):
            parse(token)
            return  # only its signature, its issuer or its audience is wrong: that is for `verify` to see
        assert seen.problems


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=\n", max_size=200))
def test_nothing_ends_in_another_error(text: str) -> None:
    seen, refusal = tried(text)

    assert (seen is None) == bool(refusal)


def test_real_tokens_have_no_problem_but_the_one_for_the_api_server(shared: Path) -> None:
    for file in sorted((shared / "fixtures/kube-apiserver-1.36").glob("*.jwt")):
        text = file.read_text().strip()
        seen = inspect(text, now=parse(text).claims.issued_at)
        if "warnafter" in file.name:
            assert any("(warnafter)" in problem for problem in seen.problems)
            assert any("lives 24 hours at most" in problem for problem in seen.problems)
        else:
            assert seen.problems == (), file.name
