"""The pods of the proofs: what they notice, and what they do not make up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccoctl.lab.server import EmbeddedAws
from ccoctl.lab.server import embedded_aws as serve
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.federation.forgery import rsa_key
from tests.openshift.apiserver import ApiServer
from tests.workflows.commands import Cli
from tests.workflows.traffic import Clock, components_of, traffic

pytestmark = pytest.mark.harness

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embedded_aws(clock: Clock) -> Iterator[EmbeddedAws]:
    with serve(clock=clock) as aws:
        yield aws


@pytest.fixture
def cluster(cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, clock: Clock) -> ApiServer:
    """A cluster whose credentials create-all made."""
    cli("create-all", *common)
    accounts = frozenset(component.account for component in components_of(requests_dir))
    return ApiServer(load_private_key_file(key_pair / PRIVATE), ISSUER, accounts, now=clock)


def test_the_pods_of_a_good_cluster_never_fail(
    embedded_aws: EmbeddedAws, cluster: ApiServer, requests_dir: Path, tmp_path: Path, clock: Clock
) -> None:
    with traffic(embedded_aws, tmp_path / "pods", components_of(requests_dir), cluster.token, clock=clock) as pods:
        for _ in range(3):
            pods.later(86400)

    assert pods.failures == []
    assert pods.exchanges >= 4 * 8
    assert {issuer for issuer, _ in pods.seen} == {ISSUER}


def test_a_key_that_is_not_published_is_noticed_at_once_by_fresh_tokens_and_later_by_kept_ones(
    embedded_aws: EmbeddedAws, cluster: ApiServer, requests_dir: Path, tmp_path: Path, clock: Clock
) -> None:
    with traffic(embedded_aws, tmp_path / "pods", components_of(requests_dir), cluster.token, clock=clock) as pods:
        cluster.rotate(rsa_key("unpublished"))
        pods.settle()
        at_once = [(failure.at, failure.account) for failure in pods.failures]
        kept = pods.counts[1::2]
        pods.later(2881)
        later = {(failure.at, failure.account) for failure in pods.failures} - set(at_once)

    assert {at for at, _ in at_once} == {1_800_000_000.0}
    assert len({account for _, account in at_once}) == 2
    assert all(count > 0 for count in kept)
    assert len(later) == 2
    assert "InvalidIdentityToken" in pods.failures[0].reason


def test_the_source_of_tokens_can_be_another_one_while_the_pods_run(
    embedded_aws: EmbeddedAws, cluster: ApiServer, requests_dir: Path, tmp_path: Path, clock: Clock
) -> None:
    other = ApiServer(cluster.key, "https://elsewhere.example.com", cluster.accounts, now=clock)
    with traffic(embedded_aws, tmp_path / "pods", components_of(requests_dir), cluster.token, clock=clock) as pods:
        assert pods.failures == []
        pods.source = other.token
        pods.settle()

    assert {failure.issuer for failure in pods.failures} == {"https://elsewhere.example.com"}


def test_a_pod_that_gets_no_token_is_no_failed_exchange_but_a_broken_test(
    embedded_aws: EmbeddedAws, requests_dir: Path, tmp_path: Path, clock: Clock
) -> None:
    nobody: dict[str, str] = {}

    with (
        pytest.raises(AssertionError, match="openshift-ingress/controllers"),
        traffic(embedded_aws, tmp_path / "pods", components_of(requests_dir)[1:], nobody.__getitem__, clock=clock),
    ):
        pass
