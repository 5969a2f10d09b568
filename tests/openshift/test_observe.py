"""Looking at a running cluster: each thing as it is, as missing, or as what may not be seen."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.diff import Unseen
from ccoctl.errors import CcoctlError, CloudError, ClusterError
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.observe import observe
from ccoctl.openshift.seen import ROOT_SECRETS, ClusterSeen, HeldSecret, Requests
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW
from tests.openshift.access import User
from tests.openshift.apiserver import ApiServer, serving, write_kubeconfig
from tests.openshift.http import Asked, Reply, reply
from tests.openshift.objects import ACCOUNTS, INFRASTRUCTURES, NAMESPACES, SECRETS
from tests.openshift.test_requests import request

REF = SecretRef(namespace="ns", name="one")


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer(key=forgery.rsa_key(), issuer=ISSUER, now=NOW).as_openshift()
    server.add(request("one"))
    return server


def seen(server: ApiServer, folder: Path, bearer: str = "of-the-administrator") -> ClusterSeen:
    with serving(server, folder / "admin"):
        kubeconfig = write_kubeconfig(folder / "kubeconfig", server.address, bearer)
        with closing(KubeCluster(kubeconfig)) as cluster:
            return observe(cluster, concurrency=4)


def test_a_cluster_is_seen(server: ApiServer, tmp_path: Path) -> None:
    metadata = {"namespace": "ns", "name": "one"}
    server.add({"kind": "Secret", "metadata": metadata, "stringData": {"credentials": "text"}})
    found = seen(server, tmp_path)

    assert (found.mode, found.issuer, found.served, found.region) == ("Manual", ISSUER, ISSUER, "")
    assert isinstance(found.keys, Jwks)
    assert isinstance(found.requests, Requests)
    held = found.secrets[REF]
    assert isinstance(held, HeldSecret)
    assert held.data == {"credentials": "text"}
    assert found.roots == dict.fromkeys(ROOT_SECRETS, False)


def test_what_a_secret_holds_is_in_no_repr(server: ApiServer, tmp_path: Path) -> None:
    metadata = {"namespace": "ns", "name": "one"}
    server.add({"kind": "Secret", "metadata": metadata, "stringData": {"credentials": "hidden"}})

    assert "hidden" not in repr(seen(server, tmp_path))


def test_a_kubernetes_that_is_no_openshift_is_told_apart(tmp_path: Path) -> None:
    plain = ApiServer(key=forgery.rsa_key(), issuer=ISSUER, now=NOW, kinds=(SECRETS, ACCOUNTS, NAMESPACES))
    with pytest.raises(ClusterError, match="no OpenShift"):
        seen(plain, tmp_path)


def test_objects_that_are_missing_are_none(tmp_path: Path) -> None:
    found = seen(ApiServer(key=forgery.rsa_key(), issuer=ISSUER, now=NOW), tmp_path)

    assert (found.mode, found.issuer, found.served) == (None, None, ISSUER)
    assert isinstance(found.requests, Requests)
    assert found.requests.loaded.requests == ()


def test_the_region_is_the_infrastructures(server: ApiServer, tmp_path: Path) -> None:
    server.kinds = (*server.kinds, INFRASTRUCTURES)
    status = {"platformStatus": {"type": "AWS", "aws": {"region": "eu-west-1"}}}
    server.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})

    assert seen(server, tmp_path).region == "eu-west-1"


def test_who_may_see_nothing_is_told_every_right(server: ApiServer, tmp_path: Path) -> None:
    server.users["nobody"] = User("nobody")
    found = seen(server, tmp_path, "nobody")

    told = [found.mode, found.issuer, found.served, found.keys, found.requests, *found.roots.values()]
    assert all(isinstance(value, Unseen) for value in told)
    assert found.requests == Unseen("list credentialsrequests.cloudcredential.openshift.io")


def test_credentials_that_ended_are_no_missing_right(server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="Unauthorized"):
        seen(server, tmp_path, "of-yesterday")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"spec": None, "data": 5, "metadata": [], "keys": {}},
        {"data": {"credentials": "%%%", "x": None}, "metadata": {"uid": 7}, "issuer": ["x"], "items": "no list"},
    ],
)
def test_answers_of_no_known_shape_do_no_harm(server: ApiServer, tmp_path: Path, answer: dict[str, Any]) -> None:
    kinds = {
        "authentications": "Authentication",
        "infrastructures": "Infrastructure",
        "cloudcredentials": "CloudCredential",
    }

    def instead(asked: Asked) -> Reply | None:
        if "credentialsrequests" in asked.path:
            return None
        secret = "PartialObjectMetadata" if "PartialObjectMetadata" in asked.accept else "Secret"
        kind = next((kind for resource, kind in kinds.items() if resource in asked.path), secret)
        return reply(200, {**answer, "kind": kind})

    server.instead = instead
    found = seen(server, tmp_path)

    assert (found.mode, found.issuer, found.served) == ("", "", "")
    assert isinstance(found.keys, CcoctlError)
