"""API servers that lie, dawdle or never end, and kubeconfigs of tricks: an error each, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import yaml

from ccoctl.engine.call import Call
from ccoctl.errors import CcoctlError, CloudError, ClusterError, ErrorKind
from ccoctl.federation.proof import Attempt
from ccoctl.openshift import calls, connection, requests
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.requests import requests_of
from ccoctl.openshift.tokens import ClusterTokens
from tests.conftest import ROOT, Count
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW
from tests.federation.servers import Server, head, saying, serving
from tests.openshift import apiserver
from tests.openshift.apiserver import ApiServer, write_kubeconfig
from tests.openshift.http import Asked, Reply, reply

ACCOUNT = "openshift-machine-api/machine-api-controllers"
BEARER = "of-the-administrator"


@pytest.fixture
def server() -> ApiServer:
    return ApiServer(key=forgery.rsa_key(), issuer=ISSUER, accounts=frozenset({ACCOUNT}), now=NOW).as_openshift()


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path) -> Iterator[KubeCluster]:
    with apiserver.serving(server, tmp_path / "kubeconfig") as kubeconfig, closing(KubeCluster(kubeconfig)) as port:
        yield port


def refused(cluster: KubeCluster, call: Call) -> CloudError:
    with pytest.raises(CloudError) as raised:
        cluster.perform(call)
    assert BEARER not in str(raised.value)
    assert len(str(raised.value)) < 1500
    return raised.value


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Callable[[Callable[[Server, socket], None]], KubeCluster]]:
    """A cluster whose API server answers every request by that function, on the bare socket."""
    answers: list[Callable[[Server, socket], None]] = []

    def handler(server: Server, connected: socket) -> None:
        server.requests.append(head(connected))
        answers[-1](server, connected)

    with serving(handler) as running:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{running.port}", BEARER)
        with closing(KubeCluster(kubeconfig)) as cluster:

            def answering(answer: Callable[[Server, socket], None]) -> KubeCluster:
                answers.append(answer)
                return cluster

            yield answering


def without_end(start: bytes, piece: bytes, pause: float = 0.0) -> Callable[[Server, socket], None]:
    def answer(server: Server, connected: socket) -> None:
        connected.sendall(start)
        while not (server.stop.wait(pause) if pause else server.stop.is_set()):
            connected.sendall(piece)

    return answer


HTTP = b"HTTP/1.1 200 OK\r\n"
JSON = HTTP + b"Content-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
Raw = Callable[[Callable[[Server, socket], None]], KubeCluster]


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (JSON + b"\r\n", b" " * 65536),
        (JSON + b"Content-Length: 1073741824\r\n\r\n", b" " * 65536),
        (CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (JSON, b"X-More: of this\r\n" * 1000),
        (b"HTTP/1.1 500 Oh\r\n\r\n", b" " * 65536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (CHUNKED, b"1" * 65536),
    ],
    ids=["body", "length", "chunks", "headers", "failure", "continuations", "length of a chunk"],
)
def test_an_answer_without_end_is_given_up(
    raw: Raw, monkeypatch: pytest.MonkeyPatch, start: bytes, piece: bytes
) -> None:
    monkeypatch.setattr(connection, "LIMIT", 500_000)
    monkeypatch.setattr(connection, "DEADLINE", 1.0)
    error = refused(raw(without_end(start, piece)), calls.get_version())
    assert re.search(r"more than 500,000 bytes|does not answer", error.what)


@pytest.mark.parametrize(
    ("start", "piece"),
    [(HTTP, b"X: y\r\n"), (b"", b"H"), (HTTP + b"\r\n", b" "), (CHUNKED, b"1\r\n \r\n")],
    ids=["headers", "status", "body", "chunks"],
)
def test_an_answer_that_trickles_is_given_up_whatever_part_of_it(
    raw: Raw, monkeypatch: pytest.MonkeyPatch, start: bytes, piece: bytes
) -> None:
    monkeypatch.setattr(connection, "DEADLINE", 0.3)
    error = refused(raw(without_end(start, piece, pause=0.02)), calls.get_version())

    assert error.kind is ErrorKind.TRANSIENT
    assert "does not answer" in error.what


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_bearer_token_goes_nowhere_else(raw: Raw, status: int) -> None:
    with serving(lambda there, connected: there.requests.append(head(connected))) as elsewhere:
        to = f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        error = refused(raw(saying(to.encode())), calls.get_version())

    assert (error.kind, error.code, elsewhere.requests) == (ErrorKind.PERMANENT, str(status), [])


LIES: dict[str, tuple[Call, object]] = {
    "another kind": (calls.get_authentication(), {"kind": "Secret", "apiVersion": "v1", "metadata": {}}),
    "a failure that says 200": (calls.get_authentication(), {"kind": "Status", "status": "Failure", "code": 500}),
    "no kind": (calls.get_secret("ns", "x"), {"metadata": {"name": "x"}, "data": {}}),
    "a kind that is a list": (calls.get_secret("ns", "x"), {"kind": ["Secret"]}),
    "an object for a list": (calls.list_credentials_requests(""), {"kind": "CredentialsRequest"}),
    "another's list": (calls.list_credentials_requests(""), {"kind": "SecretList", "items": []}),
    "another's Secret": (
        calls.get_secret("ns", "x"),
        {"kind": "Secret", "metadata": {"name": "y", "namespace": "ns"}, "data": {}},
    ),
    "another namespace's Secret": (
        calls.get_secret("ns", "x"),
        {"kind": "Secret", "metadata": {"name": "x", "namespace": "other"}, "data": {}},
    ),
    "no review": (calls.review_access("get", "", "secrets", "ns"), {"kind": "Status", "status": "Success"}),
    "no token request": (calls.create_token("ns", "x", ("a",), 600), {"status": {"token": "x"}}),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_about_something_else_is_none(
    server: ApiServer, cluster: KubeCluster, count: Count, lie: str
) -> None:
    call, body = LIES[lie]
    server.instead = lambda _: reply(200, body)
    error = refused(cluster, call)

    assert error.kind is ErrorKind.PERMANENT
    assert "kubeconfig" in error.remedy
    count(1, "lies of API servers")


@pytest.mark.parametrize(
    "body", [b"\x1f\x8b", gzip.compress(b"{}", mtime=0), b"{" * 9999, b'{"a":"\\ud800"}', b"\0", b"1e999"]
)
def test_a_body_that_is_none_is_an_error(server: ApiServer, cluster: KubeCluster, body: bytes) -> None:
    for status in (200, 409, 503):
        server.instead = lambda _, status=status: Reply(status, body, "application/json", {"Content-Encoding": "gzip"})
        assert refused(cluster, calls.get_version()).what


def of_somebody(asked: Asked, name: str, audience: str) -> Reply | None:
    if not asked.path.endswith("/token"):
        return None
    claims = {"iss": ISSUER, "sub": f"system:serviceaccount:openshift-machine-api:{name}", "aud": [audience]}
    token = forgery.signer().sign({**claims, "iat": NOW, "nbf": NOW, "exp": NOW + 600})
    return reply(201, {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": token}})


@pytest.mark.parametrize(
    ("name", "audience"), [("somebody-else", "openshift"), ("machine-api-controllers", "other"), ("", "x")]
)
def test_a_token_of_somebody_else_or_for_somebody_else_is_none(
    server: ApiServer, cluster: KubeCluster, name: str, audience: str
) -> None:
    server.instead = lambda asked: of_somebody(asked, name, audience)
    with pytest.raises(CcoctlError, match="token"):
        ClusterTokens(cluster, audience="openshift").token(ACCOUNT, Attempt.OWN_ROLE)


@pytest.mark.parametrize(
    "token", [5, "", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "\x1b[31m", ["x"], None, "x" * 1_000_000]
)
def test_what_is_no_token_is_told_without_it(server: ApiServer, cluster: KubeCluster, token: object) -> None:
    body = {"kind": "TokenRequest", "status": {"token": token}}
    server.instead = lambda _: reply(201, body)
    with pytest.raises(CcoctlError) as raised:
        ClusterTokens(cluster, audience="openshift").token(ACCOUNT, Attempt.OWN_ROLE)
    assert len(str(raised.value)) < 1000


def paged(pages: int, item: dict[str, Any], size: int) -> Callable[[Call], dict[str, Any]]:
    asked = iter(range(pages))

    def ask(_call: Call) -> dict[str, Any]:
        return {"items": [item] * size, "metadata": {"continue": f"page-{next(asked)}"}}

    return ask


def test_pages_without_end_are_given_up() -> None:
    with pytest.raises(CloudError, match="has no end"):
        requests_of(paged(1000, {}, 0))


def test_more_requests_than_any_cluster_has_are_given_up_at_once() -> None:
    with pytest.raises(CloudError, match="more than 2,000"):
        requests_of(paged(1, {}, requests.MOST + 1))


def test_more_bytes_than_the_requests_of_any_cluster_have_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_BYTES", 10_000)
    with pytest.raises(CloudError, match="more than 10,000 bytes"):
        requests_of(paged(5, {"spec": {"x": "y" * 900}}, 5))


NASTY: list[Any] = [
    {}, {"metadata": None}, {"metadata": []}, {"metadata": {"name": 5, "namespace": {}}}, {"spec": None}, {"spec": []},
    {"metadata": {"name": "\x1b[31m\n", "namespace": "../../x"}, "spec": {"secretRef": {"name": "../x"}}},
    {"metadata": {"name": "a", "annotations": {"x": 5}}}, {"kind": "Secret"}, {"apiVersion": 1}, 5, None, "x", [],
    {"metadata": {"name": "a" * 100_000}}, {"spec": {"providerSpec": {"kind": ["AWSProviderSpec"]}}},
    json.loads('{"spec": ' + "[" * 500 + "]" * 500 + "}"),
]  # fmt: skip


@pytest.mark.parametrize("item", NASTY)
def test_a_request_of_no_shape_is_a_problem_and_no_more(item: Any) -> None:
    found = requests_of(lambda _: {"items": [item], "metadata": {}})

    assert found.loaded.requests == ()
    assert all(len(str(problem)) < 1000 for problem in found.problems)


CONFIGS: dict[str, dict[str, Any] | str] = {
    "an address that is none": {"server": "http://["},
    "a port that is none": {"server": "https://127.0.0.1:99999999"},
    "no address": {"server": ""},
    "a number": {"server": 5},
    "a list": {"server": ["https://127.0.0.1"]},
    "an authority that is not there": {"server": "https://127.0.0.1:1", "certificate-authority": "nowhere.pem"},
    "aliases upon aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nclusters: *c\ncurrent-context: x\n",
    "objects of Python": "current-context: !!python/object/apply:os.system ['touch pwned']\n",
    "nesting": "a: " + "[" * 2000,
}


@pytest.mark.parametrize("config", CONFIGS)
def test_a_kubeconfig_of_tricks_is_refused_or_leads_nowhere(tmp_path: Path, config: str) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1")
    given = CONFIGS[config]
    if isinstance(given, str):
        path.write_text(given)
    else:
        document = yaml.safe_load(path.read_text())
        document["clusters"][0]["cluster"] = given
        path.write_text(yaml.safe_dump(document))
    with pytest.raises(CcoctlError) as raised, closing(KubeCluster(path)) as cluster:
        cluster.perform(calls.get_version())
    assert isinstance(raised.value, ClusterError | CloudError)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["kubeconfig"]


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://127.0.0.1", "unix:///run/x", "gopher://x"])
def test_an_address_of_no_web_server_is_a_mistake_of_the_kubeconfig(tmp_path: Path, scheme: str) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", scheme)
    with pytest.raises(ClusterError, match=r"address|no kubeconfig"):
        KubeCluster(path)


def test_a_token_is_sent_in_the_clear_only_where_the_kubeconfig_says_so(raw: Raw) -> None:
    cluster = raw(saying(JSON + b'Content-Length: 13\r\n\r\n{"major":"1"}'))
    assert cluster.server.startswith("http://")
    assert cluster.perform(calls.get_version()) == {"major": "1"}


CHILD = """
import sys
from pathlib import Path
from ccoctl.errors import CcoctlError
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.requests import requests_of
from tests.peak import peak
cluster = KubeCluster(Path(sys.argv[1]))
try:
    requests_of(cluster.perform)
    print("taken")
except CcoctlError as error:
    print(error.what)
print(peak() // 1024**2)
"""


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "item", [b"{},", b'{"metadata":{"name":"x","namespace":"y"},"spec":{"a":"' + b"x" * 9000 + b'"}},']
)
def test_memory_is_bounded_whatever_the_pages_hold(tmp_path: Path, item: bytes) -> None:
    many = item * (8_000_000 // len(item))
    body = b'{"kind":"CredentialsRequestList","metadata":{"continue":"x"},"items":[' + many + b"{}]}"
    answer = JSON + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def handler(_server: Server, connected: socket) -> None:
        head(connected)
        connected.sendall(answer)

    with serving(handler) as running:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{running.port}")
        child = [sys.executable, "-c", CHILD, str(kubeconfig)]
        done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True, timeout=200)
    told, peak = done.stdout.splitlines()
    assert "more than" in told
    assert int(peak) < 600, peak
