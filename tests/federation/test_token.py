"""A token taken apart: what is no token of a cluster is refused in words that say why, before any key is looked at."""

from __future__ import annotations

import pytest

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.token import Token, parse
from tests.federation import forgery

KID = forgery.signer().kid
FORGERIES = forgery.all_of_them()
ALGORITHMS = "RS256, RS384, RS512, ES256, ES384, ES512"


def signed(*, pad: str = "", **header: object) -> str:
    return forgery.signed({"alg": "RS256", "kid": KID, **header}, forgery.members(pad=pad))


def refusal(text: str) -> TokenError:
    with pytest.raises(TokenError) as raised:
        parse(text)
    return raised.value


def test_a_token_is_its_header_its_claims_and_what_was_signed() -> None:
    text = forgery.good()
    token: Token = parse(text)

    assert (token.header.alg, token.header.kid) == ("RS256", KID)
    assert token.claims.issuer == forgery.ISSUER
    assert token.signed.decode() == text.rpartition(".")[0]
    assert len(token.signature) == 256


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b.c.d.e", "The token is encrypted: it has five parts"),
        ("a.b.c.d", "The token is not three parts of base64url with dots between them"),
        ("a.b.c.d.e.f", "The token is not three parts of base64url with dots between them"),
        ("a.b", "The token is not three parts of base64url with dots between them"),
        ("\u00e9.b.c", "The token is not three parts of base64url with dots between them"),
        (FORGERIES["shape: no header"], "The token's header is not base64url without padding"),
        (FORGERIES["shape: no claims"], "The token's claims is not base64url without padding"),
        (FORGERIES["signature: empty"], "The token's signature is not base64url without padding"),
        (FORGERIES["shape: padded"], "The token's header is not base64url without padding"),
        (FORGERIES["header: a list"], "The token's header is not a JSON object"),
        (FORGERIES["claims: a list"], "The token's claims is not a JSON object"),
        (FORGERIES["header: jku"], "The token's header has the member jku, which no token of a cluster has"),
        (
            FORGERIES["header: b64 false, critical"],
            "The token's header has the member b64, which no token of a cluster has",
        ),
        (FORGERIES["header: another type"], "The token's header names another type than JWT"),
    ],
    ids=lambda value: "" if "." in value else value,
)
def test_what_has_another_shape_is_no_token(text: str, words: str) -> None:
    error = refusal(text)

    assert (error.what, error.problem) == (words, TokenProblem.SHAPE)


@pytest.mark.parametrize("name", ["crit", "b64", "enc", "zip", "jku", "jwk", "x5u", "x5c", "cty"])
def test_a_header_brings_no_key_along_and_changes_nothing_of_how_a_token_is_read(name: str) -> None:
    """RFC 8725 §3.10 and §3.1."""
    error = refusal(signed(**{name: "x"}))

    assert error.what == f"The token's header has the member {name}, which no token of a cluster has"
    assert error.problem is TokenProblem.SHAPE
    assert parse(signed(**{name.upper(): "x"})).header.kid == KID, "members that say nothing to us are passed over"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt"])
def test_a_type_may_be_named_in_any_case(typ: str) -> None:
    """RFC 7519 §5.1."""
    assert parse(signed(typ=typ)).header.kid == KID


@pytest.mark.parametrize(
    ("alg", "said"),
    [("none", "none"), ("A" * 21, "A" * 20), (None, "None"), (["RS256"], "['RS256']")],
    ids=["none", "endless", "null", "a list"],
)
def test_any_other_algorithm_is_refused_before_a_key_is_looked_for(alg: object, said: str) -> None:
    error = refusal(signed(alg=alg))

    assert error.what == f"The token's algorithm is {said!a}, not one of {ALGORITHMS}"
    assert error.problem is TokenProblem.ALGORITHM


@pytest.mark.parametrize(("length", "taken"), [(0, False), (1, True), (1024, True), (1025, False)])
def test_a_kid_has_1_to_1024_characters(length: int, taken: bool) -> None:
    text = signed(kid="k" * length)
    if taken:
        assert len(parse(text).header.kid) == length
    else:
        error = refusal(text)
        assert error.what == "The token's header names no key: kid is missing or empty"
        assert error.problem is TokenProblem.KEY


def test_a_token_has_20_000_characters_at_most() -> None:
    """STS takes no more of a WebIdentityToken."""
    spare = 20_000 - len(signed(x="", pad=""))
    sizes = {
        len(text): text
        for x in range(4)
        for more in range(8)
        if (text := signed(x="x" * x, pad="p" * (spare * 3 // 4 - more)))
    }

    assert parse(sizes[20_000]).claims.others["pad"]
    assert refusal(sizes[20_000] + "A").what == "The token has more than 20,000 characters"
