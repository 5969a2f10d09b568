"""The proof of a migration: while pods of every component exchange tokens without a pause, not one exchange fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccoctl.aws.migration import Side
from ccoctl.aws.resources import OriginAccess
from tests.workflows import migrating
from tests.workflows.migrating import OLD, World
from tests.workflows.traffic import components_of, traffic

pytestmark = pytest.mark.harness

BOTH_WAYS = pytest.mark.parametrize("to", list(Side), ids=lambda side: f"to {side.value}")
PRIVATE_SOON = pytest.mark.parametrize(
    "to", [Side.PRIVATE, pytest.param(Side.PUBLIC, marks=pytest.mark.long)], ids=lambda side: f"to {side.value}"
)
"""The way there with the other tests, the way back with the long ones."""


@pytest.fixture
def world(
    requests_dir: Path, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[migrating.World]:
    with migrating.world(requests_dir, key_pair, tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("access", [OriginAccess.OAC, pytest.param(OriginAccess.OAI, marks=pytest.mark.long)])
def test_there_and_back_without_one_failed_exchange(world: World, tmp_path: Path, access: OriginAccess) -> None:
    world.access = access
    world.create(Side.PUBLIC)
    before = world.account()
    with traffic(
        world.aws, tmp_path / "pods", components_of(world.requests_dir), world.cluster.token, clock=world.clock
    ) as pods:
        for side in (Side.PRIVATE, Side.PUBLIC):
            assert world.run(side)
            pods.settle()
            pods.later(OLD)
            assert world.run(side, finish=True)
            pods.settle()
            assert world.look(side).standing.is_over
            assert world.differences() == []

    assert pods.failures == []
    assert pods.exchanges > 50
    assert len({issuer for issuer, _ in pods.seen}) == 2
    assert world.account() == before


@BOTH_WAYS
def test_old_tokens_are_good_as_long_as_they_live(world: World, tmp_path: Path, to: Side) -> None:
    world.create(to.other)
    old = world.cluster.issuer
    with traffic(
        world.aws, tmp_path / "pods", components_of(world.requests_dir), world.cluster.token, clock=world.clock
    ) as pods:
        assert world.run(to)
        pods.settle()
        pods.seen.clear()
        pods.settle()
        assert {issuer for issuer, _ in pods.seen} == {old, world.cluster.issuer}  # fresh ones, and kept ones

    assert pods.failures == []


@PRIVATE_SOON
@pytest.mark.long
def test_killed_after_every_single_change_and_run_again(world: World, tmp_path: Path, to: Side) -> None:
    world.create(to.other)
    with traffic(
        world.aws, tmp_path / "pods", components_of(world.requests_dir), world.cluster.token, clock=world.clock
    ) as pods:
        runs = _until_done(world, to)
        pods.later(OLD)
        more = _until_done(world, to, finish=True)
        pods.settle()

    assert pods.failures == []
    assert runs > 8
    assert more > 7
    assert world.look(to).standing.is_over
    assert world.differences() == []


@pytest.mark.long
@BOTH_WAYS
def test_rolled_back_from_every_point_on_the_way(world: World, tmp_path: Path, to: Side) -> None:
    world.create(to.other)
    before = world.account()
    points = 0
    with traffic(
        world.aws, tmp_path / "pods", components_of(world.requests_dir), world.cluster.token, clock=world.clock
    ) as pods:
        finished = False
        while not finished:
            points += 1
            finished = world.run(to, kill_after=points)
            pods.settle()
            assert world.run(to, rollback=True), f"point {points}"
            pods.later(OLD)
            assert world.run(to, rollback=True, finish=True), f"point {points}"
            pods.settle()
            assert world.account() == before, f"point {points}"
            assert pods.failures == [], f"point {points}"

    assert points > 8


@pytest.mark.long
@BOTH_WAYS
def test_rolled_back_from_every_point_of_the_end(world: World, tmp_path: Path, to: Side) -> None:
    """Once the old issuer is being taken away, going back is a migration of its own, by the same command."""
    world.create(to.other)
    points = 0
    with traffic(
        world.aws, tmp_path / "pods", components_of(world.requests_dir), world.cluster.token, clock=world.clock
    ) as pods:
        finished = False
        while not finished:
            points += 1
            assert world.run(to), f"point {points}"
            pods.later(OLD)
            finished = world.run(to, finish=True, kill_after=points)
            pods.settle()
            assert world.run(to, rollback=True), f"point {points}"
            pods.later(OLD)
            assert world.run(to, rollback=True, finish=True), f"point {points}"
            pods.settle()
            assert world.differences() == [], f"point {points}"
            assert pods.failures == [], f"point {points}"

    assert points > 7


def _until_done(world: World, to: Side, *, finish: bool = False) -> int:
    """The number of runs that it takes when each of them is killed after its first change."""
    runs = 1
    while not world.run(to, kill_after=1, finish=finish):
        runs += 1
        assert runs < 100
    return runs
