"""An upgrade under load: pods of both releases exchange tokens throughout, and none of them ever fails.

The pods of the old release run until `finish`, those of the new one from the end of `prepare` on. Once undisturbed, and
once with each command killed after each change and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ccoctl.lab.server import EmbeddedAws
from ccoctl.lab.server import embedded_aws as serve
from ccoctl.openshift.calls import UPGRADEABLE_TO
from ccoctl.workflows.aws_upgrade import Phase
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import CLOUD_CREDENTIALS, SECRETS
from tests.workflows.commands import inventory
from tests.workflows.traffic import Clock, traffic
from tests.workflows.upgrading import World, releases

pytestmark = pytest.mark.harness

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
REAL = [
    pytest.param(("4.12", "4.13"), marks=pytest.mark.long),
    ("4.13", "4.14"),
    pytest.param(("4.16", "4.18"), marks=pytest.mark.long),
]
"""The neighbours that ask for different things; the others ask for the same."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embedded_aws(clock: Clock) -> Iterator[EmbeddedAws]:
    with serve(clock=clock) as aws:
        yield aws


@pytest.fixture
def world(
    embedded_aws: EmbeddedAws, clock: Clock, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    cluster = ApiServer(load_private_key_file(key_pair / PRIVATE), ISSUER, now=clock).as_openshift()
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        yield World(embedded_aws, cluster, kubeconfig, key_pair, tmp_path / "out")


def annotation(world: World) -> object:
    metadata = world.cluster.store.get(CLOUD_CREDENTIALS, "", "cluster")["metadata"]
    return metadata.get("annotations", {}).get(UPGRADEABLE_TO)


def upgraded(
    world: World, clock: Clock, pair: tuple[Path, Path], place: Path, phase: Callable[[Phase, Path], object]
) -> None:
    """From the old release to the new one, with the pods of each at work as long as they would be."""
    old, new = pair
    for release in pair:
        world.know(release)
    world.install(old)
    with ExitStack() as running:
        with traffic(world.aws, place / "before", world.components(old), world.cluster.token, clock=clock) as before:
            phase(Phase.PREPARE, new)
            before.settle()
            assert annotation(world) == "4.19"
            assert (world.not_allowed(old), world.not_allowed(new)) == ([], [])
            now = world.components(new)
            after = running.enter_context(traffic(world.aws, place / "after", now, world.cluster.token, clock=clock))
            with ExitStack() as held:  # time must not go by in the middle of an exchange of the others either
                for turn in before._turns:
                    held.enter_context(turn)
                after.later(86400)  # the roll-out
            before.settle()
        phase(Phase.FINISH, new)
        after.settle()
        after.later(7200)
    assert (before.failures, after.failures) == ([], [])
    assert before.exchanges > 2 * len(before.counts)
    assert after.exchanges > 2 * len(after.counts)
    assert (world.not_allowed(new), world.more_than(new)) == ([], [])


@pytest.mark.parametrize(
    "killed", [False, pytest.param(True, marks=pytest.mark.long)], ids=["undisturbed", "killed after every change"]
)
def test_no_pod_of_either_release_ever_fails(world: World, clock: Clock, tmp_path: Path, killed: bool) -> None:
    kills: list[int] = []

    def phase(which: Phase, new: Path) -> None:
        if killed:
            kills.append(world.until_done(which, new))
        else:
            assert world.run(which, new)

    upgraded(world, clock, releases(tmp_path), tmp_path, phase)

    assert kills == ([6, 5] if killed else [])
    assert inventory(world.aws)["roles"] == ["demo-fresh-added", "demo-ns-changes", "demo-ns-same"]
    assert (SECRETS, "ns", "dropped") not in world.cluster.store.objects


@pytest.mark.parametrize("pair", REAL, ids="-".join)
@pytest.mark.long
def test_real_releases_are_upgraded_without_a_failed_exchange(
    world: World, clock: Clock, shared: Path, tmp_path: Path, pair: tuple[str, str]
) -> None:
    old, new = (shared / "credrequests" / version / "aws" for version in pair)
    upgraded(world, clock, (old, new), tmp_path, world.until_done)

    assert len(inventory(world.aws)["roles"]) == 6
