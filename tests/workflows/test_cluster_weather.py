"""A running cluster's commands while AWS is in bad weather: what was lost is built again, and the proof holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Count
from tests.openshift.apiserver import serving
from tests.openshift.objects import INFRASTRUCTURES
from tests.workflows.clusters import installed, of_cluster
from tests.workflows.test_aws_weather import FOR_EVER, HEALED, IN_A_STORM, outlasted
from tests.workflows.weathering import NAME, Place, Stage, differences, life, storm

pytestmark = pytest.mark.harness


DELETE = Stage("delete", ("delete", *NAME, "--yes"))


@contextmanager
def cluster(at: Place, key_pair: Path) -> Iterator[tuple[Place, Stage, Stage]]:
    """A cluster that was made of a set-up, where its commands are run, and those that repair and verify it."""
    at.begin()
    at.run(life(at, "public")[0])
    made = installed(key_pair, at.directory / "old", at.directory / "out", at.clock)
    made.kinds = (*made.kinds, INFRASTRUCTURES)
    status = {"platformStatus": {"type": "AWS", "aws": {"region": "us-east-1"}}}
    made.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})
    with serving(made, at.directory / "kubeconfig") as kubeconfig:
        options = ("--kubeconfig", str(kubeconfig))
        manifests = ("--output-dir", str(at.directory / "out"))
        repair = Stage("repair", ("repair", *options))
        yield replace(at, cli=of_cluster(at.cli)), repair, Stage("verify", ("verify", *options, *manifests), looks=True)


def repaired(at: Place, key_pair: Path, seeds: range) -> int:
    with cluster(at, key_pair) as (there, repair, verify):
        calm = at.state()
        for seed in seeds:
            at.run(DELETE)
            there.run(repair, storm(seed))
            assert not differences(calm, at.state()), f"seed {seed}"
            there.run(verify, storm(seed))
    return 2 * len(seeds)


def test_everything_that_was_lost_is_built_again_in_a_storm(at: Place, key_pair: Path, count: Count) -> None:
    count(repaired(at, key_pair, range(1)), IN_A_STORM)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_it_is_built_again_in_a_hundred_storms(at: Place, key_pair: Path, count: Count) -> None:
    count(repaired(at, key_pair, range(1, 101)), IN_A_STORM)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FOR_EVER)
def test_a_fault_that_lasts_is_told_in_time_and_the_next_run_heals(
    at: Place, key_pair: Path, fault: str, count: Count
) -> None:
    with cluster(at, key_pair) as (there, repair, verify):
        calm = at.state()
        outlasted(there, verify, *FOR_EVER[fault])
        at.run(DELETE)
        outlasted(there, repair, *FOR_EVER[fault])
        there.run(repair)
        assert not differences(calm, at.state())
    count(2, HEALED)
