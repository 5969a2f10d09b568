"""Two administrators at once: the account ends as after one and then the other, or one of them is told that it did not.

Their calls alternate as a seed has it. Where the account ends in a mixture, at least one run said so, and the same
command again leads out of it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import s3_backends

from ccoctl.aws.migration import Side
from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.lab.accounts import ACCOUNT
from ccoctl.signing import discovery
from ccoctl.workflows import aws_create, aws_delete, aws_migrate, aws_rotate, aws_upgrade
from ccoctl.workflows.aws_migrate_end import look_at_the_end
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.aws_rotate_cloud import RotationCloud
from ccoctl.workflows.aws_upgrade import Phase
from ccoctl.workflows.create_key_pair import PUBLIC, create_key_pair, load_public_key_file
from ccoctl.workflows.reach import Reach
from tests.conftest import Count
from tests.workflows.commands import REGION, client
from tests.workflows.interleaving import Administrator, Ended, Run, Stage, ended, stage
from tests.workflows.upgrading import releases
from tests.workflows.weathering import account, differences, without_ids

pytestmark = pytest.mark.harness

BUCKET = "demo-oidc"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{BUCKET}.s3.{REGION}.amazonaws.com"


@dataclass
class Scene:
    """The account, the directories of both, and the commands that they run."""

    on: Stage
    directory: Path
    clients: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """An empty account, and output directories with the key pair of the set-up."""
        self.on.aws.reset()
        self.on.time.now += 10_000
        for name, keys in (("a", "keys"), ("b", "keys"), ("other", "second")):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            shutil.copytree(self.directory / keys, self.directory / name)

    def state(self) -> str:
        """The account, less what differs from one run to the next."""
        for service in ("iam", "s3", "cloudfront"):
            if service not in self.clients:
                self.clients[service] = client(self.on.aws, service)
        self.on.time.now += 1000
        return without_ids(_in_order(json.dumps(account(self.clients), default=str, sort_keys=True, indent=1)))

    def order(self, out: str, requests: str, **options: Any) -> Order:
        return Order(
            part=options.pop("part", Part.ALL),
            name="demo",
            region=REGION,
            output_dir=self.directory / out,
            credentials_requests_dir=self.directory / requests,
            **options,
        )

    def create(self, out: str = "a", requests: str = "old", **options: Any) -> Run:
        checked = check(self.order(out, requests, **options))

        def run(who: Administrator, attempts: Attempts) -> Ended:
            prepared = aws_create.prepare(checked, who, concurrency=1)
            return ended(aws_create.carry_out(prepared, who, concurrency=1, attempts=attempts).result)

        return run

    def delete(self) -> Run:
        def run(who: Administrator, attempts: Attempts) -> Ended:
            settings = aws_delete.check("demo", REGION)
            prepared = aws_delete.prepare(settings, who, concurrency=1)
            done = aws_delete.carry_out(prepared, who, settings, concurrency=1, attempts=attempts)
            return ended(done.result, "; ".join(map(str, done.left)))

        return run

    def rotate(self, to: str, **options: Any) -> Run:
        order = aws_rotate.Order(
            settings=aws_delete.check("demo", REGION),
            output_dir=self.directory / "a",
            public_key_file=None if options else self.directory / to / PUBLIC,
            key_bits=2048,
            **options,
        )

        def run(who: Administrator, attempts: Attempts) -> Ended:
            cloud = RotationCloud(Reach(who, get=self.on.aws.get()), clock=self.on.time)

            def look() -> Any:
                return aws_rotate.look(order, cloud, now=self.on.time(), with_cluster=False)

            done = aws_rotate.carry_out(aws_rotate.prepare(order, look()), cloud, look, attempts=attempts)
            look()  # as the command does, to say where it stands
            return ended(done.last)

        return run

    def switched(self, to: str) -> Run:
        return self.rotate("", switched_to=str(load_public_key_file(self.directory / to / PUBLIC).kid))

    def retire(self) -> Run:
        return self.rotate("", retire_old=True, force=True)

    def migrate(self, to: Side, *, rollback: bool = False) -> Run:
        checked = aws_migrate.check(aws_migrate.Order(base=self.order("a", "old"), to=to, rollback=rollback))

        def run(who: Administrator, attempts: Attempts) -> Ended:
            with aws_migrate.reaching(checked, who, self.on.aws.get(), None, clock=self.on.time) as at:
                prepared = aws_migrate.prepare(aws_migrate.look(checked, at, concurrency=1))
                result = aws_migrate.carry_out(prepared, at, concurrency=1, attempts=attempts)
                if result.ok:
                    look_at_the_end(prepared, at, concurrency=1, attempts=attempts)  # as the command does
                return ended(result)

        return run

    def upgrade(self, phase: Phase) -> Run:
        upgrade = aws_upgrade.check(phase, self.order("a", "new"))

        def run(who: Administrator, attempts: Attempts) -> Ended:
            cloud = Reach(who)
            ready = aws_upgrade.look(upgrade, cloud, concurrency=1)
            return ended(aws_upgrade.carry_out(ready, cloud, concurrency=1, attempts=attempts).result)

        return run


@pytest.fixture(scope="module")
def more_pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two more key pairs."""
    second, third = (tmp_path_factory.mktemp(name) for name in ("second", "third"))
    for directory in (second, third):
        create_key_pair(directory, bits=2048)
    return second, third


@pytest.fixture
def scene(
    tmp_path: Path, key_pair: Path, more_pairs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    shutil.copytree(key_pair, tmp_path / "keys")
    for name, pair in zip(("second", "third"), more_pairs, strict=True):
        shutil.copytree(pair, tmp_path / name)
    releases(tmp_path)
    with stage(monkeypatch) as on:
        yield Scene(on, tmp_path)


def published() -> frozenset[str]:
    """The kids of the key set in the bucket at this moment."""
    found = s3_backends[ACCOUNT]["aws"].buckets.get(BUCKET)
    keys = found.keys.get("keys.json") if found is not None else None
    return frozenset(key["kid"] for key in json.loads(keys.value)["keys"]) if keys is not None else frozenset()


def _in_order(text: str) -> str:
    """Keys of a JWKS stand in the order in which they were published, which is nobody's business."""

    def ordered(found: re.Match[str]) -> str:
        kids = re.findall(r'kid\\": \\"([^\\]+)', found[0])
        return f"keys {sorted(kids)}"

    return re.sub(r'\{\\n    \\"keys\\": \[.*?\]\\n\}', ordered, text)


@dataclass(frozen=True)
class Case:
    """What the two do, and what was there before."""

    first: Callable[[Scene], Run]
    second: Callable[[Scene], Run]
    before: tuple[Callable[[Scene], Run], ...] = ()
    keeps: bool = False
    """Whether the keys that were there are in use all along."""
    heals: tuple[int, ...] = (0, 1)
    """Which of the two leads out of a mixture when it is run again; the other one may be refused until then."""


CREATED = (lambda scene: scene.create(),)
PRIVATE_ONE = (lambda scene: scene.create(private=True),)
ROTATED = (*CREATED, lambda scene: scene.rotate("second"), lambda scene: scene.switched("second"))
CASES = {
    "create-all twice": Case(lambda scene: scene.create("a"), lambda scene: scene.create("b")),
    "create-all twice into one directory": Case(lambda scene: scene.create("a"), lambda scene: scene.create("a")),
    "create-all with another key": Case(lambda scene: scene.create("a"), lambda scene: scene.create("other")),
    "create-all private twice": Case(
        lambda scene: scene.create("a", private=True), lambda scene: scene.create("b", private=True)
    ),
    "create-all and delete": Case(lambda scene: scene.create(), lambda scene: scene.delete()),
    "create-all again and delete": Case(lambda scene: scene.create(), lambda scene: scene.delete(), CREATED),
    "delete twice": Case(lambda scene: scene.delete(), lambda scene: scene.delete(), CREATED),
    "delete a private one twice": Case(lambda scene: scene.delete(), lambda scene: scene.delete(), PRIVATE_ONE),
    "rotate twice": Case(
        lambda scene: scene.rotate("second"), lambda scene: scene.rotate("third"), CREATED, keeps=True
    ),
    "rotate twice to one key": Case(
        lambda scene: scene.rotate("second"), lambda scene: scene.rotate("second"), CREATED, keeps=True
    ),
    "rotate and create-all": Case(
        lambda scene: scene.rotate("second"), lambda scene: scene.create("a", "new"), CREATED, keeps=True
    ),
    "rotate and retire": Case(lambda scene: scene.rotate("third"), lambda scene: scene.retire(), ROTATED),
    "retire twice": Case(lambda scene: scene.retire(), lambda scene: scene.retire(), ROTATED),
    "migrate and rotate": Case(
        lambda scene: scene.migrate(Side.PRIVATE), lambda scene: scene.rotate("second"), CREATED, keeps=True, heals=(0,)
    ),
    "migrate twice": Case(
        lambda scene: scene.migrate(Side.PRIVATE), lambda scene: scene.migrate(Side.PRIVATE), CREATED, keeps=True
    ),
    "upgrade twice": Case(
        lambda scene: scene.upgrade(Phase.PREPARE), lambda scene: scene.upgrade(Phase.PREPARE), CREATED
    ),
    "finish an upgrade twice": Case(
        lambda scene: scene.upgrade(Phase.FINISH),
        lambda scene: scene.upgrade(Phase.FINISH),
        (*CREATED, lambda scene: scene.upgrade(Phase.PREPARE)),
    ),
    "create-iam-roles twice": Case(
        lambda scene: scene.create("a", part=Part.IAM_ROLES, provider_arn=PROVIDER),
        lambda scene: scene.create("b", part=Part.IAM_ROLES, provider_arn=PROVIDER),
        (lambda scene: scene.create(part=Part.IDENTITY_PROVIDER),),
    ),
    "migrate and upgrade": Case(
        lambda scene: scene.migrate(Side.PRIVATE), lambda scene: scene.upgrade(Phase.PREPARE), CREATED, heals=(0,)
    ),
    "migrate and create-all of a new release": Case(
        lambda scene: scene.migrate(Side.PRIVATE), lambda scene: scene.create("a", "new"), CREATED, heals=(0,)
    ),
    "upgrade and create-all": Case(lambda scene: scene.upgrade(Phase.PREPARE), lambda scene: scene.create(), CREATED),
    "upgrade and delete": Case(
        lambda scene: scene.upgrade(Phase.PREPARE), lambda scene: scene.delete(), CREATED, heals=(1,)
    ),
    "migrate and delete": Case(
        lambda scene: scene.migrate(Side.PRIVATE), lambda scene: scene.delete(), CREATED, heals=(1,)
    ),
    "migrate back and rotate": Case(
        lambda scene: scene.migrate(Side.PUBLIC),
        lambda scene: scene.rotate("second"),
        PRIVATE_ONE,
        keeps=True,
        heals=(0,),
    ),
    "rotate and delete": Case(lambda scene: scene.rotate("second"), lambda scene: scene.delete(), CREATED, heals=(1,)),
    "finish an upgrade and create-all": Case(
        lambda scene: scene.upgrade(Phase.FINISH),
        lambda scene: scene.create("a", "new"),
        (*CREATED, lambda scene: scene.upgrade(Phase.PREPARE)),
    ),
}


def play(scene: Scene, case: Case, seeds: range) -> int:
    """Both at once, for each seed; how often."""

    def begin() -> tuple[Run, Run]:
        scene.begin()
        for before in case.before:
            assert scene.on.alone(before(scene)).claims
        return case.first(scene), case.second(scene)

    serial = set()
    for order in (0, 1):
        runs = begin()
        scene.on.alone(runs[order])
        scene.on.alone(runs[1 - order])
        serial.add(scene.state())
    for seed in seeds:
        first, second = begin()
        in_use = published() if case.keeps else frozenset()
        lost: set[str] = set()

        def look(call: Call, in_use: frozenset[str] = in_use, lost: set[str] = lost) -> None:
            lost |= {f"{kid} after {call.name}" for kid in in_use - published()}

        told = scene.on.together({"first": first, "second": second}, seed, look)
        assert not lost, f"seed {seed}: {lost}"
        found = scene.state()
        differ = [differences(one, found) for one in serial]
        if not all(differ):
            continue
        both = "\n".join([f"seed {seed}: a mixture, and both say that all is well", *differ])
        assert not all(one.claims for one in told.values()), both
        again = scene.on.alone((first, second)[case.heals[seed % len(case.heals)]])
        found = scene.state()
        differ = [differences(one, found) for one in serial]
        assert not all(differ), "\n".join([f"seed {seed}: {told} and again {again}", *differ])
    return len(seeds)


ALWAYS = ("create-all with another key", "create-all again and delete", "rotate twice", "migrate and upgrade")
AT_ONCE = "times two administrators were at work at once"


@pytest.mark.parametrize("name", ALWAYS)
def test_two_at_once_are_as_one_after_the_other(scene: Scene, name: str, count: Count) -> None:
    count(play(scene, CASES[name], range(2)), AT_ONCE)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CASES)
def test_two_at_once_whoever_is_quicker(scene: Scene, name: str, count: Count) -> None:
    count(play(scene, CASES[name], range(2, 22)), AT_ONCE)


def play_public_and_private(scene: Scene, seeds: range) -> int:
    """One name in a public bucket and in a private one: who publishes the issuer first has the bucket."""

    def public() -> Run:
        return scene.create("a")

    def private() -> Run:
        return scene.create("b", private=True)

    alone = {}
    for kind, run in (("public", public), ("private", private)):
        scene.begin()
        assert scene.on.alone(run()).claims
        alone[kind] = scene.state()

    def differ(kind: str) -> str:
        return differences(alone[kind], scene.state())

    for seed in seeds:
        scene.begin()
        told = scene.on.together({"public": public(), "private": private()}, seed, lambda _call: None)
        assert not all(one.claims for one in told.values()), f"seed {seed}: {told}"
        if told["private"].claims or scene.on.alone(private()).claims:
            assert not differ("private"), f"seed {seed}: {told}\n{differ('private')}"
            continue
        if told["public"].claims:
            policy = s3_backends[ACCOUNT]["aws"].buckets[BUCKET].policy
            assert b"AllowReadPublicAccess" in (policy or b""), f"seed {seed}: nobody can read what it published"
        # what the private one made before it was refused goes the way that the refusal names
        back = scene.on.alone(scene.migrate(Side.PRIVATE, rollback=True))
        again = scene.on.alone(public())
        assert again.claims, f"seed {seed}: {told}, {back}, {again}"
        assert not differ("public"), f"seed {seed}: {told}, {back}\n{differ('public')}"
    return len(seeds)


@pytest.mark.long
def test_a_public_and_a_private_one_at_once_are_one_of_them(scene: Scene, count: Count) -> None:
    count(play_public_and_private(scene, range(2)), AT_ONCE)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_public_and_a_private_one_at_once_whoever_is_quicker(scene: Scene, count: Count) -> None:
    count(play_public_and_private(scene, range(2, 42)), AT_ONCE)


@dataclass
class Unheard(Administrator):
    """One whose first try to publish the issuer gets no answer; what happens meanwhile is for `meanwhile` to say."""

    meanwhile: Callable[[Call], object] = lambda _call: None
    waits: bool = True

    def perform(self, call: Call) -> Answer:
        if self.waits and call.operation == "PutObject" and call.parameters["Key"] == discovery.PATH:
            self.waits = False
            self.meanwhile(call)
            raise CloudError("the connection was reset", kind=ErrorKind.TRANSIENT)
        return super().perform(call)


def unheard(scene: Scene, meanwhile: Callable[[Call], object]) -> Run:
    create = scene.create("a")

    def run(who: Administrator, attempts: Attempts) -> Ended:
        return create(Unheard(name=who.name, cloud=who.cloud, meanwhile=meanwhile), attempts)

    return run


def test_an_issuer_that_another_one_published_while_no_answer_came_is_not_taken_for_ours(scene: Scene) -> None:
    scene.begin()

    told = scene.on.alone(unheard(scene, lambda _call: scene.on.alone(scene.create("b", private=True))))

    assert not told.claims
    assert "Somebody else changed it meanwhile" in told.said
    blocked = s3_backends[ACCOUNT]["aws"].buckets[BUCKET].public_access_block
    assert blocked is not None
    assert blocked.restrict_public_buckets


def test_an_issuer_that_we_published_ourselves_while_no_answer_came_is_ours(scene: Scene) -> None:
    scene.begin()
    assert scene.on.alone(scene.create("a")).claims
    undisturbed = scene.state()
    scene.begin()

    assert scene.on.alone(unheard(scene, scene.on.cloud.perform)).claims

    assert not differences(undisturbed, scene.state())
