"""`ccoctl cluster verify` against a running cluster that is as wanted, and against what may be wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ccoctl.lab.server import EmbeddedAws
from tests.federation import forgery
from tests.openshift.access import User
from tests.openshift.apiserver import NEXT_KEY, ApiServer, serving, write_kubeconfig
from tests.openshift.objects import ACCOUNTS, INFRASTRUCTURES, SECRETS
from tests.workflows.clusters import ISSUER, installed, of_cluster
from tests.workflows.commands import Cli, changing, client

ROLES = ("demo-openshift-machine-api-aws-cloud-credentials", "demo-openshift-ingress-cloud")
SECRET = ("openshift-ingress", "cloud")


@pytest.fixture
def cluster(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, wall: Callable[[], float]
) -> ApiServer:
    cli("create-all", *common)
    return installed(key_pair, requests_dir, tmp_path / "out", wall)


@pytest.fixture
def kubeconfig(cluster: ApiServer, tmp_path: Path) -> Iterator[Path]:
    with serving(cluster, tmp_path / "kubeconfig") as path:
        yield path


@pytest.fixture
def options(kubeconfig: Path, tmp_path: Path) -> list[str]:
    return ["--kubeconfig", str(kubeconfig), "--output-dir", str(tmp_path / "nothing"), "--wait", "0"]


@pytest.fixture
def proven(cli: Cli, options: list[str]) -> Callable[..., Any]:
    """What verify says, as data."""
    return lambda *more, code=0: of_cluster(cli)("verify", *options, *more, "--output", "json", code=code).json


def verdicts(proof: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in proof["checks"]}


def wrong(proof: Mapping[str, Any]) -> dict[str, str]:
    """The checks that are not ok, and what they say."""
    return {check["name"]: check["detail"] for check in proof["checks"] if check["verdict"] != "ok"}


def test_a_cluster_as_the_installer_makes_it_holds(proven: Callable[..., Any]) -> None:
    proof = proven()

    assert proof["holds"]
    assert (proof["name"], proof["region"], proof["issuer"]) == ("demo", "us-east-1", ISSUER)
    assert list(verdicts(proof))[:8] == [
        *("credentials mode", "root credentials", "requests", "long-lived keys", "secrets"),
        *("cluster's issuer", "cluster's keys", "same issuer"),
    ]
    granted = [item["identity"] for item in proof["exchanges"] if item["granted"]]
    assert sorted(granted) == sorted(f"arn:aws:sts::123456789012:assumed-role/{role}/ccoctl-verify" for role in ROLES)
    assert [item["role"] for item in proof["exchanges"] if not item["right"]] == []


def test_behind_cloudfront_the_name_is_found_in_the_roles_and_the_region_in_the_infrastructure(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, wall: Callable[[], float]
) -> None:
    cli("create-all", *common, "--create-private-s3-bucket")
    cluster = installed(key_pair, requests_dir, tmp_path / "out", wall)
    cluster.kinds = (*cluster.kinds, INFRASTRUCTURES)
    status = {"platformStatus": {"type": "AWS", "aws": {"region": "us-east-1"}}}
    cluster.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        done = of_cluster(cli)("verify", "--kubeconfig", str(kubeconfig), "--wait", "0", "--output", "json")

    assert (done.json["holds"], done.json["name"], done.json["region"]) == (True, "demo", "us-east-1")
    assert ".cloudfront.net" in done.json["issuer"]


def test_people_get_a_table_and_a_page(cli: Cli, options: list[str], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = of_cluster(cli)("verify", *options, "--html", str(page))

    assert "The federation of demo holds." in done.out
    assert "credentials mode" in page.read_text()


def test_nothing_is_changed(cluster: ApiServer, embedded_aws: EmbeddedAws, proven: Callable[..., Any]) -> None:
    before = changing(embedded_aws)
    version = cluster.store.version
    proven()

    assert set(changing(embedded_aws)[len(before) :]) == {"sts:AssumeRoleWithWebIdentity"}
    assert cluster.store.version == version


class TestWhatMayBeWrong:
    @pytest.mark.parametrize(("mode", "told"), [("", "the default"), ("Mint", "Mint"), ("Passthrough", "Passthrough")])
    def test_an_operator_that_makes_keys(
        self, cluster: ApiServer, proven: Callable[..., Any], mode: str, told: str
    ) -> None:
        cluster.add({"kind": "CloudCredential", "metadata": {"name": "cluster"}, "spec": {"credentialsMode": mode}})
        assert told in wrong(proven(code=3))["credentials mode"]

    @pytest.mark.parametrize("name", ["aws-creds", "azure-credentials", "gcp-credentials", "vsphere-creds"])
    def test_root_credentials(self, cluster: ApiServer, proven: Callable[..., Any], name: str) -> None:
        held = {"aws_secret_access_key": "hidden"}
        given = {"kind": "Secret", "metadata": {"namespace": "kube-system", "name": name}, "stringData": held}
        cluster.add(given)
        proof = proven(code=3)

        assert f"kube-system/{name}" in wrong(proof)["root credentials"]
        assert "hidden" not in json.dumps(proof)

    def test_a_secret_with_an_access_key(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        give(cluster, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="hidden")
        proof = proven(code=3)

        assert "openshift-ingress/cloud" in wrong(proof)["long-lived keys"]
        assert "hidden" not in json.dumps(proof)

    def test_an_access_key_inside_of_the_profile(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        give(cluster, credentials="[default]\naws_access_key_id = A\naws_secret_access_key = hidden\n")
        proof = proven(code=3)

        assert "openshift-ingress/cloud" in wrong(proof)["long-lived keys"]
        assert "hidden" not in json.dumps(proof)

    def test_a_secret_that_is_gone(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        cluster.store.delete(SECRETS, *SECRET, {})
        assert "openshift-ingress/cloud does not exist" in wrong(proven(code=3))["secrets"]

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (ROLES[1], ROLES[0], f"its own is {ROLES[1]}"),
            ("/var/run/secrets/openshift/serviceaccount/token", "/elsewhere", "looks for its token at /elsewhere"),
            ("[default]", "[default]\ncredential_process = /bin/evil", "credential_process"),
        ],
    )
    def test_a_secret_that_says_something_else(
        self, cluster: ApiServer, proven: Callable[..., Any], old: str, new: str, told: str
    ) -> None:
        said = cluster.secret(*SECRET)["credentials"]
        give(cluster, credentials=said.replace(old, new))

        assert told in wrong(proven(code=3))["secrets"]

    def test_an_issuer_that_is_not_rolled_out_yet(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        spec = {"serviceAccountIssuer": "https://other.example.com"}
        cluster.add({"kind": "Authentication", "metadata": {"name": "cluster"}, "spec": spec})

        assert (
            "https://other.example.com"
            in wrong(proven("--name", "demo", "--region", "us-east-1", code=3))["cluster's issuer"]
        )

    def test_an_issuer_that_is_not_the_accounts(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        cluster.issuer = "https://other.example.com"
        spec = {"serviceAccountIssuer": cluster.issuer}
        cluster.add({"kind": "Authentication", "metadata": {"name": "cluster"}, "spec": spec})
        proof = proven("--region", "us-east-1", code=3)

        assert cluster.issuer in wrong(proof)["same issuer"]
        assert not any(item["granted"] for item in proof["exchanges"])

    def test_a_key_of_the_api_server_that_nobody_else_knows(
        self, cluster: ApiServer, proven: Callable[..., Any]
    ) -> None:
        cluster.rotate(forgery.rsa_key("another"))
        proof = proven(code=3)

        assert forgery.signer("another").kid in wrong(proof)["cluster's keys"]
        assert proof["kid"] == forgery.signer("another").kid
        assert not any(item["granted"] for item in proof["exchanges"])

    def test_a_key_that_is_to_sign_next_and_is_not_published(
        self, cluster: ApiServer, proven: Callable[..., Any]
    ) -> None:
        cluster.keys.append(forgery.rsa_key("another"))
        cluster.keep_key(NEXT_KEY, cluster.keys[-1])
        proof = proven(code=3)

        assert list(wrong(proof)) == ["cluster's keys", "account"]
        assert "cluster repair would publish keys.json again" in wrong(proof)["account"]

    def test_a_key_that_signs_no_more_may_be_retired_and_is_only_told(
        self, cluster: ApiServer, proven: Callable[..., Any]
    ) -> None:
        cluster.keys.append(forgery.rsa_key("another"))
        proof = proven()
        (finding,) = [item for item in proof["findings"] if item["where"].startswith("key ")]

        assert proof["holds"]
        assert finding["where"] == f"key {forgery.signer('another').kid}"
        assert finding["severity"] == "low"
        assert "retired, or not published yet: nobody outside accepts its tokens" in finding["what"]
        assert "rotate-signing-key" in finding["remedy"]

    def test_a_role_that_somebody_changed(self, embedded_aws: EmbeddedAws, proven: Callable[..., Any]) -> None:
        client(embedded_aws, "iam").delete_role_policy(RoleName=ROLES[1], PolicyName=ROLES[1])
        assert list(wrong(proven(code=3))) == ["account"]

    def test_a_request_that_cannot_be_read(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        metadata = {"namespace": "openshift-cloud-credential-operator", "name": "odd"}
        spec = {"secretRef": {"namespace": "ns", "name": "../x"}, "providerSpec": {"kind": "AWSProviderSpec"}}
        cluster.add({"kind": "CredentialsRequest", "metadata": metadata, "spec": spec})

        assert "openshift-cloud-credential-operator/odd" in wrong(proven(code=3))["requests"]


class TestWhatIsNotThere:
    def test_a_service_account_that_does_not_exist_is_a_finding(
        self, cluster: ApiServer, proven: Callable[..., Any]
    ) -> None:
        request = next(item for key, item in cluster.store.objects.items() if "openshift-ingress-cloud" in key)
        request["spec"]["serviceAccountNames"].append("not-installed")
        proof = proven(code=3)  # the role lacks the subject, which is told apart from this

        assert list(wrong(proof)) == ["account"]
        assert "service account openshift-ingress/not-installed" in [item["where"] for item in proof["findings"]]
        assert not any("not-installed" in item["service_account"] for item in proof["exchanges"])

    def test_a_component_without_any_cannot_be_proven(self, cluster: ApiServer, proven: Callable[..., Any]) -> None:
        cluster.store.delete(ACCOUNTS, "openshift-ingress", "controllers", {})
        proof = proven(code=3)

        assert verdicts(proof)["service accounts"] == "not checked"
        assert proof["standing"] == "is not proven"


class TestAddOns:
    @pytest.fixture
    def add_on(self, cluster: ApiServer) -> Callable[..., None]:
        """One that was installed with a role of its own, whose Secret the operator made."""

        def install(**held: str) -> None:
            arn = "arn:aws:iam::123456789012:role/of-an-add-on"
            spec = {
                "secretRef": {"namespace": "add-on", "name": "credentials"},
                "serviceAccountNames": ["manager"],
                "providerSpec": {
                    "apiVersion": "cloudcredential.openshift.io/v1",
                    "kind": "AWSProviderSpec",
                    "statementEntries": [{"effect": "Allow", "action": ["s3:GetObject"], "resource": "*"}],
                    "stsIAMRoleARN": arn,
                },
            }
            metadata = {"namespace": "openshift-cloud-credential-operator", "name": "add-on"}
            cluster.add({"kind": "CredentialsRequest", "metadata": metadata, "spec": spec})
            secret = {"kind": "Secret", "metadata": {"namespace": "add-on", "name": "credentials"}}
            cluster.add({**secret, "stringData": held})

        return install

    def test_one_with_a_role_of_its_own_is_none_of_the_set_up(
        self, add_on: Callable[..., None], proven: Callable[..., Any]
    ) -> None:
        add_on(credentials="[default]\nrole_arn = arn:aws:iam::123456789012:role/of-an-add-on\n")
        proof = proven()

        assert proof["holds"]
        assert [item["where"] for item in proof["findings"] if "its own role" in item["what"]] == [
            "request for add-on/credentials"
        ]

    def test_an_access_key_in_its_secret_is_found_all_the_same(
        self, add_on: Callable[..., None], proven: Callable[..., Any]
    ) -> None:
        add_on(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="hidden")

        assert "add-on/credentials" in wrong(proven(code=3))["long-lived keys"]


class TestWhoMayNotLook:
    def test_what_may_not_be_read_is_said_with_the_right_that_is_missing(
        self, cli: Cli, cluster: ApiServer, options: list[str], tmp_path: Path
    ) -> None:
        rules = [
            {"apiGroups": ["cloudcredential.openshift.io"], "resources": ["credentialsrequests"], "verbs": ["list"]},
        ]
        cluster.users["limited"] = User("limited", rules=rules)
        options[1] = str(write_kubeconfig(tmp_path / "limited", cluster.address, "limited"))
        more = ["--name", "demo", "--region", "us-east-1", "--output", "json"]
        proof = of_cluster(cli)("verify", *options, *more, code=3).json

        told = wrong(proof)
        assert proof["standing"] == "is not proven"
        assert "get cloudcredentials.operator.openshift.io" in told["credentials mode"]
        assert "get secrets in kube-system" in told["root credentials"]
        assert "get secrets in openshift-ingress" in told["secrets"]
        assert "get /.well-known/openid-configuration" in told["cluster's issuer"]
        assert "get /openid/v1/jwks" in told["cluster's keys"]
        messages = {item["message"] for item in proof["exchanges"]}
        assert any("forbidden" in message for message in messages)

    def test_credentials_that_ended_are_an_error(
        self, cli: Cli, cluster: ApiServer, options: list[str], tmp_path: Path
    ) -> None:
        options[1] = str(write_kubeconfig(tmp_path / "old", cluster.address, "of-yesterday"))
        assert "log in again" in of_cluster(cli)("verify", *options, code=1).err


def give(cluster: ApiServer, **held: str) -> None:
    """Have the ingress operator's Secret hold this."""
    namespace, name = SECRET
    cluster.add({"kind": "Secret", "metadata": {"namespace": namespace, "name": name}, "stringData": held})
