"""The discovery document: the Go tool's members when written, OpenID Connect Discovery 1.0 §3 when read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import SigningKeyError
from ccoctl.signing import discovery

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"


def _bytes(**changes: object) -> bytes:
    members = {**discovery.document(ISSUER, f"{ISSUER}/keys.json"), **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def test_it_has_the_members_and_the_order_of_the_go_tool(shared: Path) -> None:
    golden = json.loads((shared / "golden/4.13-public/out/02-openid-configuration").read_bytes())
    ours = discovery.document(golden["issuer"], golden["jwks_uri"])
    assert json.dumps(ours) == json.dumps(golden)


def test_the_urls_may_be_values_that_are_known_later() -> None:
    later = object()
    assert discovery.document(later, later)["jwks_uri"] is later


def test_the_algorithms_can_be_named() -> None:
    document = discovery.document(ISSUER, ISSUER, algorithms=("ES256", "RS256"))
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]


def test_what_is_written_is_read() -> None:
    assert discovery.parse(_bytes()) == discovery.Discovery(
        issuer=ISSUER,
        jwks_uri=f"{ISSUER}/keys.json",
        response_types=("id_token",),
        subject_types=("public",),
        algorithms=("RS256",),
        claims=("aud", "exp", "sub", "iat", "iss", "sub"),
    )


@pytest.mark.parametrize("name", ["openid-configuration.json", "openid-configuration-rsa-and-ec.json"])
def test_a_real_api_servers_document_is_read(shared: Path, name: str) -> None:
    parsed = discovery.parse((shared / "fixtures/kube-apiserver-1.36" / name).read_bytes())
    assert (parsed.issuer, parsed.jwks_uri) == (ISSUER, "https://127.0.0.1:6443/openid/v1/jwks")
    assert "RS256" in parsed.algorithms


@pytest.mark.parametrize(
    "name",
    [
        "issuer",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ],
)
@pytest.mark.parametrize("value", [None, [], {}, 7, "", [7], [""], [None]], ids=str)
def test_a_required_member_that_is_missing_or_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(SigningKeyError, match=name):
        discovery.parse(_bytes(**{name: value}))


@pytest.mark.parametrize("name", ["issuer", "jwks_uri"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.com", "https"),
        ("HTTPS://example.com", "https"),
        ("//example.com", "https"),
        ("file:///etc/passwd", "https"),
        ("https://", "no host"),
        ("https:///keys.json", "no host"),
        ("https://:443/keys.json", "no host"),
        ("https://user@example.com", "user name"),
        ("https://user:word@example.com", "user name"),
        ("https://good.example@evil.example", "user name"),
        ("https://example.com/?a=b", "query"),
        ("https://example.com/?", "query"),
        ("https://example.com/#a", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com\\@evil.example", "characters"),
        (" https://example.com", "characters"),
        ("https://example.com\n", "characters"),
        ("https://exa\tmple.com", "characters"),
        ("https://exämple.com", "characters"),
        ("https://example.com:99999", "not a URL"),
        ("https://example.com:port", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://example.com/" + "a" * 3000, "characters"),
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(name: str, url: str, says: str) -> None:
    with pytest.raises(SigningKeyError, match=f"{name}.*{says}"):
        discovery.parse(_bytes(**{name: url}))


@pytest.mark.parametrize("url", [f"{ISSUER}/a/b", "https://example.com:8443", "https://[::1]:6443/openid/v1/jwks"])
def test_a_port_a_path_and_an_address_are_fine(url: str) -> None:
    assert discovery.parse(_bytes(jwks_uri=url)).jwks_uri == url


def test_a_document_that_says_its_issuer_twice_is_refused() -> None:
    twice = _bytes().replace(b"{", b'{"issuer": "https://evil.example", ', 1)
    with pytest.raises(SigningKeyError, match="'issuer' twice"):
        discovery.parse(twice)


def test_a_huge_document_is_refused() -> None:
    with pytest.raises(SigningKeyError, match="more than"):
        discovery.parse(_bytes(more="a" * discovery.MAX_BYTES))


def test_the_error_names_the_place() -> None:
    with pytest.raises(SigningKeyError) as caught:
        discovery.parse(b"<html>", where=ISSUER)
    assert caught.value.where == ISSUER
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": None}, "The discovery document's issuer is missing or not a text"),
        ({"jwks_uri": 7}, "The discovery document's jwks_uri is missing or not a text"),
        ({"issuer": "http://a.example"}, "The discovery document's issuer does not begin with https://"),
        ({"jwks_uri": "https://"}, "The discovery document's jwks_uri has no host"),
        *(
            ({name: []}, f"The discovery document's {name} is missing or not a list of texts")
            for name in (
                "response_types_supported",
                "subject_types_supported",
                "id_token_signing_alg_values_supported",
                "claims_supported",
            )
        ),
    ],
    ids=str,
)
def test_an_error_says_what_is_wrong_where_and_what_to_do(changes: dict[str, object], words: str) -> None:
    for where in ("", ISSUER):
        with pytest.raises(SigningKeyError) as caught:
            discovery.parse(_bytes(**changes), where=where)
        assert caught.value.what == words
        assert caught.value.where == where
        assert caught.value.remedy == "See who published it, and publish the right document in its place."


def test_a_document_need_not_name_its_claims() -> None:
    assert discovery.parse(_bytes(claims_supported=None)).claims == ()


def test_an_error_without_a_place_has_none() -> None:
    for data in (b"<html>", _bytes(issuer=None)):
        with pytest.raises(SigningKeyError) as caught:
            discovery.parse(data)
        assert caught.value.where == ""
        assert caught.value.what.startswith("The discovery document")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (ISSUER, ""),
        ("https://a".ljust(2048, "a"), ""),
        ("https://a".ljust(2049, "a"), "has more than 2,048 characters"),
        ("https://a.example/ b", "has characters that no URL has"),
        ("https://a.example:port", "is not a URL"),
        ("http://a.example", "does not begin with https://"),
        ("https:///keys.json", "has no host"),
        ("https://user@a.example", "has a user name in it"),
        ("https://a.example?b", "has a query or a fragment"),
        ("https://a.example#b", "has a query or a fragment"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_wrong_with_a_url_is_said_in_words(url: str, words: str) -> None:
    assert discovery.url_problem(url) == words


@given(st.binary() | st.text().map(lambda text: _bytes(issuer=text)))
def test_whatever_the_bytes_are_the_error_is_ours(data: bytes) -> None:
    with pytest.raises(SigningKeyError):
        discovery.parse(data)
