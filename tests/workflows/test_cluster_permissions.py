"""The roles that `cluster required-permissions` prints are enough, and hardly more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.cli.cluster.required_permissions import _COMMANDS
from ccoctl.workflows.cluster_permissions import COMMANDS, roles_for
from tests.openshift.access import User
from tests.openshift.apiserver import ApiServer, serving, write_kubeconfig
from tests.openshift.objects import SECRETS
from tests.workflows.clusters import installed, of_cluster
from tests.workflows.commands import Cli

SECRET = ("openshift-ingress", "cloud")


@pytest.fixture
def cluster(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, wall: Callable[[], float]
) -> ApiServer:
    cli("create-all", *common)
    return installed(key_pair, requests_dir, tmp_path / "out", wall)


def user(roles: tuple[dict[str, Any], ...]) -> User:
    """Somebody to whom these roles are bound, and no others."""
    everywhere = [rule for role in roles if role["kind"] == "ClusterRole" for rule in role["rules"]]
    places = {role["metadata"]["namespace"]: role["rules"] for role in roles if role["kind"] == "Role"}
    return User("least", rules=everywhere, in_namespaces=places)


@pytest.mark.parametrize("narrow", [True, False], ids=["of the requests", "everywhere"])
@pytest.mark.parametrize("command", ["verify", "repair", "adopt"])
def test_they_are_enough(
    cli: Cli, cluster: ApiServer, requests_dir: Path, tmp_path: Path, command: str, narrow: bool
) -> None:
    cluster.users["least"] = user(roles_for([command], "ccoctl", requests_dir if narrow else None))
    if command == "repair":
        cluster.store.delete(SECRETS, *SECRET, {})
    more = {
        "verify": ["--wait", "0", "--output-dir", str(tmp_path / "no")],
        "adopt": ["--output-dir", str(tmp_path / "new")],
    }
    with serving(cluster, tmp_path / "admin"):
        kubeconfig = write_kubeconfig(tmp_path / "least", cluster.address, "least")
        of_cluster(cli)(command, "--kubeconfig", str(kubeconfig), *more.get(command, []))


def test_of_each_rule_nothing_is_left_over(cli: Cli, cluster: ApiServer, requests_dir: Path, tmp_path: Path) -> None:
    whole = roles_for(["verify"], "ccoctl", requests_dir)
    with serving(cluster, tmp_path / "admin"):
        kubeconfig = write_kubeconfig(tmp_path / "least", cluster.address, "least")
        for number, role in enumerate(whole):
            for rule in role["rules"]:
                if rule.get("resources") == ["infrastructures"]:  # needed where the issuer does not tell the region
                    continue
                less = {**role, "rules": [other for other in role["rules"] if other is not rule]}
                cluster.users["least"] = user((*whole[:number], less, *whole[number + 1 :]))
                more = ("--name", "demo", "--wait", "0", "--output-dir", str(tmp_path / "no"))
                of_cluster(cli)("verify", "--kubeconfig", str(kubeconfig), *more, code=3)


def test_with_requests_a_role_covers_its_namespace_and_names(requests_dir: Path) -> None:
    roles = roles_for(["repair"], "ccoctl", requests_dir)
    (ingress,) = (role for role in roles if role["metadata"].get("namespace") == "openshift-ingress")

    assert ingress["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["delete", "get", "patch"], "resourceNames": ["cloud"]},
    ]


def test_without_requests_it_is_one_role() -> None:
    (role,) = roles_for(COMMANDS, "ccoctl", None)

    assert (role["kind"], role["metadata"]) == ("ClusterRole", {"name": "ccoctl"})
    assert "*" not in str(role["rules"])


def test_the_signing_keys_are_named_even_then() -> None:
    _, *namespaced = roles_for(["rotate"], "ccoctl", None)

    assert {role["metadata"]["namespace"]: role["rules"][-1]["resourceNames"] for role in namespaced} == {
        "default": ["default"],
        "openshift-kube-apiserver": ["bound-service-account-signing-key"],
        "openshift-kube-apiserver-operator": ["next-bound-service-account-signing-key"],
    }


def test_they_are_printed_as_yaml_for_kubectl(cli: Cli, requests_dir: Path) -> None:
    done = of_cluster(cli)("required-permissions", "--credentials-requests-dir", str(requests_dir))
    documents = list(yaml.safe_load_all(done.out))

    assert documents[0]["kind"] == "ClusterRole"
    assert {document["kind"] for document in documents[1:]} == {"Role"}
    assert (
        documents
        == of_cluster(cli)(
            "required-permissions", "--credentials-requests-dir", str(requests_dir), "--output", "json"
        ).json
    )


def test_that_they_cover_every_namespace_is_said(cli: Cli) -> None:
    done = of_cluster(cli)("required-permissions", "--command", "verify")

    assert "every namespace" in done.err
    assert yaml.safe_load(done.out)["kind"] == "ClusterRole"


def test_every_command_can_be_chosen() -> None:
    assert set(_COMMANDS) == set(COMMANDS)
