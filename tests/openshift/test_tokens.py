"""Tokens of a proof from a running cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccoctl.errors import ClusterError, TokenError, TokenProblem
from ccoctl.federation.claims import Claims
from ccoctl.federation.proof import Attempt
from ccoctl.federation.verify import key_set, verify
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.tokens import ClusterTokens
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.http import reply

ACCOUNT = "openshift-machine-api/machine-api-controllers"


@pytest.fixture
def server() -> ApiServer:
    return ApiServer(key=forgery.rsa_key(), issuer=ISSUER, accounts=frozenset({ACCOUNT}), now=NOW)


@contextmanager
def tokens(server: ApiServer, folder: Path) -> Iterator[ClusterTokens]:
    with serving(server, folder / "kubeconfig") as kubeconfig, closing(KubeCluster(kubeconfig)) as cluster:
        yield ClusterTokens(cluster, audience="openshift")


def verified(token: str) -> Claims:
    keys = key_set(Jwks((forgery.signer().jwk,)))
    return verify(token, keys=keys, issuer=ISSUER, audiences={"openshift"}, now=NOW)


def test_the_cluster_is_asked_once_for_a_short_lived_token(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source:
        first, second = (source.token(ACCOUNT, attempt) for attempt in (Attempt.OWN_ROLE, Attempt.OTHER_ROLE))

    assert first == second
    assert verified(first).service_account == ("openshift-machine-api", "machine-api-controllers")
    (asked,) = server.asked
    body = asked.json or {}
    assert asked.path == "/api/v1/namespaces/openshift-machine-api/serviceaccounts/machine-api-controllers/token"
    assert body["spec"] == {"audiences": ["openshift"], "expirationSeconds": 600}
    assert (body["kind"], body["apiVersion"]) == ("TokenRequest", "authentication.k8s.io/v1")


def test_many_at_a_time_ask_once(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source, ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: source.token(ACCOUNT, Attempt.OWN_ROLE), range(16)))

    assert len(set(given)) == 1
    assert len(server.asked) == 1


def test_a_token_for_another_audience_is_asked_for(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source, pytest.raises(TokenError) as raised:
        verified(source.token(ACCOUNT, Attempt.OTHER_AUDIENCE))

    assert raised.value.problem is TokenProblem.AUDIENCE


def test_a_token_of_another_key_says_what_the_clusters_says(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source:
        good, forged = (source.token(ACCOUNT, attempt) for attempt in (Attempt.OWN_ROLE, Attempt.OTHER_KEY))

    with pytest.raises(TokenError) as raised:
        verified(forged)
    assert raised.value.problem is TokenProblem.SIGNATURE
    assert forged.split(".")[0] == good.split(".")[0]


def test_tokens_that_a_cluster_does_not_give_are_not_offered(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source:
        assert {Attempt.EXPIRED, Attempt.OTHER_NAMESPACE} & source.kinds == set()


def test_a_service_account_that_is_not_there_is_named(server: ApiServer, tmp_path: Path) -> None:
    with tokens(server, tmp_path) as source, pytest.raises(ClusterError, match=r"ns/a: .*\"a\" not found"):
        source.token("ns/a", Attempt.OWN_ROLE)


def test_whoever_may_not_ask_is_told_which_right_it_takes(server: ApiServer, tmp_path: Path) -> None:
    server.forbidden = True
    with tokens(server, tmp_path) as source, pytest.raises(ClusterError) as raised:
        source.token(ACCOUNT, Attempt.OWN_ROLE)

    assert "create serviceaccounts/token in openshift-machine-api" in raised.value.remedy


def test_an_answer_that_makes_no_sense_is_an_error_of_ours(server: ApiServer, tmp_path: Path) -> None:
    server.nonsense = True
    with tokens(server, tmp_path) as source, pytest.raises(ClusterError):
        source.token(ACCOUNT, Attempt.OWN_ROLE)


def test_an_answer_without_a_token_is_an_error_of_ours(server: ApiServer, tmp_path: Path) -> None:
    server.instead = lambda _: reply(201, {"kind": "TokenRequest", "status": {"token": ""}})
    with tokens(server, tmp_path) as source, pytest.raises(ClusterError, match="holds no token"):
        source.token(ACCOUNT, Attempt.OWN_ROLE)
