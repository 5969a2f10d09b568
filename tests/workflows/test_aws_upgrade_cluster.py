"""`aws upgrade` with a running cluster: its Secrets, its namespaces, and when it is told that it may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccoctl.openshift.calls import UPGRADEABLE_TO
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.http import Asked, Reply, reply
from tests.openshift.objects import CLOUD_CREDENTIALS, NAMESPACES, REQUESTS, SECRETS
from tests.workflows.clusters import installed
from tests.workflows.commands import Cli, changing, client, inventory, write_requests

BASE = ["--name", "demo", "--region", "us-east-1"]


@pytest.fixture
def cluster(cli: Cli, tmp_path: Path, key_pair: Path, wall: Callable[[], float]) -> ApiServer:
    """A cluster of the old release."""
    requests = write_requests(tmp_path / "old", "ns/keep", "gone/drop", action=["ec2:Old"])
    out = tmp_path / "out"
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    cli("create-all", *BASE, "--credentials-requests-dir", str(requests), "--output-dir", str(out), *public)
    return installed(key_pair, requests, out, wall)


@pytest.fixture
def new(tmp_path: Path, cluster: ApiServer) -> Iterator[list[str]]:
    """The options of both phases, with the cluster's kubeconfig."""
    requests = write_requests(tmp_path / "new", "ns/keep", "fresh/add", action=["ec2:New"])
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        to = ["--output-dir", str(tmp_path / "out"), "--kubeconfig", str(kubeconfig)]
        yield [*BASE, "--credentials-requests-dir", str(requests), *to]


def annotation(cluster: ApiServer) -> str:
    metadata = cluster.store.get(CLOUD_CREDENTIALS, "", "cluster")["metadata"]
    return str(metadata.get("annotations", {}).get(UPGRADEABLE_TO, ""))


def written(cluster: ApiServer) -> list[str]:
    """What changed the cluster so far."""
    return [f"{asked.method} {asked.path}" for asked in cluster.asked if asked.method != "GET"]


def has(cluster: ApiServer, namespace: str, name: str) -> bool:
    return (SECRETS, namespace, name) in cluster.store.objects


def delete_request(cluster: ApiServer, name: str) -> None:
    """What the cluster does with a request that its release marks for deletion."""
    cluster.store.delete(REQUESTS, "openshift-cloud-credential-operator", name, {})


def test_secrets_of_the_new_release_are_put_into_the_cluster_and_then_it_may_go_on(
    cli: Cli, cluster: ApiServer, new: list[str]
) -> None:
    shown = cli("upgrade", "prepare", *new, "--target-version", "4.19", "--plan-only", code=3).out
    assert "+ Secret fresh/add" in shown
    assert "+ Namespace fresh" in shown
    assert "Secret ns/keep" not in shown
    assert "tell the cluster that it may be upgraded to 4.19" in shown
    assert written(cluster) == []

    cli("upgrade", "prepare", *new, "--target-version", "4.19")
    assert annotation(cluster) == "4.19"
    assert "role_arn = arn:aws:iam::" in cluster.secret("fresh", "add")["credentials"]
    assert "role/demo-fresh-add\n" in cluster.secret("fresh", "add")["credentials"]
    assert (NAMESPACES, "", "fresh") in cluster.store.objects
    assert [line.partition(" ")[2].rpartition("/")[2] for line in written(cluster)] == ["namespaces", "add", "cluster"]


def test_the_cluster_is_told_once(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    cli("upgrade", "prepare", *new, "--target-version", "4.19.2")
    before = len(written(cluster))
    told = cli("upgrade", "prepare", *new, "--target-version", "4.19", "--plan-only").out
    cli("upgrade", "prepare", *new, "--target-version", "4.19.2")

    assert "Nothing to do" in told
    assert annotation(cluster) == "4.19.2"
    assert len(written(cluster)) == before
    cli("upgrade", "prepare", *new, "--target-version", "4.20")
    assert annotation(cluster) == "4.20"


def test_the_cluster_is_not_told_when_a_step_failed(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    def instead(asked: Asked) -> Reply | None:
        return reply(422, {"kind": "Status", "reason": "Invalid", "message": "no"}) if asked.method == "PATCH" else None

    cluster.instead = instead
    assert "fresh/add" in cli("upgrade", "prepare", *new, "--target-version", "4.19", code=1).err
    cluster.instead = None

    assert annotation(cluster) == ""
    cli("upgrade", "prepare", *new, "--target-version", "4.19")
    assert annotation(cluster) == "4.19"


def test_the_cluster_is_not_told_when_another_look_finds_something_missing(
    cli: Cli, cluster: ApiServer, new: list[str]
) -> None:
    iam = client(cli.aws, "iam")

    def instead(asked: Asked) -> Reply | None:
        if asked.method == "PATCH" and asked.path.endswith("/add"):
            iam.delete_role_policy(RoleName="demo-ns-keep", PolicyName="demo-ns-keep")
        return None

    cluster.instead = instead
    cli.monkeypatch.setattr("ccoctl.workflows.look_again._PAUSES", (0.0,))
    refused = cli("upgrade", "prepare", *new, "--target-version", "4.19", code=1).err

    assert "role demo-ns-keep: left to do" in refused
    assert "was not told" in refused
    assert annotation(cluster) == ""


def test_a_cluster_that_makes_its_credentials_itself_waits_for_nobody(
    cli: Cli, cluster: ApiServer, new: list[str]
) -> None:
    cluster.store.get(CLOUD_CREDENTIALS, "", "cluster")
    cluster.store.merge(CLOUD_CREDENTIALS, "", "cluster", {"spec": {"credentialsMode": "Mint"}}, "someone")
    before = len(changing(cli.aws))

    assert "credentialsMode is Mint" in cli("upgrade", "prepare", *new, "--target-version", "4.19", code=1).err
    assert len(changing(cli.aws)) == before


def test_finish_removes_the_secret_of_a_dropped_request_before_its_role(
    cli: Cli, cluster: ApiServer, new: list[str], tmp_path: Path
) -> None:
    cli("upgrade", "prepare", *new)
    delete_request(cluster, "gone-drop")
    shown: dict[str, Any] = cli("upgrade", "finish", *new, "--plan-only", "--output", "json", code=3).json
    needs = {step["id"]: step["needs"] for step in shown["steps"]}
    cli("upgrade", "finish", *new)

    assert "secret/gone/drop/delete" in needs["role/demo-gone-drop/delete"]
    assert not has(cluster, "gone", "drop")
    assert has(cluster, "ns", "keep")
    assert inventory(cli.aws)["roles"] == ["demo-fresh-add", "demo-ns-keep"]
    assert not (tmp_path / "out/manifests/gone-drop-credentials.yaml").exists()
    assert "Nothing to do" in cli("upgrade", "finish", *new, "--plan-only").out


def test_what_a_request_of_the_cluster_still_asks_for_stays(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    """An operator beside the release brings its own request, and its role has our name and tag."""
    cli("upgrade", "prepare", *new)
    told = cli("upgrade", "finish", *new)

    assert "openshift-cloud-credential-operator/gone-drop of the cluster still asks" in told.err
    assert "demo-gone-drop" in inventory(cli.aws)["roles"]
    assert has(cluster, "gone", "drop")


def test_a_secret_that_names_another_role_by_now_stays(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    cli("upgrade", "prepare", *new)
    delete_request(cluster, "gone-drop")
    cluster.store.delete(SECRETS, "gone", "drop", {})
    secret = {"credentials": "[default]\nrole_arn = arn:aws:iam::123456789012:role/of-others\n"}
    metadata = {"namespace": "gone", "name": "drop"}
    cluster.add({"kind": "Secret", "metadata": metadata, "stringData": secret, "type": "Opaque"})
    cli("upgrade", "finish", *new)

    assert has(cluster, "gone", "drop")
    assert "demo-gone-drop" not in inventory(cli.aws)["roles"]


def test_finish_refuses_while_a_new_secret_is_not_in_the_cluster(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    without = new[: new.index("--kubeconfig")]
    cli("upgrade", "prepare", *without)
    before = len(changing(cli.aws))

    assert "Secret fresh/add: left to do" in cli("upgrade", "finish", *new, code=1).err
    assert (len(changing(cli.aws)), written(cluster)) == (before, [])


def test_a_secret_that_holds_something_else_is_not_written_over(cli: Cli, cluster: ApiServer, new: list[str]) -> None:
    metadata = {"namespace": "fresh", "name": "add"}
    cluster.add({"kind": "Namespace", "metadata": {"name": "fresh"}})
    cluster.add({"kind": "Secret", "metadata": metadata, "stringData": {"aws_access_key_id": "AKIA"}, "type": "Opaque"})
    before = len(changing(cli.aws))

    assert "Secret fresh/add in the cluster: it names no role" in cli("upgrade", "prepare", *new, code=1).err
    assert (len(changing(cli.aws)), written(cluster)) == (before, [])


def test_a_token_that_moves_is_told_since_no_secret_is_good_for_both(
    cli: Cli, cluster: ApiServer, new: list[str], tmp_path: Path
) -> None:
    write_requests(tmp_path / "new", "ns/keep", action=["ec2:New"], spec={"cloudTokenPath": "/var/run/elsewhere/token"})
    told = cli("upgrade", "prepare", *new).err

    assert "pods of the new release find the token of ns/keep at /var/run/elsewhere/token" in told
    assert "/var/run/elsewhere/token" in cluster.secret("ns", "keep")["credentials"]


def test_a_cluster_that_does_not_answer_stops_it_before_anything_is_done(
    cli: Cli, cluster: ApiServer, new: list[str]
) -> None:
    before = len(changing(cli.aws))
    cluster.forbidden = True

    assert "secrets" in cli("upgrade", "prepare", *new, code=1).err
    assert len(changing(cli.aws)) == before


LONG = ["--name", "a-cluster-with-a-name-that-leaves-little", "--region", "us-east-1"]
NAMESPACE = "openshift-cluster-csi-drivers"


def test_of_two_roles_for_a_secret_the_one_that_the_cluster_names_stays(
    cli: Cli, tmp_path: Path, key_pair: Path, wall: Callable[[], float]
) -> None:
    """create-all of the new release makes a second role where names begin to collide; the pods use the first."""
    before = write_requests(tmp_path / "before", f"{NAMESPACE}/a-cloud-credentials")
    after = write_requests(tmp_path / "after", *(f"{NAMESPACE}/{letter}-cloud-credentials" for letter in "ab"))
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    out = tmp_path / "long"
    cli("create-all", *LONG, "--credentials-requests-dir", str(before), "--output-dir", str(out), *public)
    (used,) = inventory(cli.aws)["roles"]
    cluster = installed(key_pair, before, out, wall)
    cli("create-all", *LONG, "--credentials-requests-dir", str(after), "--output-dir", str(out), *public)
    assert len(inventory(cli.aws)["roles"]) == 3

    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        to = ["--output-dir", str(out), "--kubeconfig", str(kubeconfig)]
        new = [*LONG, "--credentials-requests-dir", str(after), *to]
        cli("upgrade", "prepare", *new)
        assert f"role/{used}\n" in cluster.secret(NAMESPACE, "a-cloud-credentials")["credentials"]
        cli("upgrade", "finish", *new)

    roles = inventory(cli.aws)["roles"]
    assert used in roles
    assert len(roles) == 2
    assert f"role/{used}\n" in cluster.secret(NAMESPACE, "a-cloud-credentials")["credentials"]
