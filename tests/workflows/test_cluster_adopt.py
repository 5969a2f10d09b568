"""`ccoctl cluster adopt`: the output directory of a cluster that somebody else set up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccoctl.federation.issue import Signer
from ccoctl.workflows.create_key_pair import load_public_key_file
from tests.federation import forgery
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import INFRASTRUCTURES, SECRETS
from tests.workflows.clusters import installed, of_cluster
from tests.workflows.commands import Cli, changing

MANIFESTS = (
    "cluster-authentication-02-config.yaml",
    "openshift-ingress-cloud-credentials.yaml",
    "openshift-machine-api-aws-cloud-credentials-credentials.yaml",
)


@pytest.fixture(params=[False, True], ids=["public", "private"])
def cluster(
    cli: Cli,
    common: list[str],
    key_pair: Path,
    requests_dir: Path,
    tmp_path: Path,
    wall: Callable[[], float],
    request: pytest.FixtureRequest,
) -> ApiServer:
    cli("create-all", *common, *(["--create-private-s3-bucket"] if request.param else []))
    made = installed(key_pair, requests_dir, tmp_path / "out", wall)
    made.kinds = (*made.kinds, INFRASTRUCTURES)
    status = {"platformStatus": {"type": "AWS", "aws": {"region": "us-east-1"}}}
    made.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})
    return made


@pytest.fixture
def adopt(cli: Cli, cluster: ApiServer, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        options = ("--kubeconfig", str(kubeconfig), "--output-dir", str(tmp_path / "new"))
        yield lambda *more, code=0: of_cluster(cli)("adopt", *options, *more, code=code)


def test_the_manifests_are_those_that_the_cluster_was_made_with(adopt: Callable[..., Any], tmp_path: Path) -> None:
    adopt()

    written = sorted(path.name for path in (tmp_path / "new/manifests").iterdir())
    assert written == sorted(MANIFESTS)
    for name in MANIFESTS:
        assert (tmp_path / "new/manifests" / name).read_text() == (tmp_path / "out/manifests" / name).read_text()


def test_every_other_command_works_on_it(cli: Cli, adopt: Callable[..., Any], cluster: ApiServer) -> None:
    options = [text for pair in adopt("--output", "json").json["options"].items() for text in pair]
    before = changing(cli.aws)

    cli("plan", *options)
    cli("create-all", *options)
    assert changing(cli.aws) == before
    assert cli("verify", *options, "--output", "json").json["holds"]
    assert cluster.store.version > 0


def test_an_issuer_that_is_served_elsewhere_is_told_to_other_commands(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, wall: Callable[[], float]
) -> None:
    issuer = "https://oidc.example.com/clusters/demo"
    cli("create-all", *common, "--issuer-url", issuer)
    cluster = installed(key_pair, requests_dir, tmp_path / "out", wall)
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        where = ("--kubeconfig", str(kubeconfig), "--region", "us-east-1", "--output-dir", str(tmp_path / "new"))
        found = of_cluster(cli)("adopt", *where, "--output", "json").json["options"]
    cli("create-all", *(text for pair in found.items() for text in pair))

    assert found["--issuer-url"] == issuer
    cli("plan", *(text for pair in found.items() for text in pair))


def test_nothing_is_changed_in_the_cluster_and_aws_is_not_asked(
    cli: Cli, adopt: Callable[..., Any], cluster: ApiServer
) -> None:
    before, version = len(cli.aws.calls()), cluster.store.version
    adopt()

    assert (len(cli.aws.calls()), cluster.store.version) == (before, version)


def test_the_key_that_signs_and_all_others_are_there_as_public_keys(
    adopt: Callable[..., Any], cluster: ApiServer, tmp_path: Path
) -> None:
    cluster.rotate(forgery.rsa_key("another"))
    adopt()

    kids = {str(Signer(key).kid) for key in cluster.keys}
    assert {path.stem for path in (tmp_path / "new/keys").iterdir()} == kids
    assert load_public_key_file(tmp_path / "new/serviceaccount-signer.public").kid == forgery.signer("another").kid
    assert not list((tmp_path / "new").rglob("*private*"))


def test_a_second_time_nothing_is_left_to_write(adopt: Callable[..., Any]) -> None:
    adopt()
    assert "All files are there already" in adopt().out


def test_no_file_is_replaced_and_all_in_the_way_are_told(adopt: Callable[..., Any], tmp_path: Path) -> None:
    adopt()
    changed = [tmp_path / "new/manifests" / name for name in MANIFESTS[:2]]
    for path in changed:
        path.write_text("mine")
    (tmp_path / "new/serviceaccount-signer.public").unlink()
    done = adopt(code=1)

    assert all(str(path) in done.err for path in changed)
    assert [path.read_text() for path in changed] == ["mine", "mine"]
    assert not (tmp_path / "new/serviceaccount-signer.public").exists()


def test_a_secret_that_names_no_role_is_told(adopt: Callable[..., Any], cluster: ApiServer, tmp_path: Path) -> None:
    cluster.store.delete(SECRETS, "openshift-ingress", "cloud", {})
    done = adopt("--name", "demo")

    assert "no role is named by openshift-ingress/cloud" in done.err
    assert not (tmp_path / "new/manifests/openshift-ingress-cloud-credentials.yaml").exists()


def test_a_cluster_without_requests_for_aws_is_none_of_ours(adopt: Callable[..., Any], cluster: ApiServer) -> None:
    for key in [key for key in cluster.store.objects if key[0].plural == "credentialsrequests"]:
        del cluster.store.objects[key]

    assert "holds no CredentialsRequest for AWS" in adopt("--name", "demo", "--region", "us-east-1", code=1).err
