"""The port to a running cluster: what is asked, what comes back, and what becomes of everything that may go wrong."""

from __future__ import annotations

import base64
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.engine.call import Call
from ccoctl.errors import CloudError, ClusterError, ErrorKind
from ccoctl.openshift import calls, connection
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.connection import shown
from ccoctl.openshift.operations import OPERATIONS, path_of, right_of
from tests.federation import forgery, servers
from tests.federation.forgery import ISSUER, NOW
from tests.openshift.access import User
from tests.openshift.apiserver import ApiServer, serving, write_kubeconfig
from tests.openshift.http import Reply, reply, text

SECRET = ("openshift-machine-api", "aws-cloud-credentials")


@pytest.fixture
def server() -> ApiServer:
    accounts = frozenset({"openshift-machine-api/machine-api-controllers"})
    return ApiServer(key=forgery.rsa_key(), issuer=ISSUER, accounts=accounts, now=NOW).as_openshift()


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path) -> Iterator[KubeCluster]:
    with serving(server, tmp_path / "kubeconfig") as kubeconfig, closing(KubeCluster(kubeconfig)) as port:
        yield port


def refused(cluster: KubeCluster, call: Call) -> CloudError:
    with pytest.raises(CloudError) as raised:
        cluster.perform(call)
    return raised.value


class TestWhatIsAsked:
    def test_the_issuer_is_read_and_set(self, server: ApiServer, cluster: KubeCluster) -> None:
        before: Any = cluster.perform(calls.get_authentication())
        cluster.perform(calls.set_issuer("https://other.example.com", before["metadata"]["resourceVersion"]))

        after: Any = cluster.perform(calls.get_authentication())
        assert before["spec"]["serviceAccountIssuer"] == ISSUER
        assert after["spec"]["serviceAccountIssuer"] == "https://other.example.com"
        assert cluster.perform(calls.get_discovery())["issuer"] == "https://other.example.com"
        assert server.asked[1].content_type == "application/merge-patch+json"

    def test_an_issuer_that_somebody_else_changed_meanwhile_is_left_alone(self, cluster: KubeCluster) -> None:
        before: Any = cluster.perform(calls.get_authentication())
        version = before["metadata"]["resourceVersion"]
        cluster.perform(calls.set_issuer("https://theirs.example.com", version))
        error = refused(cluster, calls.set_issuer("https://ours.example.com", version))

        after: Any = cluster.perform(calls.get_authentication())
        assert (error.kind, error.code) == (ErrorKind.PERMANENT, "Conflict")
        assert "meanwhile" in error.remedy
        assert after["spec"]["serviceAccountIssuer"] == "https://theirs.example.com"

    def test_the_keys_are_asked_for_in_the_only_form_they_are_given_in(
        self, server: ApiServer, cluster: KubeCluster
    ) -> None:
        answer: Any = cluster.perform(calls.get_keys())

        assert [key["kid"] for key in answer["keys"]] == [forgery.signer().kid]
        assert server.asked[0].accept == "application/jwk-set+json"

    def test_of_a_signing_key_the_public_half_alone_comes_back(self, cluster: KubeCluster) -> None:
        for which in ("next", "current"):
            answer: Any = cluster.perform(calls.get_signing_key(which))

            assert set(answer["data"]) == {"service-account.pub"}
            assert base64.b64decode(answer["data"]["service-account.pub"]).startswith(b"-----BEGIN PUBLIC KEY")

    def test_whether_a_secret_is_there_is_asked_without_what_it_holds(
        self, server: ApiServer, cluster: KubeCluster
    ) -> None:
        given = {"kind": "Secret", "metadata": {"namespace": "kube-system", "name": "aws-creds"}}
        server.add({**given, "stringData": {"aws_secret_access_key": "hidden"}})
        answer = cluster.perform(calls.look_for_secret("kube-system", "aws-creds"))

        assert answer["kind"] == "PartialObjectMetadata"
        assert "data" not in answer

    def test_whether_one_may_is_asked(self, server: ApiServer, cluster: KubeCluster, tmp_path: Path) -> None:
        rule = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
        server.users["limited"] = User("limited", in_namespaces={"ns": [rule]})
        kubeconfig = write_kubeconfig(tmp_path / "limited", cluster.server, "limited")
        with closing(KubeCluster(kubeconfig)) as limited:
            answers: list[Any] = [
                limited.perform(calls.review_access("create", "", "serviceaccounts/token", namespace))
                for namespace in ("ns", "other")
            ]

        assert [answer["status"]["allowed"] for answer in answers] == [True, False]

    def test_a_version_can_be_said_to_be_ready(self, cluster: KubeCluster) -> None:
        cluster.perform(calls.set_upgradeable_to("4.18"))

        answer: Any = cluster.perform(calls.get_cloud_credential())
        assert answer["metadata"]["annotations"] == {"cloudcredential.openshift.io/upgradeable-to": "4.18"}
        assert answer["spec"]["credentialsMode"] == "Manual"


class TestSecrets:
    def test_one_is_made_where_there_is_none(self, server: ApiServer, cluster: KubeCluster) -> None:
        cluster.perform(calls.apply_secret(*SECRET, {"credentials": "ours"}))

        assert server.secret(*SECRET) == {"credentials": "ours"}

    def test_one_of_ours_is_changed(self, server: ApiServer, cluster: KubeCluster) -> None:
        for said in ({"credentials": "first", "more": "x"}, {"credentials": "second"}):
            cluster.perform(calls.apply_secret(*SECRET, said))

        assert server.secret(*SECRET) == {"credentials": "second"}

    def test_what_another_set_to_another_value_is_a_conflict_and_stays(
        self, server: ApiServer, cluster: KubeCluster
    ) -> None:
        server.add(_secret("theirs"), "kubectl-edit")
        error = refused(cluster, calls.apply_secret(*SECRET, {"credentials": "ours"}))

        assert (error.kind, error.code) == (ErrorKind.PERMANENT, "Conflict")
        assert "kubectl-edit" in error.what
        assert "--force-conflicts" in error.remedy
        assert server.secret(*SECRET) == {"credentials": "theirs"}

    def test_what_another_set_to_the_same_value_is_none(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.add(_secret("same"), "cluster-bootstrap")
        cluster.perform(calls.apply_secret(*SECRET, {"credentials": "same"}))

        assert server.secret(*SECRET) == {"credentials": "same"}

    def test_it_is_taken_over_when_that_is_asked_for(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.add(_secret("theirs"), "kubectl-edit")
        cluster.perform(calls.apply_secret(*SECRET, {"credentials": "ours"}, force=True))

        assert server.secret(*SECRET) == {"credentials": "ours"}

    def test_one_is_deleted_and_a_second_time_it_is_gone_already(self, server: ApiServer, cluster: KubeCluster) -> None:
        uid = server.add(_secret("x"))["metadata"]["uid"]
        call = calls.delete_secret(*SECRET, uid=uid)
        cluster.perform(call)

        assert refused(cluster, call).code in call.tolerate

    def test_one_that_took_the_place_of_another_is_not_deleted(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.add(_secret("x"))
        error = refused(cluster, calls.delete_secret(*SECRET, uid="00000000-0000-0000-0000-000000000000"))

        assert error.code == "Conflict"
        assert server.secret(*SECRET) == {"credentials": "x"}

    def test_a_namespace_that_is_not_there_is_named(self, cluster: KubeCluster) -> None:
        error = refused(cluster, calls.apply_secret("nowhere", "x", {"a": "b"}))

        assert error.kind is ErrorKind.MISSING
        assert 'namespaces "nowhere" not found' in error.what


class TestWhatGoesWrong:
    @pytest.mark.parametrize(
        ("status", "reason", "kind"),
        [
            (400, "BadRequest", ErrorKind.PERMANENT),
            (401, "Unauthorized", ErrorKind.DENIED),
            (403, "Forbidden", ErrorKind.DENIED),
            (404, "NotFound", ErrorKind.MISSING),
            (409, "AlreadyExists", ErrorKind.EXISTS),
            (409, "Conflict", ErrorKind.PERMANENT),
            (410, "Expired", ErrorKind.PERMANENT),
            (422, "Invalid", ErrorKind.PERMANENT),
            (429, "TooManyRequests", ErrorKind.THROTTLED),
            (500, "InternalError", ErrorKind.TRANSIENT),
            (503, "ServiceUnavailable", ErrorKind.TRANSIENT),
            (504, "Timeout", ErrorKind.TRANSIENT),
        ],
    )
    def test_a_status_says_whether_to_try_again(
        self, server: ApiServer, cluster: KubeCluster, status: int, reason: str, kind: ErrorKind
    ) -> None:
        body = {"kind": "Status", "status": "Failure", "reason": reason, "message": "because", "code": status}
        server.instead = lambda _: reply(status, body)
        error = refused(cluster, calls.get_version())

        assert (error.kind, error.code, error.operation) == (kind, reason, "kubernetes:GetVersion")
        assert "because" in error.what

    def test_a_missing_right_is_named(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.forbidden = True
        error = refused(cluster, calls.get_secret(*SECRET))

        assert error.actions == ("get secrets in openshift-machine-api",)
        assert "cluster required-permissions" in error.remedy

    def test_credentials_that_ended_are_not_a_missing_right(self, cluster: KubeCluster, tmp_path: Path) -> None:
        with closing(KubeCluster(write_kubeconfig(tmp_path / "old", cluster.server, "of-yesterday"))) as other:
            error = refused(other, calls.get_version())

        assert (error.kind, error.actions) == (ErrorKind.DENIED, ())
        assert "log in again" in error.remedy

    def test_a_kind_that_the_server_does_not_know_is_missing(self, cluster: KubeCluster) -> None:
        error = refused(cluster, calls.get_infrastructure())

        assert error.kind is ErrorKind.MISSING
        assert "404 page not found" in error.what

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"a":1,"a":2}', b"<html>"]
    )
    def test_an_answer_that_is_no_object_is_an_error_of_ours(
        self, server: ApiServer, cluster: KubeCluster, body: bytes
    ) -> None:
        for status in (200, 403):
            server.instead = lambda _, status=status: Reply(status, body, "application/json", {})
            assert refused(cluster, calls.get_version()).kind in {ErrorKind.PERMANENT, ErrorKind.DENIED}

    @pytest.mark.parametrize(
        "status", [{"message": 5, "reason": [], "details": 7}, {"details": {"causes": ["x", 1]}, "reason": None}]
    )
    def test_a_failure_of_no_known_shape_is_an_error_of_ours(
        self, server: ApiServer, cluster: KubeCluster, status: dict[str, Any]
    ) -> None:
        server.instead = lambda _: reply(409, status)
        assert refused(cluster, calls.get_version()).kind is ErrorKind.PERMANENT

    def test_an_answer_without_end_is_given_up(
        self, server: ApiServer, cluster: KubeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "LIMIT", 1000)
        server.instead = lambda _: text(200, "x" * 2000)
        assert "more than 1,000 bytes" in refused(cluster, calls.get_version()).what

    def test_an_answer_that_is_packed_is_not_unpacked(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.instead = lambda _: Reply(200, b"\x1f\x8b", "application/json", {"Content-Encoding": "gzip"})
        assert refused(cluster, calls.get_version()).kind is ErrorKind.PERMANENT

    def test_nobody_is_followed_elsewhere(self, server: ApiServer, cluster: KubeCluster) -> None:
        server.instead = lambda _: Reply(302, b"", "text/html", {"Location": "http://127.0.0.1:9/"})
        error = refused(cluster, calls.get_version())

        assert (error.code, len(server.asked)) == ("302", 1)

    def test_a_cluster_that_is_away_may_come_back(self, server: ApiServer, tmp_path: Path) -> None:
        with serving(server, tmp_path / "kubeconfig") as kubeconfig:
            pass
        with closing(KubeCluster(kubeconfig)) as cluster:
            error = refused(cluster, calls.get_version())

        assert error.kind is ErrorKind.TRANSIENT
        assert "does not answer" in error.what

    def test_a_server_whose_certificate_is_not_trusted_is_not_asked_again(self, tmp_path: Path) -> None:
        chain = servers.certificates(tmp_path).chain
        with servers.https(chain, servers.saying(b"")) as running:
            kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", f"https://localhost:{running.port}")
            with closing(KubeCluster(kubeconfig)) as cluster:
                error = refused(cluster, calls.get_version())

        assert error.kind is ErrorKind.PERMANENT
        assert "certificate" in error.what

    def test_tokens_are_in_no_error_and_in_no_log(
        self, server: ApiServer, cluster: KubeCluster, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        token = forgery.signer().sign({"sub": "x"})
        message = f"bad request: Authorization: Bearer of-the-administrator, token {token} or sha256~opaque"
        body = {"kind": "Status", "message": message, "reason": "BadRequest", "code": 400}
        server.instead = lambda _: reply(400, body)
        error = refused(cluster, calls.create_token("a", "b", ("openshift",), 600))
        server.instead = None
        cluster.perform(calls.create_token("openshift-machine-api", "machine-api-controllers", ("openshift",), 600))

        told = f"{error}{error!r}{caplog.text}"
        assert "of-the-administrator" not in told
        assert "opaque" not in told
        assert not re.search(r"ey[\w-]+\.[\w-]+", told)

    def test_what_is_shown_of_a_server_is_one_short_line(self) -> None:
        assert shown("a\nb\x1b[31m" + "x" * 10_000) == "a b [31m" + "x" * 292

    @pytest.mark.parametrize("held", ["a b\r{}", "{}\nmore", "{} more", "{}\u00e9"])
    def test_a_token_of_a_file_that_cannot_be_sent_is_not_quoted(
        self, server: ApiServer, tmp_path: Path, held: str
    ) -> None:
        """A file is read again whenever it is needed, so what it holds is not looked at before."""
        (tmp_path / "token").write_text(held.format("top-secret"))
        with serving(server, tmp_path / "kubeconfig") as kubeconfig:
            document = yaml.safe_load(kubeconfig.read_text())
            document["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
            kubeconfig.write_text(yaml.safe_dump(document))
            with closing(KubeCluster(kubeconfig)) as cluster:
                error = refused(cluster, calls.get_version())

        assert error.kind in {ErrorKind.PERMANENT, ErrorKind.DENIED}
        assert "top-secret" not in "".join(traceback.format_exception(error))


class TestNames:
    @given(st.text())
    def test_a_name_never_leads_elsewhere(self, name: str) -> None:
        try:
            path = path_of(calls.get_secret("ns", name))
        except ValueError:
            return
        assert path == f"/api/v1/namespaces/ns/secrets/{name}"
        assert re.fullmatch(r"[a-z0-9.-]+", name)
        assert name not in {".", ".."}

    def test_every_operation_has_its_words(self) -> None:
        for name, operation in OPERATIONS.items():
            call = Call(service="kubernetes", operation=name, parameters={"Namespace": "ns", "Name": "n"})
            assert path_of(call).startswith(("/api/v1/", "/apis/", "/"))
            assert right_of(call).startswith(operation.verb)


@pytest.mark.parametrize("content", ["", "a: [", "kind: Config", "[]", "current-context: x\nclusters: 5", "\0"])
def test_a_file_that_is_no_kubeconfig_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(ClusterError) as raised:
        KubeCluster(path)
    assert raised.value.where == str(path)


def test_a_damaged_kubeconfig_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("users:\n- user: {token: top-secret, [}\n")

    with pytest.raises(ClusterError) as raised:
        KubeCluster(path)
    assert "top-secret" not in str(raised.value)
    assert "line 2" in str(raised.value)


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        KubeCluster(tmp_path / "nothing")


def test_a_context_is_chosen_by_name(server: ApiServer, tmp_path: Path) -> None:
    with serving(server, tmp_path / "kubeconfig") as kubeconfig:
        document = yaml.safe_load(kubeconfig.read_text())
        kubeconfig.write_text(yaml.safe_dump({**document, "current-context": "of-another"}))
        with closing(KubeCluster(kubeconfig, context="demo")) as cluster:
            assert cluster.perform(calls.get_version())["major"] == "1"
        with pytest.raises(ClusterError, match="nowhere"):
            KubeCluster(kubeconfig, context="nowhere")


def _secret(credentials: str) -> dict[str, Any]:
    namespace, name = SECRET
    metadata = {"namespace": namespace, "name": name}
    return {"kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": {"credentials": credentials}}
