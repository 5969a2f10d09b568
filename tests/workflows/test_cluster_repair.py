"""`ccoctl cluster repair`: what a running cluster needs of AWS is built again, whatever of it was lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.engine.plan import Result
from ccoctl.federation.issue import Signer
from ccoctl.lab.server import EmbeddedAws
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.observe import observe
from ccoctl.workflows.aws_order import Order, Part
from ccoctl.workflows.cluster_order import checked_of
from ccoctl.workflows.cluster_permissions import roles_for
from ccoctl.workflows.cluster_repair import carry_out, prepare
from ccoctl.workflows.reach import Reach
from tests.federation import forgery
from tests.openshift.access import User
from tests.openshift.apiserver import CURRENT_KEY, NEXT_KEY, ApiServer, serving, write_kubeconfig
from tests.openshift.objects import INFRASTRUCTURES, SECRETS
from tests.workflows.clusters import installed, of_cluster
from tests.workflows.commands import Cli, changing, client, inventory
from tests.workflows.mortal import Killed, MortalCloud

ROLES = ("demo-openshift-machine-api-aws-cloud-credentials", "demo-openshift-ingress-cloud")
SECRET = ("openshift-ingress", "cloud")


class Running:
    """A running cluster with its account, and the commands on it."""

    def __init__(self, cli: Cli, cluster: ApiServer, kubeconfig: Path) -> None:
        self.cli, self.cluster, self.aws = cli, cluster, cli.aws
        self.kubeconfig = kubeconfig
        self.options = ["--kubeconfig", str(kubeconfig)]

    def repair(self, *more: str, code: int = 0) -> Any:
        return of_cluster(self.cli)("repair", *self.options, *more, code=code)

    def plan(self, *more: str, code: int = 3) -> Any:
        return self.repair("--plan-only", "--output", "json", *more, code=code).json

    def holds(self) -> bool:
        """What verify says, the manifests of nobody aside."""
        more = ("--wait", "0", "--output-dir", "/nonexistent", "--output", "json")
        done = of_cluster(self.cli)("verify", *self.options, *more, code=None)
        return bool(done.json["holds"])

    def delete(self, *more: str) -> None:
        self.cli("delete", "--name", "demo", "--region", "us-east-1", "--yes", *more)


@pytest.fixture
def running(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, wall: Callable[[], float]
) -> Iterator[Callable[..., Running]]:
    opened = []

    def run(*more: str) -> Running:
        cli("create-all", *common, *more)
        cluster = installed(key_pair, requests_dir, tmp_path / "out", wall)
        cluster.kinds = (*cluster.kinds, INFRASTRUCTURES)
        status = {"platformStatus": {"type": "AWS", "aws": {"region": "us-east-1"}}}
        cluster.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})
        served = serving(cluster, tmp_path / "kubeconfig")
        opened.append(served)
        return Running(cli, cluster, served.__enter__())

    yield run
    for served in opened:
        served.__exit__(None, None, None)


def published(aws: EmbeddedAws) -> list[str]:
    """The kids in the bucket."""
    body = client(aws, "s3").get_object(Bucket="demo-oidc", Key="keys.json")["Body"].read()
    return [key["kid"] for key in json.loads(body)["keys"]]


def steps(plan: Any) -> list[str]:
    return [step["id"] for step in plan["steps"]]


class TestNothingIsLost:
    def test_there_is_nothing_to_do(self, running: Callable[..., Running]) -> None:
        here = running()
        before, version = changing(here.aws), here.cluster.store.version

        assert steps(here.plan(code=0)) == []
        assert "Nothing had to be changed" in here.repair().out
        assert (changing(here.aws), here.cluster.store.version) == (before, version)


class TestEverythingIsLost:
    def test_it_is_built_again(self, running: Callable[..., Running]) -> None:
        here = running()
        before = inventory(here.aws)
        here.delete()
        here.repair()

        assert inventory(here.aws) == before
        assert published(here.aws) == [first_kid(here.cluster)]
        assert here.holds()

    @pytest.mark.long
    def test_behind_cloudfront_too_with_an_issuer_that_is_new(self, running: Callable[..., Running]) -> None:
        here = running("--create-private-s3-bucket")
        old = here.cluster.issuer
        here.delete()
        done = here.repair()

        assert here.cluster.issuer != old
        assert f"the cluster's issuer changes from {old}" in done.err
        assert here.holds()

    def test_it_is_shown_first_and_nothing_is_changed_yet(self, running: Callable[..., Running]) -> None:
        here = running()
        here.delete()
        before, version = changing(here.aws), here.cluster.store.version
        plan = here.plan()

        assert plan["changes"]
        assert {step["resource"]["kind"] for step in plan["steps"]} >= {"bucket", "object", "OIDC provider", "role"}
        assert (changing(here.aws), here.cluster.store.version) == (before, version)

    @pytest.mark.long
    @pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
    def test_killed_after_any_change_the_next_run_goes_on(
        self, running: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: bool
    ) -> None:
        here = running(*(["--create-private-s3-bucket"] if private else []))
        for name, value in here.aws.environment().items():
            monkeypatch.setenv(name, value)
        with closing(KubeCluster(here.kubeconfig)) as cluster:
            reach: Any = Reach(AwsCloud(Connection(region="us-east-1")), cluster=cluster)
            at, was_killed = 0, True
            while was_killed:
                here.delete()
                here.cluster.store.delete(SECRETS, *SECRET, {})
                was_killed = _repaired(cluster, MortalCloud(reach, at), tmp_path) is None
                assert _repaired(cluster, reach, tmp_path) is not None
                assert steps(here.plan(code=0)) == []
                assert here.holds()
                at += 3
        assert at > 9


def _repaired(cluster: KubeCluster, reach: Any, folder: Path) -> Result | None:
    """One whole run; None where it was killed."""
    seen = observe(cluster)
    order = Order(part=Part.ALL, name="", output_dir=folder / "unused")
    checked = checked_of(order, seen, strict=True)
    try:
        result = carry_out(prepare(checked, seen, reach, reach), reach, concurrency=4)
    except Killed:
        return None
    return result if result.ok else None


class TestOneThingIsLost:
    @pytest.mark.long
    def test_a_distribution_and_the_provider_that_is_of_no_use_without_it(
        self, running: Callable[..., Running]
    ) -> None:
        here = running("--create-private-s3-bucket")
        old = here.cluster.issuer
        front = client(here.aws, "cloudfront")
        (one,) = front.list_distributions()["DistributionList"]["Items"]
        _delete_distribution(front, one["Id"])
        here.repair()

        assert here.cluster.issuer != old
        assert len(inventory(here.aws)["providers"]) == 1
        assert here.holds()

    def test_a_role(self, running: Callable[..., Running]) -> None:
        here = running()
        iam = client(here.aws, "iam")
        iam.delete_role_policy(RoleName=ROLES[0], PolicyName=ROLES[0])
        iam.delete_role(RoleName=ROLES[0])
        here.repair()

        assert here.holds()

    def test_a_secret(self, running: Callable[..., Running]) -> None:
        here = running()
        before = here.cluster.secret(*SECRET)
        here.cluster.store.delete(SECRETS, *SECRET, {})
        plan = here.plan()
        here.repair()

        assert steps(plan) == ["secret/openshift-ingress/cloud/apply"]
        assert here.cluster.secret(*SECRET) == before

    def test_keys_that_were_never_published(self, running: Callable[..., Running]) -> None:
        here = running()
        first = first_kid(here.cluster)
        here.cluster.rotate(forgery.rsa_key("another"))
        here.repair()

        assert published(here.aws) == [first, forgery.signer("another").kid]
        assert here.holds()

    def test_a_published_key_that_the_cluster_does_not_know_stays(self, running: Callable[..., Running]) -> None:
        here = running()
        first = first_kid(here.cluster)
        here.cluster.rotate(forgery.rsa_key("another"))
        here.cluster.forget(here.cluster.keys[0])
        here.repair()

        assert published(here.aws) == [first, forgery.signer("another").kid]


class TestKeysThatTheClusterOnlyTrusts:
    """Retired, or not published yet: nobody can tell which, so that none is published by the way."""

    def test_one_that_signs_no_more_is_not_published(self, running: Callable[..., Running]) -> None:
        here = running()
        first, retired = first_kid(here.cluster), forgery.rsa_key("another")
        here.cluster.keys.append(retired)
        done = here.repair()

        assert published(here.aws) == [first]
        assert "Nothing had to be changed" in done.out
        assert f"{forgery.signer('another').kid}, which the API server trusts, is not published" in done.err
        assert "retired, or not published yet" in done.err
        assert here.holds()

    def test_one_that_a_rotation_has_retired_is_not_published_again(
        self, running: Callable[..., Running], tmp_path: Path
    ) -> None:
        here = running()
        old = first_kid(here.cluster)
        options = ("--name", "demo", "--region", "us-east-1", *here.options, "--yes")
        new = ("--new-key", "--key-bits", "2048", "--output-dir", str(tmp_path / "out"))
        here.cli("rotate-signing-key", *options, *new)
        here.cli("rotate-signing-key", *options, "--retire-old", "--force")
        left = published(here.aws)
        assert here.holds()
        here.repair()

        assert old == first_kid(here.cluster)
        assert published(here.aws) == left != [old]

    @pytest.mark.parametrize(
        "place",
        [pytest.param(NEXT_KEY, id="next"), pytest.param(CURRENT_KEY, id="current", marks=pytest.mark.long)],
    )
    def test_one_that_the_operator_has_it_sign_with_is(
        self, running: Callable[..., Running], place: tuple[str, str]
    ) -> None:
        here = running()
        first, coming = first_kid(here.cluster), forgery.rsa_key("another")
        here.cluster.keys.append(coming)
        here.cluster.keep_key(place, coming)
        assert not here.holds()
        here.repair()

        assert published(here.aws) == [first, forgery.signer("another").kid]
        assert here.holds()

    def test_without_keys_json_every_one_is(self, running: Callable[..., Running]) -> None:
        here = running()
        here.cluster.keys.append(forgery.rsa_key("another"))
        client(here.aws, "s3").delete_object(Bucket="demo-oidc", Key="keys.json")
        here.repair()

        assert published(here.aws) == [first_kid(here.cluster), forgery.signer("another").kid]

    def test_who_may_not_see_what_signs_is_told_what_it_takes_and_publishes_none(
        self, running: Callable[..., Running], requests_dir: Path, tmp_path: Path
    ) -> None:
        here = running()
        here.cluster.rotate(forgery.rsa_key("another"))
        cluster_role, *roles = roles_for(["repair"], "ccoctl", requests_dir)
        hidden = {"default", "openshift-kube-apiserver", "openshift-kube-apiserver-operator"}
        places = {
            role["metadata"]["namespace"]: role["rules"]
            for role in roles
            if role["metadata"]["namespace"] not in hidden
        }
        here.cluster.users["limited"] = User("limited", rules=cluster_role["rules"], in_namespaces=places)
        here.options = ["--kubeconfig", str(write_kubeconfig(tmp_path / "limited", here.cluster.address, "limited"))]
        done = here.repair()

        assert published(here.aws) == [first_kid(here.cluster)]
        assert "which of them the cluster signs with cannot be seen" in done.err
        assert "create serviceaccounts/token in default" in done.err


class TestSecretsOfOthers:
    def test_what_somebody_set_is_not_taken_over_silently(self, running: Callable[..., Running]) -> None:
        here = running()
        give(here.cluster, credentials=here.cluster.secret(*SECRET)["credentials"].replace(ROLES[1], ROLES[0]))
        done = here.repair(code=1)

        assert "kubectl-edit" in done.err
        assert "--force-conflicts" in done.err
        assert ROLES[0] in here.cluster.secret(*SECRET)["credentials"]

    @pytest.mark.long
    def test_it_is_when_that_is_asked_for(self, running: Callable[..., Running]) -> None:
        here = running()
        give(here.cluster, credentials=here.cluster.secret(*SECRET)["credentials"].replace(ROLES[1], ROLES[0]))
        here.repair("--force-conflicts")

        assert here.holds()

    def test_an_access_key_goes_with_its_secret(self, running: Callable[..., Running]) -> None:
        here = running()
        give(here.cluster, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="hidden")
        plan = here.plan()
        done = here.repair()

        assert steps(plan) == ["secret/openshift-ingress/cloud/delete", "secret/openshift-ingress/cloud/apply"]
        assert set(here.cluster.secret(*SECRET)) == {"credentials"}
        assert "until its IAM user is deleted" in done.err
        assert "hidden" not in f"{plan}{done.out}{done.err}"
        assert here.holds()

    def test_what_is_no_profile_of_ours_is_not_shown(self, running: Callable[..., Running]) -> None:
        here = running()
        give(here.cluster, credentials="[default]\naws_session_token = hidden\n")
        assert "hidden" not in json.dumps(here.plan())


class TestWhatIsRefused:
    def test_an_issuer_of_somebody_else_is_not_replaced(self, running: Callable[..., Running]) -> None:
        here = running()
        here.cluster.issuer = "https://oidc.example.com"
        spec = {"serviceAccountIssuer": here.cluster.issuer}
        here.cluster.add({"kind": "Authentication", "metadata": {"name": "cluster"}, "spec": spec})
        done = here.repair("--name", "demo", "--region", "us-east-1", code=1)

        assert "changing it is a migration" in done.err
        assert here.cluster.issuer == "https://oidc.example.com"

    def test_a_request_for_nobody_does_not_keep_the_others_waiting(self, running: Callable[..., Running]) -> None:
        here = running()
        metadata = {"namespace": "openshift-cloud-credential-operator", "name": "odd"}
        spec = {
            "secretRef": {"namespace": "ns", "name": "x"},
            "providerSpec": {
                "apiVersion": "cloudcredential.openshift.io/v1",
                "kind": "AWSProviderSpec",
                "statementEntries": [{"effect": "Allow", "action": ["s3:GetObject"], "resource": "*"}],
            },
        }
        here.cluster.add({"kind": "CredentialsRequest", "metadata": metadata, "spec": spec})
        here.cluster.store.delete(SECRETS, *SECRET, {})
        done = here.repair()

        assert "request odd for ns/x is left out" in done.err
        assert "credentials" in here.cluster.secret(*SECRET)

    def test_requests_that_cannot_be_read_are_all_told(self, running: Callable[..., Running]) -> None:
        here = running()
        metadata = {"namespace": "openshift-cloud-credential-operator", "name": "odd"}
        spec = {"secretRef": {"namespace": "ns", "name": "../x"}, "providerSpec": {"kind": "AWSProviderSpec"}}
        here.cluster.add({"kind": "CredentialsRequest", "metadata": metadata, "spec": spec})

        assert "openshift-cloud-credential-operator/odd" in here.repair(code=1).err

    def test_who_may_not_see_the_keys_is_told_which_right_it_takes(
        self, running: Callable[..., Running], tmp_path: Path
    ) -> None:
        here = running()
        requests = {"apiGroups": ["cloudcredential.openshift.io"], "resources": ["credentialsrequests"]}
        here.cluster.users["limited"] = User("limited", rules=[{**requests, "verbs": ["list"]}])
        here.options = ["--kubeconfig", str(write_kubeconfig(tmp_path / "limited", here.cluster.address, "limited"))]
        done = here.repair("--name", "demo", "--region", "us-east-1", code=1)

        assert "get /openid/v1/jwks" in done.err

    def test_who_may_look_and_not_change_is_told_before_anything_is_made(
        self, running: Callable[..., Running], requests_dir: Path, tmp_path: Path
    ) -> None:
        here = running()
        here.delete()
        here.cluster.store.delete(SECRETS, *SECRET, {})
        before = changing(here.aws)
        cluster_role, *roles = roles_for(["adopt"], "ccoctl", requests_dir)
        places = {role["metadata"]["namespace"]: role["rules"] for role in roles}
        here.cluster.users["reader"] = User("reader", rules=cluster_role["rules"], in_namespaces=places)
        here.options = ["--kubeconfig", str(write_kubeconfig(tmp_path / "reader", here.cluster.address, "reader"))]
        here.plan()
        done = here.repair(code=1)

        assert "patch secrets in openshift-ingress; create secrets in openshift-ingress" in done.err
        assert changing(here.aws) == before


def first_kid(cluster: ApiServer) -> str:
    return str(Signer(cluster.keys[0]).kid)


def give(cluster: ApiServer, **held: str) -> None:
    """Somebody has the ingress operator's Secret hold this."""
    namespace, name = SECRET
    given = {"kind": "Secret", "metadata": {"namespace": namespace, "name": name}, "stringData": held}
    cluster.add(given, "kubectl-edit")


def _delete_distribution(front: Any, identifier: str) -> None:
    found = front.get_distribution_config(Id=identifier)
    config = {**found["DistributionConfig"], "Enabled": False}
    etag = front.update_distribution(Id=identifier, IfMatch=found["ETag"], DistributionConfig=config)["ETag"]
    front.get_waiter("distribution_deployed").wait(Id=identifier, WaiterConfig={"Delay": 1})
    front.delete_distribution(Id=identifier, IfMatch=etag)
