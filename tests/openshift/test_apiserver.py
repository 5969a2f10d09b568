"""The double against what a real kube-apiserver answered to the same requests, and what it does as operators do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from ccoctl.federation.claims import Claims
from ccoctl.federation.token import parse
from tests.federation import forgery
from tests.federation.forgery import NOW
from tests.openshift.access import User
from tests.openshift.apiserver import CURRENT_KEY, NEXT_KEY, ApiServer, serving
from tests.openshift.objects import SECRETS

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
ACCOUNT = "openshift-machine-api/machine-api-controllers"
_VOLATILE = {
    *("uid", "resourceVersion", "creationTimestamp", "generation", "continue", "expirationTimestamp", "token"),
    *("jwks_uri", "keys", "service-account.pub", "service-account.key"),
}
_BEARERS = {"administrator": "of-the-administrator", "anonymous": ""}
_BUILD = "/version"


def recordings(shared: Path) -> list[dict[str, Any]]:
    files = sorted((shared / "fixtures/kube-api-1.36").glob("*.json"))
    return [json.loads(path.read_text()) | {"file": path.name} for path in files]


def recorded(found: list[dict[str, Any]], name: str) -> Any:
    return next(one["response"]["body"] for one in found if name in one["file"])


@pytest.fixture
def server(shared: Path) -> ApiServer:
    """A cluster with the objects that the recorded one had."""
    found = recordings(shared)
    server = ApiServer(key=forgery.rsa_key(), issuer=ISSUER, accounts=frozenset({ACCOUNT}), now=NOW)
    for one in recorded(found, "06-")["items"]:
        server.add(one)
    for name in ("09-", "10-", "14-", "16-", "24-"):
        server.add(recorded(found, name))
    server.users["limited"] = User("system:serviceaccount:default:limited")
    return server


def test_it_answers_as_a_real_one_did(server: ApiServer, shared: Path, tmp_path: Path) -> None:
    with serving(server, tmp_path / "kubeconfig"), Client(base_url=server.address) as http:
        for one in recordings(shared):
            asked, answered = one["request"], one["response"]
            reply = http.request(
                asked["method"],
                _path(asked["path"], server),
                headers=_headers(one),
                content=_content(asked["body"], server),
            )
            where = one["file"]
            assert reply.status_code == answered["status"], where
            for name in ("Content-Type", "Cache-Control"):
                assert reply.headers[name] == answered["headers"][name], where
            if asked["path"] != _BUILD:
                assert _without_volatile(_body(reply.text)) == _without_volatile(answered["body"]), where


def _path(path: str, server: ApiServer) -> str:
    """Continue tokens are the server's own: a page goes on where this one would."""
    before, mark, _ = path.partition("&continue=")
    if not mark:
        return path
    page = server.store.list(next(kind for kind in server.kinds if kind.plural in path), "", 2, "")
    return f"{before}{mark}{page['metadata']['continue']}"


def _content(body: Any, server: ApiServer) -> str | None:
    """A uid that was the object's is this one's; what was none stays none."""
    uid = (body or {}).get("preconditions", {}).get("uid", "0000")
    if not uid.startswith("0000"):
        there = server.store.get(SECRETS, "openshift-kube-apiserver-operator", "demo")
        body = {**body, "preconditions": {"uid": there["metadata"]["uid"]}}
    return None if body is None else json.dumps(body)


def _headers(one: dict[str, Any]) -> dict[str, str]:
    asked = one["request"]
    bearer = "of-nobody" if "unauthorized" in one["file"] else _BEARERS.get(one["as"], "limited")
    headers = {"Accept": asked["accept"]}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    if asked["content_type"]:
        headers["Content-Type"] = asked["content_type"]
    return headers


def _body(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_volatile(item) for name, item in value.items() if name not in _VOLATILE}
        return {**kept, **{name: "…" for name in value if name in _VOLATILE}}
    if isinstance(value, list):
        return [_without_volatile(item) for item in value]
    return value if not isinstance(value, str) or "UID in" not in value else "…"


class TestWhatOperatorsDo:
    @pytest.fixture
    def cluster(self) -> ApiServer:
        accounts = frozenset({ACCOUNT})
        return ApiServer(key=forgery.rsa_key(), issuer=ISSUER, accounts=accounts, now=NOW).as_openshift()

    @pytest.fixture
    def http(self, cluster: ApiServer, tmp_path: Path) -> Iterator[Client]:
        bearer = {"Authorization": "Bearer of-the-administrator"}
        with serving(cluster, tmp_path / "k"), Client(base_url=cluster.address, headers=bearer) as client:
            yield client

    def test_a_new_issuer_is_taken_over_for_new_tokens(self, cluster: ApiServer, http: Client) -> None:
        self._set_issuer(http, "https://other.example.com")

        assert _claims(cluster).issuer == "https://other.example.com"
        assert http.get("/.well-known/openid-configuration").json()["issuer"] == "https://other.example.com"

    def test_or_once_it_is_rolled_out(self, cluster: ApiServer, http: Client) -> None:
        cluster.rolls_out = False
        self._set_issuer(http, "https://other.example.com")
        before = _claims(cluster).issuer
        cluster.roll_out()

        assert (before, _claims(cluster).issuer) == (ISSUER, "https://other.example.com")

    def test_a_key_that_is_rotated_in_signs_and_both_are_published(self, cluster: ApiServer, http: Client) -> None:
        cluster.rotate(forgery.rsa_key("another"))

        listed = http.get("/openid/v1/jwks", headers={"Accept": "*/*"}).json()["keys"]
        assert parse(cluster.token(ACCOUNT)).header.kid == forgery.signer("another").kid
        assert [key["kid"] for key in listed] == [forgery.signer().kid, forgery.signer("another").kid]

    def test_a_next_key_that_is_deleted_is_made_anew_and_signs_once_it_is_promoted(
        self, cluster: ApiServer, http: Client
    ) -> None:
        cluster.generates = lambda: forgery.rsa_key("another")
        namespace, name = NEXT_KEY
        http.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        before = parse(cluster.token(ACCOUNT)).header.kid
        cluster.promote()

        assert before == forgery.signer().kid
        assert parse(cluster.token(ACCOUNT)).header.kid == forgery.signer("another").kid
        assert cluster.secret(*NEXT_KEY) == cluster.secret(*CURRENT_KEY)

    @staticmethod
    def _set_issuer(http: Client, url: str) -> None:
        http.patch(
            "/apis/config.openshift.io/v1/authentications/cluster",
            headers={"Content-Type": "application/merge-patch+json"},
            content=json.dumps({"spec": {"serviceAccountIssuer": url}}),
        ).raise_for_status()


def _claims(cluster: ApiServer) -> Claims:
    return parse(cluster.token(ACCOUNT)).claims
