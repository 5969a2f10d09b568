"""The tokens of a proof: each differs from a good one in one thing alone."""

from __future__ import annotations

import pytest

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.claims import Claims
from ccoctl.federation.proof import Attempt
from ccoctl.federation.specimens import KeyTokens
from ccoctl.federation.verify import key_set, verify
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW

ACCOUNT = "openshift-ingress-operator/ingress-operator"
SUBJECT = "system:serviceaccount:openshift-ingress-operator:ingress-operator"


def tokens() -> KeyTokens:
    return KeyTokens(forgery.rsa_key(), issuer=ISSUER, audience="openshift", clock=lambda: NOW)


def verified(token: str) -> Claims:
    keys = key_set(Jwks((forgery.signer().jwk,)))
    return verify(token, keys=keys, issuer=ISSUER, audiences={"openshift"}, now=NOW)


@pytest.mark.parametrize("attempt", [Attempt.OWN_ROLE, Attempt.OTHER_ROLE])
def test_a_good_token_holds_and_is_made_once(attempt: Attempt) -> None:
    source = tokens()
    token = source.token(ACCOUNT, attempt)

    assert verified(token).subject == SUBJECT
    assert source.token(ACCOUNT, Attempt.OWN_ROLE) == token


def test_a_namesake_differs_in_its_namespace_alone() -> None:
    claims = verified(tokens().token(ACCOUNT, Attempt.OTHER_NAMESPACE))

    assert claims.service_account == ("ccoctl-verify-stranger", "ingress-operator")


@pytest.mark.parametrize(
    ("attempt", "problem"),
    [
        (Attempt.OTHER_KEY, TokenProblem.SIGNATURE),
        (Attempt.EXPIRED, TokenProblem.EXPIRED),
        (Attempt.OTHER_AUDIENCE, TokenProblem.AUDIENCE),
    ],
)
def test_a_stranger_is_refused_for_what_its_name_says(attempt: Attempt, problem: TokenProblem) -> None:
    """So it names the published kid where its key is another, and is for its service account in everything else."""
    with pytest.raises(TokenError) as raised:
        verified(tokens().token(ACCOUNT, attempt))

    assert raised.value.problem is problem


def test_every_kind_of_token_can_be_made_from_the_key() -> None:
    assert tokens().kinds == frozenset(Attempt)
