"""Tokens as the API server makes them: the same header, the same claims in the same order."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ccoctl.errors import TokenError, TokenProblem
from ccoctl.federation.issue import ObjectRef, ServiceAccount, TokenRequest, issue
from tests.federation import forgery
from tests.federation.forgery import ACCOUNT, ISSUER, NODE, NOW, POD, REQUEST


def taken_apart(token: str) -> tuple[str, str]:
    """Header and claims as texts."""
    header, payload, _ = token.split(".")
    return tuple(base64.urlsafe_b64decode(part + "==").decode() for part in (header, payload))  # type: ignore[return-value]


def issued(request: TokenRequest, *, now: int = NOW) -> tuple[str, str]:
    """A new token, taken apart."""
    return taken_apart(issue(forgery.signer(), request, issuer=ISSUER, now=now, token_id="an-id"))


def test_the_header_holds_algorithm_and_kid_alone() -> None:
    header, _ = issued(REQUEST)

    assert header == f'{{"alg":"RS256","kid":"{forgery.signer().kid}"}}'


def test_the_claims_of_a_token_that_is_bound_to_nothing() -> None:
    _, claims = issued(TokenRequest(account=ServiceAccount("ns", "sa", "a-uid"), audiences=("openshift",)))

    assert claims == (
        f'{{"aud":["openshift"],"exp":{NOW + 3600},"iat":{NOW},"iss":"{ISSUER}","jti":"an-id",'
        '"kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"sa","uid":"a-uid"}},'
        f'"nbf":{NOW},"sub":"system:serviceaccount:ns:sa"}}'
    )


def test_the_claims_of_a_token_that_is_bound_to_a_pod() -> None:
    _, claims = issued(TokenRequest(account=ACCOUNT, audiences=("openshift",), pod=POD, node=NODE))

    assert list(json.loads(claims)["kubernetes.io"]) == ["namespace", "node", "pod", "serviceaccount"]


@pytest.mark.parametrize("lifetime", [0, 599, 2**32 + 1])
def test_a_life_that_no_api_server_gives_is_refused(lifetime: int) -> None:
    with pytest.raises(TokenError) as raised:
        issued(TokenRequest(account=ACCOUNT, audiences=("openshift",), lifetime=lifetime))

    assert raised.value.problem is TokenProblem.LIFETIME


@pytest.mark.parametrize("audiences", [(), ("",)])
def test_a_token_for_nobody_is_refused(audiences: tuple[str, ...]) -> None:
    with pytest.raises(TokenError, match="needs an audience"):
        issued(TokenRequest(account=ACCOUNT, audiences=audiences))


def ref(members: dict[str, Any], kind: str) -> ObjectRef | None:
    """An object that a real token is bound to."""
    return ObjectRef(**members[kind]) if kind in members else None


def test_the_same_request_gives_the_same_bytes_as_a_real_api_server(shared: Path) -> None:
    files = sorted((shared / "fixtures/kube-apiserver-1.36").glob("rs256*.jwt"))
    assert files
    for file in files:
        if "warnafter" in file.name:
            continue  # its life was extended by the server, which no projected token's is
        header, claims = taken_apart(file.read_text(encoding="ascii").strip())
        real = json.loads(claims)
        bound = real["kubernetes.io"]
        request = TokenRequest(
            account=ServiceAccount(bound["namespace"], **bound["serviceaccount"]),
            audiences=tuple(real["aud"]),
            lifetime=real["exp"] - real["iat"],
            pod=ref(bound, "pod"),
            node=ref(bound, "node"),
        )
        ours = taken_apart(issue(forgery.signer(), request, issuer=real["iss"], now=real["iat"], token_id=real["jti"]))
        assert ours[0].replace(forgery.signer().kid, json.loads(header)["kid"]) == header
        assert ours[1] == claims
