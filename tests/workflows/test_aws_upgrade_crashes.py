"""A crash of an upgrade is a re-run: killed after any change, the same command ends where an undisturbed one ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ccoctl.federation.clock import WallClock
from ccoctl.lab.server import EmbeddedAws
from ccoctl.openshift.calls import UPGRADEABLE_TO
from ccoctl.workflows.aws_upgrade import Phase
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import CLOUD_CREDENTIALS, SECRETS
from tests.workflows.commands import client
from tests.workflows.upgrading import World, releases

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"


@contextmanager
def world(aws: EmbeddedAws, keys: Path, folder: Path, old: Path) -> Iterator[World]:
    """A fresh account and cluster of the old release."""
    aws.reset()
    folder.mkdir()
    cluster = ApiServer(load_private_key_file(keys / PRIVATE), ISSUER, now=WallClock().now).as_openshift()
    with serving(cluster, folder / "kubeconfig") as kubeconfig:
        made = World(aws, cluster, kubeconfig, keys, folder / "out")
        made.install(old)
        yield made


def state(here: World) -> dict[str, Any]:
    """Account, cluster and files."""
    iam = client(here.aws, "iam")
    names = sorted(role["RoleName"] for role in iam.list_roles()["Roles"])
    configuration = here.cluster.store.get(CLOUD_CREDENTIALS, "", "cluster")["metadata"].get("annotations", {})
    return {
        "trust": {name: iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] for name in names},
        "permissions": {
            name: [
                iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]
                for one in iam.list_role_policies(RoleName=name)["PolicyNames"]
            ]
            for name in names
        },
        "secrets": {
            key[1:]: here.cluster.secret(*key[1:])
            for key in here.cluster.store.objects
            if key[0] is SECRETS and "signing-key" not in key[2]
        },
        "told": configuration.get(UPGRADEABLE_TO),
        "files": {path.name: path.read_text() for path in sorted(here.out.rglob("*.yaml"))},
    }


@pytest.mark.long
def test_an_upgrade_killed_after_any_change_is_finished_by_the_same_command(
    embedded_aws: EmbeddedAws, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    old, new = releases(tmp_path)
    with world(embedded_aws, key_pair, tmp_path / "undisturbed", old) as here:
        assert here.run(Phase.PREPARE, new)
        between = state(here)
        assert here.run(Phase.FINISH, new)
        after = state(here)

    points = {Phase.PREPARE: 0, Phase.FINISH: 0}
    for phase in Phase:
        killed = True
        while killed:
            points[phase] += 1
            with world(embedded_aws, key_pair, tmp_path / f"{phase.value}-{points[phase]}", old) as here:
                if phase is Phase.FINISH:
                    assert here.run(Phase.PREPARE, new)
                killed = not here.run(phase, new, kill_after=points[phase])
                assert here.run(phase, new)
                assert state(here) == (between if phase is Phase.PREPARE else after), points

    assert points == {Phase.PREPARE: 8, Phase.FINISH: 6}
