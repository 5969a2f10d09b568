"""The CredentialsRequests of a running cluster: page by page, as files would hold them, and whatever a server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import Reason, SecretRef
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.openshift import calls
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.requests import requests_of
from tests.federation import forgery
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import Refused


@pytest.fixture
def server() -> ApiServer:
    return ApiServer(key=forgery.rsa_key(), issuer=forgery.ISSUER, now=forgery.NOW)


@pytest.fixture
def ask(server: ApiServer, tmp_path: Path) -> Iterator[Callable[[Call], Answer]]:
    with serving(server, tmp_path / "kubeconfig") as kubeconfig, closing(KubeCluster(kubeconfig)) as cluster:
        yield cluster.perform


def request(name: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cloudcredential.openshift.io/v1",
        "kind": "CredentialsRequest",
        "metadata": {"name": name, "namespace": "openshift-cloud-credential-operator", **more},
        "spec": {
            "secretRef": {"namespace": "ns", "name": name},
            "serviceAccountNames": ["controllers"],
            "providerSpec": {
                "apiVersion": "cloudcredential.openshift.io/v1",
                "kind": "AWSProviderSpec",
                "statementEntries": [{"effect": "Allow", "action": ["ec2:DescribeVpcs"], "resource": "*"}],
            },
        },
    }


def test_all_pages_are_read(server: ApiServer, ask: Callable[[Call], Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE", 2)
    for number in range(7):
        server.add(request(f"request-{number}"))
    found = requests_of(ask)

    assert [one.name for one in found.loaded.requests] == [f"request-{number}" for number in range(7)]
    assert len(server.asked) == 4


def test_a_list_that_took_too_long_is_begun_again(
    server: ApiServer, ask: Callable[[Call], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PAGE", 2)
    for number in range(3):
        server.add(request(f"request-{number}"))
    expired = iter([Refused(410, "Expired", "The provided continue parameter is too old")])

    def once(call: Call) -> Answer:
        query: Any = call.parameters["Query"]
        if "continue" in query and next(expired, None) is not None:
            raise CloudError("too old", kind=ErrorKind.PERMANENT, code="Expired")
        return ask(call)

    assert len(requests_of(once).loaded.requests) == 3


def test_a_list_without_end_is_given_up() -> None:
    page = {"items": [request("a")], "metadata": {"continue": "again"}}
    with pytest.raises(CloudError, match="has no end"):
        requests_of(lambda _: page)


def test_a_request_of_a_feature_set_applies_because_it_is_there(
    server: ApiServer, ask: Callable[[Call], Answer]
) -> None:
    server.add(request("odd", annotations={"release.openshift.io/feature-set": "DevPreviewNoUpgrade"}))
    (found,) = requests_of(ask).loaded.requests

    assert found.annotations == {}


def test_other_clouds_are_left_out(server: ApiServer, ask: Callable[[Call], Answer]) -> None:
    other = request("azure")
    other["spec"]["providerSpec"]["kind"] = "AzureProviderSpec"
    server.add(other)
    found = requests_of(ask)

    assert [one.reason for one in found.loaded.skipped] == [Reason.OTHER_CLOUD]
    assert found.documents == {}


def test_an_add_on_that_brings_its_own_role_asks_nobody_for_one(
    server: ApiServer, ask: Callable[[Call], Answer]
) -> None:
    own = request("add-on")
    own["spec"]["providerSpec"]["stsIAMRoleARN"] = "arn:aws:iam::123456789012:role/of-an-add-on"
    server.add(own)
    server.add(request("ours"))
    found = requests_of(ask)

    assert [one.name for one in found.loaded.requests] == ["ours"]
    assert list(found.documents) == [SecretRef(namespace="ns", name="ours")]
    assert dict(found.own_roles) == {
        SecretRef(namespace="ns", name="add-on"): "arn:aws:iam::123456789012:role/of-an-add-on"
    }


def test_those_of_a_release_are_read_back_as_its_files_say(
    server: ApiServer, ask: Callable[[Call], Answer], shared: Path, tmp_path: Path
) -> None:
    directory = shared / "credrequests" / "4.13"
    if not directory.is_dir():
        pytest.skip("the release's requests are not there")
    server.add_files(directory)
    found = requests_of(ask)
    (tmp_path / "read").mkdir()
    for number, document in enumerate(found.documents.values()):
        (tmp_path / "read" / f"{number}.yaml").write_text(yaml.safe_dump(dict(document)))

    def told(requests: Any) -> set[Any]:
        return {(one.name, one.secret, one.subjects, str(one.spec), one.token_path) for one in requests}

    assert told(found.loaded.requests) == told(load(tmp_path / "read").requests)
    assert found.problems == ()
    assert len(found.loaded.requests) > 5


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(items=_JSON, metadata=st.none() | st.integers() | st.just({"continue": ""}))
def test_whatever_a_server_lists_is_requests_or_problems(items: Any, metadata: Any) -> None:
    found = requests_of(lambda _: {"items": items, "metadata": metadata})

    assert found.loaded.requests == ()


@given(item=st.fixed_dictionaries({"metadata": _JSON, "spec": _JSON}))
def test_whatever_an_object_says_is_a_request_or_a_problem(item: Any) -> None:
    found = requests_of(lambda _: {"items": [item]})

    assert found.loaded.requests or found.problems or found.loaded.skipped
