"""Which of the keys that a cluster trusts have to be published."""

from __future__ import annotations

import pytest

from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.trusted import Trusted


def keys(kids: str) -> Jwks:
    """A set with a key for each letter."""
    return Jwks(tuple(Jwk(kty="AKP", kid=Kid(kid)) for kid in kids))


def kids(of: tuple[Jwk, ...]) -> str:
    return "".join(str(key.kid) for key in of)


@pytest.mark.parametrize(
    ("signer", "named", "published", "wanted"),
    [
        pytest.param("b", "", "b", "b", id="one that signs no more may be retired"),
        pytest.param("b", "", "ab", "ab", id="what is published stays wanted"),
        pytest.param("b", "c", "b", "bc", id="one that is to sign next is wanted"),
        pytest.param("b", "", "a", "abc", id="a set without the key that signs is given all"),
        pytest.param("b", "", "", "abc", id="an empty set is given all"),
        pytest.param("", "", "x", "abc", id="a set of none of the keys is given all, whoever signs"),
        pytest.param("", "", "a", "a", id="nobody knows what signs: none is added"),
        pytest.param("", "b", "a", "ab", id="nobody knows what signs, but the operator names one"),
    ],
)
def test_a_key_is_published_where_tokens_are_signed_with_it(
    signer: str, named: str, published: str, wanted: str
) -> None:
    cluster = Trusted(keys=keys("abc"), signer=signer, named=frozenset(named))

    assert kids(cluster.to_publish(keys(published)).keys) == wanted
    assert set(kids(cluster.left_out(keys(published)))) == set("abc") - set(wanted)
