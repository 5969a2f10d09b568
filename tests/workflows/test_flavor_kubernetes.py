"""`create-all --flavor kubernetes`: a plain cluster whose API servers get the flags is federated, without OpenShift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.lab.server import EmbeddedAws
from ccoctl.signing.keypair import load_private
from tests.openshift.apiserver import ApiServer
from tests.workflows.commands import Cli, client, write_requests


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_tokens_of_a_cluster_with_these_flags_are_taken_for_the_annotated_roles(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path, wall: Callable[[], float], private: bool
) -> None:
    more = ["--create-private-s3-bucket"] if private else []
    cli("create-all", *common, "--flavor", "kubernetes", *more)
    folder = tmp_path / "out/kubernetes"
    lines = (folder / "kube-apiserver.flags").read_text().splitlines()
    flags = dict(line.split("=", 1) for line in lines if line.startswith("--"))
    cluster = ApiServer(
        key=load_private((key_pair / "serviceaccount-signer.private").read_bytes()),
        issuer=flags["--service-account-issuer"],
        now=wall,
    )
    for path in folder.glob("*-serviceaccount.yaml"):
        cluster.add(yaml.safe_load(path.read_text()))
    for path in sorted(folder.glob("*-pod.yaml")):
        identity = who_am_i(cli.aws, cluster, yaml.safe_load(path.read_text()))
        role = yaml.safe_load(path.with_name(path.name.replace("-pod", "-serviceaccount")).read_text())
        arn = role["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert identity == arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/pod"


def who_am_i(aws: EmbeddedAws, cluster: ApiServer, pod: Any) -> str:
    """What a pod's log would say."""
    (source,) = pod["spec"]["volumes"][0]["projected"]["sources"]
    account = f"{pod['metadata']['namespace']}/{pod['spec']['serviceAccountName']}"
    token = cluster.token(account, source["serviceAccountToken"]["audience"])
    said = {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}
    answer = client(aws, "sts", said["AWS_REGION"]).assume_role_with_web_identity(
        RoleArn=said["AWS_ROLE_ARN"], RoleSessionName="pod", WebIdentityToken=token
    )
    return str(answer["AssumedRoleUser"]["Arn"])


def test_the_plan_is_of_the_same_files(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common, "--flavor", "kubernetes")

    cli("plan", *common, "--flavor", "kubernetes")
    assert "manifests/" in cli("plan", *common, code=3).out


class TestVerify:
    """`aws verify --flavor kubernetes` compares these files, and not the installer's manifests."""

    def test_a_set_up_that_was_just_made_holds(self, cli: Cli, common: list[str]) -> None:
        cli("create-all", *common, "--flavor", "kubernetes")

        assert cli("verify", *common, "--flavor", "kubernetes", "--wait", "0", "--output", "json").json["holds"]

    def test_a_file_that_somebody_changed_is_wrong(self, cli: Cli, common: list[str], tmp_path: Path) -> None:
        cli("create-all", *common, "--flavor", "kubernetes")
        flags = tmp_path / "out/kubernetes/kube-apiserver.flags"
        flags.write_text(flags.read_text().replace("demo-oidc", "other-oidc"))
        proof = cli("verify", *common, "--flavor", "kubernetes", "--wait", "0", "--output", "json", code=3).json

        (manifests,) = [check for check in proof["checks"] if check["name"] == "manifests"]
        assert "kubernetes/kube-apiserver.flags" in manifests["detail"]

    def test_files_in_the_current_directory_are_compared_without_being_asked_for(
        self, cli: Cli, common: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cli("create-all", *common, "--flavor", "kubernetes")
        at = common.index("--output-dir")
        del common[at : at + 2]
        monkeypatch.chdir(tmp_path / "out")
        proof = cli("verify", *common, "--flavor", "kubernetes", "--wait", "0", "--output", "json").json

        assert {check["name"]: check["verdict"] for check in proof["checks"]}["manifests"] == "ok"


def test_a_service_account_with_two_roles_is_refused_before_anything_is_made(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    requests = write_requests(tmp_path / "twice", "ns/one", "ns/two")
    common[common.index("--credentials-requests-dir") + 1] = str(requests)
    done = cli("create-all", *common, "--flavor", "kubernetes", code=1)

    assert "ns/controllers is also in the request for ns/one" in done.err
    cli("create-all", *common)


def test_a_dry_run_writes_the_go_tools_files_alone(cli: Cli, common: list[str]) -> None:
    assert "does not know --flavor" in cli("create-all", *common, "--flavor", "kubernetes", "--dry-run", code=2).err
