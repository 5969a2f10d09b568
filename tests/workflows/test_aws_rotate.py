"""The proof of a rotation: pods of every component exchange tokens throughout, and none is ever refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ccoctl.aws.rotation import Stage, Use, key_states, stage
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws
from ccoctl.lab.server import embedded_aws as serve
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from tests.lab.clients import unsigned
from tests.workflows.commands import Cli
from tests.workflows.rotating import Lab, Start, kid_of, starting
from tests.workflows.traffic import Clock, Pods, components_of, traffic

DAY = 86400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embedded_aws(clock: Clock) -> Iterator[EmbeddedAws]:
    with serve(Conditions(distribution_delay=0), clock=clock) as aws:
        yield aws


@pytest.fixture
def start(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, clock: Clock
) -> Iterator[Start]:
    """Makes a set-up, empty before, and its cluster."""
    with starting(cli, common, key_pair, requests_dir, tmp_path, clock) as start:
        yield start


@pytest.fixture
def pods_of(requests_dir: Path, tmp_path: Path) -> Callable[[Lab], AbstractContextManager[Pods]]:
    return lambda lab: traffic(
        lab.aws, tmp_path / f"pods-of-{lab.out.name}", components_of(requests_dir), lab.server.token, clock=lab.clock
    )


def refused(lab: Lab, key: object) -> str:
    """What STS says to a new token that is signed with a key."""
    account = ServiceAccount("openshift-ingress", "controllers", "4bee12ae-75e8-490c-8f55-604c535b7cc2")
    token = issue(
        Signer(key),  # type: ignore[arg-type] # the double's own key
        TokenRequest(account=account, audiences=("openshift",)),
        issuer=lab.server.issuer,
        now=int(lab.clock()),
        token_id="a0b1c2d3-0000-4000-8000-000000000000",
    )
    with pytest.raises(ClientError) as raised:
        unsigned(lab.aws, "sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{EmbeddedAws.account_id}:role/demo-openshift-ingress-cloud",
            RoleSessionName="controllers",
            WebIdentityToken=token,
        )
    found: str = raised.value.response["Error"]["Code"]
    return found


SET_UPS = [(), ("--create-private-s3-bucket",)]
WAYS = [{"make_pair": True}, {"by_cluster": True}]


@pytest.mark.parametrize(
    ("options", "way"),
    [
        pytest.param(SET_UPS[0], WAYS[0], id="public-new pair", marks=pytest.mark.long),
        pytest.param(SET_UPS[0], WAYS[1], id="public-cluster's key", marks=pytest.mark.long),
        pytest.param(SET_UPS[1], WAYS[0], id="private-new pair"),
        pytest.param(SET_UPS[1], WAYS[1], id="private-cluster's key", marks=pytest.mark.long),
    ],
)
def test_a_full_rotation_refuses_no_token_and_the_retired_key_s_are_refused_after_it(
    start: Start, pods_of: Callable[[Lab], AbstractContextManager[Pods]], options: tuple[str, ...], way: dict[str, bool]
) -> None:
    lab = start(*options)
    old = lab.server.key
    with pods_of(lab) as pods:
        assert lab.run(**way).last.ok
        assert stage(lab.look()) is Stage.SWITCHED
        pods.settle()
        pods.later(DAY + 3601)
        assert stage(lab.look()) is Stage.RETIRABLE
        assert lab.run(retire_old=True).last.ok
        pods.settle()
        pods.later(DAY)

    assert pods.failures == []
    assert pods.exchanges > 50
    assert {kid for _, kid in pods.seen} == {kid_of(old), kid_of(lab.server.key)}
    assert stage(lab.look()) is Stage.STEADY
    assert lab.look().kids == (kid_of(lab.server.key),)
    assert refused(lab, old) == "InvalidIdentityToken"


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "way"),
    [(SET_UPS[0], WAYS[0]), (SET_UPS[1], WAYS[0]), (SET_UPS[1], WAYS[1])],
    ids=["public, new pair", "private, new pair", "private, cluster's key"],
)
def test_a_rotation_killed_after_any_change_is_finished_by_the_same_command_and_refuses_no_token(
    start: Start, pods_of: Callable[[Lab], AbstractContextManager[Pods]], options: tuple[str, ...], way: dict[str, bool]
) -> None:
    points = 0
    while True:
        lab = start(*options, out=f"killed-{points}")
        old = lab.server.key
        with pods_of(lab) as pods:
            ended = lab.killed(points, **way)
            pods.settle()
            assert lab.run(**way).last.ok
            pods.later(DAY + 3601)
            assert lab.killed(0, retire_old=True) is False
            pods.settle()
            assert lab.run(retire_old=True).last.ok
            pods.later(DAY)
        assert pods.failures == [], f"point {points}"
        assert stage(lab.look()) is Stage.STEADY, f"point {points}"
        assert lab.look().kids == (kid_of(lab.server.key),) != (kid_of(old),), f"point {points}"
        if ended:
            break
        points += 1

    assert points == 4


@pytest.mark.long
def test_a_key_that_is_taken_down_too_early_is_missed_by_the_pods_that_keep_their_tokens(
    start: Start, pods_of: Callable[[Lab], AbstractContextManager[Pods]]
) -> None:
    """What the rule protects from, and that these pods would have noticed."""
    lab = start()
    old = kid_of(lab.server.key)
    with pods_of(lab) as pods:
        assert lab.run(make_pair=True).last.ok
        pods.settle()
        assert pods.failures == []
        assert lab.run(retire_old=True, force=True).last.ok
        pods.later(301)  # what STS keeps of the documents is old then

    assert {failure.kid for failure in pods.failures} == {old}


@pytest.mark.long
def test_two_rotations_one_after_the_other_use_two_pairs_and_never_replace_one(start: Start) -> None:
    lab = start()
    for number in (2, 3):
        assert lab.run(make_pair=True).last.ok
        lab.clock.now += DAY + 3601
        assert lab.run(retire_old=True).last.ok
        private = lab.out / f"signing-key-{number}" / PRIVATE
        assert kid_of(load_private_key_file(private)) == kid_of(lab.server.key)
        assert private.stat().st_mode & 0o777 == 0o600

    assert sorted(path.name for path in lab.out.glob("signing-key-*")) == ["signing-key-2", "signing-key-3"]


def test_a_command_that_is_repeated_when_all_is_done_begins_no_other_rotation(start: Start) -> None:
    lab = start()
    assert lab.run(make_pair=True).last.ok
    signer = lab.server.key

    for way in WAYS:
        again = lab.run(**way)
        assert again.last.outcomes == ()
    assert lab.server.key == signer
    assert len(lab.look().kids) == 2


def test_a_plain_cluster_is_told_how_and_what_it_does_is_noted(
    start: Start, pods_of: Callable[[Lab], AbstractContextManager[Pods]], requests_dir: Path
) -> None:
    lab = start(openshift=False)
    old = lab.server.key
    with pods_of(lab) as pods:
        assert lab.run(make_pair=True).last.ok
        assert stage(lab.look()) is Stage.READY
        new = load_private_key_file(lab.out / "signing-key-2" / PRIVATE)
        lab.server.rotate(new)
        pods.settle()
        assert lab.run(make_pair=True).last.ok
        pods.later(DAY + 3600)
        assert lab.run(retire_old=True).last.ok
        pods.later(DAY)

    assert pods.failures == []
    assert lab.look().kids == (kid_of(new),)
    assert refused(lab, old) == "InvalidIdentityToken"


def test_without_a_kubeconfig_the_administrator_says_what_the_cluster_signs_with(start: Start) -> None:
    lab = start(openshift=False)
    assert lab.run(with_cluster=False, make_pair=True).last.ok
    new = kid_of(load_private_key_file(lab.out / "signing-key-2" / PRIVATE))
    assert stage(lab.look(with_cluster=False)) is Stage.READY

    assert lab.run(with_cluster=False, switched_to=str(new)).last.ok
    assert stage(lab.look(with_cluster=False)) is Stage.SWITCHED
    lab.clock.now += 60
    assert lab.run(with_cluster=False, switched_to=str(new)).last.outcomes == ()
    lab.clock.now += DAY + 3600
    assert [state.use for state in key_states(lab.look(with_cluster=False))] == [Use.IDLE, Use.SIGNING]
    assert lab.run(with_cluster=False, retire_old=True).last.ok
    assert lab.look(with_cluster=False).kids == (new,)


@pytest.mark.long
def test_a_key_that_was_published_and_retired_is_never_taken_again(start: Start) -> None:
    lab = start()
    assert lab.run(make_pair=True).last.ok
    second = kid_of(load_private_key_file(lab.out / "signing-key-2" / PRIVATE))
    for by in ({"by_cluster": True}, {"make_pair": True}):
        lab.clock.now += DAY + 3601
        assert lab.run(retire_old=True).last.ok
        assert lab.run(**by).last.ok

    assert second not in lab.look(with_cluster=False).kids
    assert sorted(path.name for path in lab.out.glob("signing-key-*")) == ["signing-key-2", "signing-key-3"]
