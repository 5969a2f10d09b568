"""A set of keys as JSON: nothing hostile gets in, nothing that others need gets lost."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import SigningKeyError
from ccoctl.signing import jwk, jwks, keypair
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks

DATA = Path(__file__).parent / "data"
OURS = tuple(
    jwk.to_jwk(keypair.load_public((DATA / f"{name}.public").read_bytes())) for name in ("rsa", "p-256", "p-384")
)


def _member(key: Jwk, **changes: object) -> dict[str, object]:
    (member,) = json.loads(jwks.render(Jwks((key,))))["keys"]
    return {**member, **changes}


def _set(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_it_is_rendered_byte_for_byte_as_the_go_tool_does(shared: Path) -> None:
    public = keypair.load_public((shared / "golden/key/serviceaccount-signer.public").read_bytes())
    golden = (shared / "golden/4.13-public/out/03-keys.json").read_bytes()
    assert jwks.render(Jwks((jwk.to_jwk(public),))) == golden


@pytest.mark.parametrize("name", ["jwks.json", "jwks-rsa-and-ec.json"])
def test_a_real_api_servers_set_comes_back_with_every_member_in_its_order(shared: Path, name: str) -> None:
    served = (shared / "fixtures/kube-apiserver-1.36" / name).read_bytes()
    again = json.dumps(jwks.document(jwks.parse(served)), separators=(",", ":")).encode()
    assert again == served


def test_an_empty_set_is_a_set() -> None:
    assert jwks.parse(b'{"keys": []}') == Jwks()


def test_members_that_we_do_not_use_are_kept() -> None:
    published = {"keys": [_member(OURS[0], x5t="abc", key_ops=["verify"], exp=1.5)], "cached": {"until": None}}
    assert jwks.document(jwks.parse(json.dumps(published).encode())) == published


@pytest.mark.parametrize(
    "foreign",
    [
        {"kty": "OKP", "crv": "Ed25519", "x": "abc", "kid": "a"},
        {"kty": "EC", "crv": "secp256k1", "x": "abc", "y": "def"},
        {"kty": "EC", "crv": "secp256k1", "x": 7, "use": ""},
        {"kty": "AKP", "alg": "ML-DSA-65", "pub": "abc", "n": 7, "nested": [{"a": None}]},
    ],
)
def test_a_key_of_a_type_that_we_do_not_know_is_never_dropped(foreign: dict[str, object]) -> None:
    merged = jwks.with_key(jwks.parse(_set(foreign)), OURS[0])
    document = json.loads(jwks.render(merged))
    assert document["keys"] == [foreign, _member(OURS[0])]


def test_a_key_without_an_id_is_kept() -> None:
    nameless = _member(OURS[0])
    del nameless["kid"]
    assert jwks.document(jwks.parse(_set(nameless))) == {"keys": [nameless]}


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
@pytest.mark.parametrize("kty", ["RSA", "EC", "OKP", "unheard of"])
def test_a_published_private_key_is_refused_aloud(member: str, kty: str) -> None:
    with pytest.raises(SigningKeyError, match="secret key, published for all to see") as caught:
        jwks.parse(_set(_member(OURS[0]), _member(OURS[1], kty=kty, **{member: "hush-hush"})), where="keys.json")
    assert caught.value.where == "keys.json: key 2"
    assert "rotate" in caught.value.remedy
    assert "hush-hush" not in str(caught.value)


def test_a_symmetric_key_is_refused() -> None:
    with pytest.raises(SigningKeyError, match="symmetric"):
        jwks.parse(_set({"kty": "oct", "kid": "a"}))


@pytest.mark.parametrize("kid", ["same", OURS[0].kid])
def test_two_keys_of_one_id_are_refused(kid: str) -> None:
    with pytest.raises(SigningKeyError, match="2 keys have the kid"):
        jwks.parse(_set(_member(OURS[0], kid=kid), _member(OURS[1], kid=kid)))


def test_a_hundred_keys_of_each_type_are_the_most() -> None:
    def many(count: int) -> bytes:
        return _set(*(_member(key, kid=f"{key.kty} {number}") for key in OURS[:2] for number in range(count)))

    assert len(jwks.parse(many(100)).keys) == 200
    with pytest.raises(SigningKeyError, match=r"101 keys of the type 'RSA'"):
        jwks.parse(many(101))


def test_a_weak_key_is_refused_with_its_place(weak: rsa.RSAPrivateKey) -> None:
    n = jwk.encode(weak.public_key().public_numbers().n.to_bytes(128))
    with pytest.raises(SigningKeyError, match="1024 bits") as caught:
        jwks.parse(_set(_member(OURS[1]), _member(OURS[0], n=n)))
    assert caught.value.where == "key 2"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"<!doctype html>", "not JSON"),
        (b'{"keys": []} {}', "not JSON"),
        (b'\xef\xbb\xbf{"keys": []}', "not JSON"),
        (b'{"keys": [], "a": NaN}', "NaN"),
        (b'{"keys": [], "a": -Infinity}', "Infinity"),
        (b'{"keys": [], "a": 1e400}', "too large"),
        (b'{"keys": [], "a": ' + b"9" * 5000 + b"}", "too large"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"keys": [], "a": "\\ud800"}', "half a character"),
        (b'{"keys": [], "keys": []}', "'keys' twice"),
        (b'{"keys": [{"kty": "RSA", "kty": "EC"}]}', "'kty' twice"),
        (b"[" * 200_000, "too deep"),
        (b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too deep"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "no list of keys"),
        (b'{"keys": {}}', "no list of keys"),
        (b'{"keys": null}', "no list of keys"),
        (b'{"keys": [7]}', "not a JSON object"),
        (b'{"keys": [{}]}', "kty is missing"),
        (b'{"keys": [{"kty": null}]}', "member kty"),
        (b'{"keys": [{"kty": "OKP", "kid": 7}]}', "member kid"),
        (b'{"keys": [{"kty": "OKP", "kid": ""}]}', "member kid"),
        (b'{"keys": [{"kty": "RSA", "n": 65537}]}', "member n"),
        (b'{"keys": [{"kty": "EC", "crv": ["P-256"]}]}', "member crv"),
        (b'{"keys": [{"kty": "RSA"}]}', "no member n"),
        (b'{"keys": [{"kty": "EC"}]}', "crv is missing"),
        (b" " * (jwks.MAX_BYTES + 1), "more than"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_no_key_set_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(SigningKeyError, match=says) as caught:
        jwks.parse(data, where="object demo-oidc/keys.json")
    assert caught.value.where.startswith("object demo-oidc/keys.json")
    assert caught.value.remedy


def test_a_huge_object_with_a_late_duplicate_is_refused_quickly() -> None:
    members = ",".join(f'"{number}":0' for number in [*range(45_000), 44_999])
    with pytest.raises(SigningKeyError, match="'44999' twice"):
        jwks.parse(f'{{"keys": [], {members}}}'.encode())


def test_a_key_is_added_at_the_end_and_once() -> None:
    both = jwks.with_key(Jwks((OURS[0],)), OURS[1])
    assert both.keys == OURS[:2]
    assert jwks.with_key(both, OURS[0]) is both
    assert jwks.has(both, OURS[1].kid)
    assert not jwks.has(both, Kid("another"))
    assert jwks.find(both, Kid("another")) is None


def test_the_same_key_in_other_words_is_the_same_key() -> None:
    published = jwks.parse(_set(_member(OURS[0], use="sig", x5t="abc")))
    assert jwks.with_key(published, OURS[0]) is published


def test_another_key_under_the_same_id_is_refused() -> None:
    assert OURS[0].kid
    impostor = msgspec.structs.replace(OURS[1], kid=OURS[0].kid)
    with pytest.raises(SigningKeyError, match="Another key has the kid"):
        jwks.with_key(Jwks((impostor,)), OURS[0])


def test_a_full_set_takes_no_more(elliptic: ec.EllipticCurvePrivateKey) -> None:
    full = Jwks(tuple(msgspec.structs.replace(OURS[1], kid=Kid(str(number))) for number in range(100)))
    with pytest.raises(SigningKeyError, match="101 keys"):
        jwks.with_key(full, jwk.to_jwk(elliptic.public_key()))


def test_adding_a_key_keeps_the_members_of_the_set() -> None:
    published = jwks.parse(b'{"keys": [], "cached": true}')
    assert jwks.document(jwks.with_key(published, OURS[0]))["cached"] is True


REMEDY = "See who published it; ccoctl changes no key set that it cannot trust."
LONG = {"kty": "OKP", "kid": "k" * 81}


@pytest.mark.parametrize(
    ("data", "number", "words"),
    [
        (b"{}", 0, "The JWKS has no list of keys"),
        (_set(_member(OURS[0]), 7), 2, "This is not a JSON object"),
        (_set({"kty": "oct"}), 1, "This is a symmetric key; it cannot check anything in public"),
        (_set({"kty": "OKP", "kid": ""}), 1, "The member kid is not a text with something in it"),
        (_set({"kty": "OKP", "kid": 7}), 1, "The member kid is not a text with something in it"),
        (_set({"kty": "EC", "crv": ""}), 1, "The member crv is not a text with something in it"),
        (_set({"kty": "EC", "crv": 7}), 1, "The member crv is not a text with something in it"),
        (_set({"kty": "EC"}), 1, "The member crv is missing"),
        (_set({"kid": "a"}), 1, "The member kty is missing"),
        (_set(LONG, LONG), 0, f"2 keys have the kid '{'k' * 80}'"),
        (
            _set(*({"kty": "t" * 41} for _ in range(101))),
            0,
            f"There are 101 keys of the type '{'t' * 40}'; IAM reads at most 100",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_says_what_is_wrong_in_which_key_and_what_to_do(data: bytes, number: int, words: str) -> None:
    for where in ("", "keys.json"):
        with pytest.raises(SigningKeyError) as caught:
            jwks.parse(data, where=where)
        place = [part for part in (where, f"key {number}" if number else "") if part]
        assert (caught.value.what, caught.value.where, caught.value.remedy) == (words, ": ".join(place), REMEDY)


def test_without_a_place_an_error_names_none() -> None:
    for data in (b"{}", b"<html>"):
        with pytest.raises(SigningKeyError) as caught:
            jwks.parse(data)
        assert caught.value.where == ""
        assert caught.value.what.startswith("The JWKS ")


def test_all_secret_members_are_named_and_their_remedy_is_a_rotation() -> None:
    with pytest.raises(SigningKeyError) as caught:
        jwks.parse(_set({"kty": "RSA", "p": "1", "d": "2"}))
    assert caught.value.what == "This is a secret key, published for all to see: it has the member d, p"
    assert caught.value.where == "key 1"
    assert caught.value.remedy == (
        "Take it down, and rotate the signing key if it is the cluster's: everybody may have a copy."
    )


def test_a_set_of_exactly_the_largest_size_is_read() -> None:
    assert jwks.parse(b'{"keys": []}'.ljust(jwks.MAX_BYTES)) == Jwks()


def test_it_is_rendered_with_four_spaces_in_the_letters_that_it_was_read_in() -> None:
    published = Jwks((Jwk(kty="OKP", kid=Kid("\u00fc"), others={"x": [1]}),), {"b": None})
    assert jwks.render(published).decode("utf-8") == (
        '{\n    "keys": [\n        {\n            "kty": "OKP",\n            "kid": "\u00fc",\n'
        '            "x": [\n                1\n            ]\n        }\n    ],\n    "b": null\n}'
    )


def test_a_foreign_key_is_another_unless_all_of_it_is_the_same() -> None:
    foreign = Jwk(kty="OKP", kid=Kid("a"), others={"x": "1"})
    published = Jwks((foreign,))
    assert jwks.with_key(published, Jwk(kty="OKP", kid=Kid("a"), others={"x": "1"})) is published
    for other in (Jwk(kty="OKP", kid=Kid("a")), msgspec.structs.replace(OURS[0], kid=Kid("a"))):
        with pytest.raises(SigningKeyError) as caught:
            jwks.with_key(published, other)
        assert (caught.value.what, caught.value.where) == ("Another key has the kid a", "")
        with pytest.raises(SigningKeyError, match="Another key has the kid a"):
            jwks.with_key(Jwks((other,)), foreign)


def test_a_key_without_an_id_is_nobodys_and_is_added_each_time() -> None:
    nameless = Jwk(kty="OKP")
    once = jwks.with_key(Jwks(), nameless)
    assert jwks.with_key(once, nameless).keys == (nameless, nameless)
    assert not jwks.has(once, None)


def test_a_full_set_has_no_place() -> None:
    full = Jwks(tuple(Jwk(kty="OKP") for _ in range(100)))
    with pytest.raises(SigningKeyError) as caught:
        jwks.with_key(full, Jwk(kty="OKP"))
    assert caught.value.where == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
OTHERS = st.dictionaries(st.sampled_from(["x5t", "x5c", "key_ops", "exp", "ü"]), JSON, max_size=3)
FOREIGN = st.builds(
    lambda kty, others: Jwk(kty=kty, others=others),
    st.sampled_from(["OKP", "AKP", "rsa"]),
    st.dictionaries(st.sampled_from(["pub", "crv", "n", "alg"]), JSON, max_size=3),
)
SETS = st.builds(
    lambda keys, foreign, others, more: Jwks(
        (*(msgspec.structs.replace(key, others=others) for key in keys), *foreign), more
    ),
    st.lists(st.sampled_from(OURS), unique_by=lambda key: str(key.kid)),
    st.lists(FOREIGN, max_size=3),
    OTHERS,
    OTHERS,
)


@given(SETS)
def test_what_is_rendered_is_read_as_it_was(keys: Jwks) -> None:
    assert jwks.parse(jwks.render(keys)) == keys


KEYLIKE = st.dictionaries(
    st.sampled_from(["use", "kty", "kid", "crv", "alg", "n", "e", "x", "y", "pub"]),
    JSON | st.sampled_from(["RSA", "EC", "OKP", "P-256", "P-521", "AQAB", "RS256", "sig"]),
)


@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(KEYLIKE, max_size=3).map(lambda keys: _set(*keys))
)
def test_hostile_bytes_are_a_set_or_an_error_of_ours(data: bytes) -> None:
    try:
        parsed = jwks.parse(data)
    except SigningKeyError:
        return
    assert jwks.document(parsed) == json.loads(data)
