"""A migration that is stopped somewhere, or meets a cluster that is slow, in other hands, or gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.s3.models import PublicAccessBlock
from moto.s3control.models import s3control_backends

from ccoctl.aws.migration import NEVER_USED, Side
from ccoctl.errors import Problems
from ccoctl.signing import jwks
from ccoctl.workflows import aws_delete
from tests.aws.builders import key
from tests.openshift.http import Asked, Reply
from tests.workflows import migrating
from tests.workflows.commands import NOTHING, client, inventory
from tests.workflows.migrating import OLD, World

pytestmark = pytest.mark.harness

BOTH_WAYS = pytest.mark.parametrize("to", list(Side), ids=lambda side: f"to {side.value}")


@pytest.fixture
def world(requests_dir: Path, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with migrating.world(requests_dir, key_pair, tmp_path, monkeypatch) as made:
        yield made


def delete(world: World) -> aws_delete.Deleted:
    settings = aws_delete.check(migrating.NAME, "us-east-1")
    prepared = aws_delete.prepare(settings, world.aws_cloud)
    return aws_delete.carry_out(prepared, world.aws_cloud, settings, attempts=world.attempts)


@pytest.mark.long
@BOTH_WAYS
def test_delete_removes_everything_from_every_point(world: World, to: Side) -> None:
    points, finished = 0, False
    while not finished:
        points += 1
        world.create(to.other)
        finished = world.run(to, kill_after=points, with_cluster=False)
        assert not delete(world).left, f"point {points}"
        assert inventory(world.aws) == NOTHING, f"point {points}"
    assert points > 8


@pytest.mark.long
@BOTH_WAYS
def test_delete_removes_everything_from_every_point_of_the_end(world: World, to: Side) -> None:
    points, finished = 0, False
    while not finished:
        points += 1
        world.create(to.other)
        assert world.run(to, with_cluster=False)
        finished = world.run(to, kill_after=points, with_cluster=False, finish=True, unused_since=NEVER_USED)
        assert not delete(world).left, f"point {points}"
        assert inventory(world.aws) == NOTHING, f"point {points}"
    assert points > 7


@BOTH_WAYS
def test_rolled_back_before_the_roles_trust_it_the_new_issuer_is_gone_at_once(world: World, to: Side) -> None:
    world.create(to.other)
    before = world.account()
    for points in (1, 3, 5):
        assert not world.run(to, kill_after=points, with_cluster=False)
        assert world.run(to, rollback=True, with_cluster=False)
        assert world.account() == before, f"point {points}"


@pytest.mark.long
def test_a_cluster_that_rolls_out_slowly_is_waited_for_and_run_again(world: World) -> None:
    world.create(Side.PUBLIC)
    old, world.cluster.rolls_out = world.cluster.issuer, False

    with pytest.raises(AssertionError, match=f"cluster/tokens.*it is still 'for {old}'"):
        world.run(Side.PRIVATE)
    phases = {phase.name: phase for phase in world.look(Side.PRIVATE).standing.phases}
    assert phases["cluster"].detail == f"new tokens still carry {old}"
    world.clock.now += OLD
    with pytest.raises(Problems, match="new tokens still carry"):
        world.run(Side.PRIVATE, finish=True)

    world.cluster.roll_out()
    assert world.run(Side.PRIVATE)
    assert world.look(Side.PRIVATE).standing.safe_at


def test_a_cluster_that_was_forgotten_is_switched_in_the_end(world: World) -> None:
    """Somebody said that the old issuer was never used, and it was."""
    world.create(Side.PUBLIC)
    assert world.run(Side.PRIVATE, with_cluster=False)
    assert world.run(Side.PRIVATE, with_cluster=False, finish=True, unused_since=NEVER_USED)
    assert not world.look(Side.PRIVATE).standing.is_over
    client(world.aws, "iam").create_open_id_connect_provider(
        Url="https://demo-oidc.s3.us-east-1.amazonaws.com",
        ClientIDList=["openshift"],
        ThumbprintList=["0" * 40],
        Tags=[{"Key": "openshift.io/cloud-credential-operator/demo", "Value": "owned"}],
    )

    assert world.run(Side.PRIVATE)
    assert "cloudfront.net" in world.cluster.issuer
    assert world.look(Side.PRIVATE).standing.is_over


def test_documents_that_the_world_does_not_see_stop_it_and_are_told(world: World) -> None:
    """The account's own block of public access, as it may be set for all buckets, keeps everybody out."""
    world.create(Side.PRIVATE)
    account = s3control_backends[world.aws.account_id]["aws"]
    account.public_access_block = PublicAccessBlock("False", "False", "False", "True")

    with pytest.raises(AssertionError, match=r"seen/public/documents.*it is still '.*HTTP 403"):
        world.run(Side.PUBLIC)
    assert len(inventory(world.aws)["providers"]) == 1

    account.public_access_block = None
    assert world.run(Side.PUBLIC)


def test_an_authentication_that_somebody_else_changed_meanwhile_is_not_overwritten(world: World) -> None:
    world.create(Side.PUBLIC)
    old = world.cluster.issuer

    def meddle(asked: Asked) -> Reply | None:
        if asked.method == "PATCH":
            world.cluster.instead = None
            world.cluster.add(
                {
                    "kind": "Authentication",
                    "metadata": {"name": "cluster"},
                    "spec": {"serviceAccountIssuer": old, "type": "OIDC"},
                }
            )
        return None

    world.cluster.instead = meddle
    with pytest.raises(AssertionError, match="cluster/issuer"):
        world.run(Side.PRIVATE)
    assert world.cluster.issuer == old
    assert world.run(Side.PRIVATE)
    assert world.cluster.issuer != old


def test_a_key_that_is_published_meanwhile_is_served_for_both(world: World) -> None:
    """Somebody adds a key at the root by hand while both issuers are served."""
    world.create(Side.PUBLIC)
    assert world.run(Side.PRIVATE)
    s3 = client(world.aws, "s3")
    listed = json.loads(s3.get_object(Bucket="demo-oidc", Key="keys.json")["Body"].read())
    more = jwks.document(jwks.Jwks((key(),)))["keys"]
    assert isinstance(more, list)
    s3.put_object(Bucket="demo-oidc", Key="keys.json", Body=json.dumps({"keys": [*listed["keys"], *more]}).encode())

    assert world.run(Side.PRIVATE)
    moved = json.loads(s3.get_object(Bucket="demo-oidc", Key="cloudfront/keys.json")["Body"].read())
    assert [item["kid"] for item in moved["keys"]] == [item["kid"] for item in [*listed["keys"], *more]]
