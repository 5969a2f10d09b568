"""A token's claims as a type: each within its limits, or the token is refused."""

from __future__ import annotations

import pytest

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.claims import Claims, claims_of, subject_of

GOOD: dict[str, object] = {
    "iss": "https://idp.example.com",
    "sub": "system:serviceaccount:ns:name",
    "aud": ["openshift"],
    "exp": 2_000,
    "iat": 1_000,
    "nbf": 1_000,
}


def claims(**changed: object) -> Claims:
    """The good ones with some changed."""
    return claims_of({**GOOD, **changed})


def refusal(members: dict[str, object]) -> str:
    with pytest.raises(TokenError) as raised:
        claims_of(members)
    assert raised.value.problem is TokenProblem.CLAIMS
    return raised.value.what


def test_they_are_read_each_as_what_it_is() -> None:
    assert claims(azp="party", jti="an-id") == Claims(
        issuer="https://idp.example.com",
        subject="system:serviceaccount:ns:name",
        audiences=("openshift",),
        expires=2_000,
        issued_at=1_000,
        not_before=1_000,
        authorized_party="party",
        others={"jti": "an-id"},
    )
    assert claims().authorized_party is None
    assert claims(aud="openshift").audiences == ("openshift",)


@pytest.mark.parametrize(("name", "limit"), [("iss", 2048), ("sub", 255), ("azp", 255)])
def test_a_text_has_a_character_at_least_and_its_limit_at_most(name: str, limit: int) -> None:
    claims(**{name: "a"})
    claims(**{name: "a" * limit})
    for value in ("", "a" * (limit + 1), 7, None, ["a"]):
        words = f"The claim {name} is missing, or not a text of 1 to {limit} characters"
        assert refusal({**GOOD, name: value}) == words


@pytest.mark.parametrize("subject", ["\u00e9", "a\nb", "a\0", "\x7f"])
def test_a_subject_is_printable_ascii(subject: str) -> None:
    """OpenID Connect Core 1.0 §2."""
    assert refusal({**GOOD, "sub": subject}) == "The claim sub has characters other than printable ASCII"


def test_an_audience_has_1_to_255_characters() -> None:
    assert claims(aud=["a", "a" * 255]).audiences == ("a", "a" * 255)
    for value in ("", "a" * 256, [], ["openshift", ""], ["a" * 256], ["openshift", 7], [["a"]], {"a": "b"}, None):
        words = "The claim aud is missing, or neither a text nor a list of texts"
        assert refusal({**GOOD, "aud": value}) == words


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_is_a_whole_number_that_every_parser_reads_alike(name: str) -> None:
    claims(**{name: 1})
    claims(**{name: 2**53 - 1})
    for value in (0, -1, 2**53, True, 1.0, "1", None):
        words = f"The claim {name} is missing, or not a whole number of seconds since 1970"
        assert refusal({**GOOD, name: value}) == words


@pytest.mark.parametrize("name", GOOD)
def test_none_of_them_may_be_missing(name: str) -> None:
    members = {key: value for key, value in GOOD.items() if key != name}

    assert refusal(members).startswith(f"The claim {name} is missing")


def test_a_life_is_from_issue_to_expiry() -> None:
    assert claims(iat=1_200).lifetime == 800


@pytest.mark.parametrize(
    "subject",
    [
        "user:ns:name",
        "ns:name",
        "SYSTEM:serviceaccount:ns:name",
        "system:serviceaccount:ns",
        "system:serviceaccount:ns:name:more",
        "system:serviceaccount::name",
        "system:serviceaccount:ns:",
        "system:serviceaccount:",
        "system:serviceaccount:a:system:serviceaccount:",
    ],
)
def test_another_subject_is_no_service_account(subject: str) -> None:
    assert claims(sub=subject).service_account is None


def test_a_service_accounts_subject_is_its_namespace_and_its_name() -> None:
    assert claims(sub=subject_of("ns", "name")).service_account == ("ns", "name")
    assert subject_of("ns", "name") == "system:serviceaccount:ns:name"
