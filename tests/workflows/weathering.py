"""Lives of a set-up in bad weather: commands as a user runs them, in a storm each, by a clock that nobody waits for."""

from __future__ import annotations

import difflib
import heapq
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws import client as aws_client
from ccoctl.aws import policy
from ccoctl.aws.client import AwsCloud
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.clock import SystemClock
from ccoctl.federation.clock import WallClock
from ccoctl.lab.conditions import Conditions, Weather
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC, create_key_pair
from tests.workflows.commands import REGION, Cli, Done, changing, client
from tests.workflows.upgrading import releases

NAME = ("--name", "demo", "--region", REGION)
CALM = Weather()
CONSISTENT_AFTER = 10.0
"""Seconds until what was made is seen everywhere."""
DEPLOYED_AFTER = 30.0
"""Seconds until a distribution is deployed."""
LATER = 3600.0
"""Seconds between one command and the next."""
_IDLE = 0.002
"""Seconds of the machine's time without a call after which everybody is taken to wait."""


def storm(seed: int) -> Weather:
    """As bad as it gets: three of ten requests fail, each in its own way."""
    return Weather(
        throttle=0.2, server_errors=0.05, unavailable=0.05, connection_resets=0.02, lost_answers=0.02, seed=seed
    )


class Hours:
    """A clock for all: time goes by when everybody waits, and then at once to when the first one has waited enough."""

    def __init__(self, begun: float) -> None:
        self._now = begun
        self._changed = threading.Condition()
        self._sleepers: list[float] = []
        self._running: set[int] = set()
        self._ended = 0

    def __call__(self) -> float:
        return self._now

    def go_by(self, seconds: float) -> None:
        """Time that passes outside of any command."""
        with self._changed:
            self._now += seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Somebody does not wait meanwhile."""
        me = threading.get_ident()
        with self._changed:
            self._running.add(me)
        try:
            yield
        finally:
            with self._changed:
                self._running.discard(me)
                self._ended += 1

    def pause(self, seconds: float, stop: threading.Event) -> None:
        me = threading.get_ident()
        with self._changed:
            wake = self._now + seconds
            heapq.heappush(self._sleepers, wake)
            ran = me in self._running  # a call may wait for its turn
            self._running.discard(me)
            try:
                while self._now < wake and not stop.is_set():
                    ended = self._ended
                    woken = self._changed.wait(_IDLE)
                    if not woken and not self._running and self._ended == ended and self._sleepers[0] == wake:
                        self._now = wake
            finally:
                self._sleepers.remove(wake)
                heapq.heapify(self._sleepers)
                if ran:
                    self._running.add(me)
                self._changed.notify_all()


@contextmanager
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hours]:
    """The clock of the commands instead of the machine's; a call takes no time by it. They share their clients."""
    clock, machine = Hours(WallClock().now()), WallClock.now
    perform, make = AwsCloud.perform, AwsCloud._made
    clients: dict[tuple[str, bool], Any] = {}

    def made(self: AwsCloud, service: str) -> Any:
        kind = service, self._credentials is not None
        if kind not in clients:
            clients[kind] = make(self, service)
        return clients[kind]

    def counted(self: AwsCloud, call: Call) -> Answer:
        with clock.running():
            return perform(self, call)

    with monkeypatch.context() as patch:
        for kind in (SystemClock, WallClock):
            patch.setattr(kind, "now", lambda _self: clock())
            patch.setattr(kind, "pause", lambda _self, seconds, stop: clock.pause(seconds, stop))
        patch.setattr(AwsCloud, "perform", counted)
        patch.setattr(AwsCloud, "_made", made)  # which takes longer than most commands
        # the SDK signs by the machine's clock, and so does the lab date its answers
        patch.setattr(aws_client, "WallClock", type("MachineClock", (), {"now": machine}))
        yield clock


@dataclass(frozen=True)
class Stage:
    """One command of a life."""

    name: str
    arguments: tuple[str, ...]
    looks: bool = False
    """Whether it changes nothing."""


@dataclass
class Place:
    """An account, a directory for its files, and whoever runs commands there."""

    aws: EmbeddedAws
    cli: Cli
    clock: Hours
    directory: Path
    clients: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """An empty account and an empty output directory, in calm weather."""
        self.aws.reset()
        self.aws.change_weather(CALM)
        shutil.rmtree(self.directory / "out", ignore_errors=True)
        shutil.copytree(self.directory / "keys", self.directory / "out")

    def run(self, stage: Stage, weather: Weather = CALM, code: int | None = 0) -> Done:
        """A command in this weather, and then a calm hour in which everything comes to be seen."""
        self.aws.change_weather(weather)
        before = self._changes()
        try:
            done = self.cli(*stage.arguments, code=code)
        finally:
            self.aws.change_weather(CALM)
            self.clock.go_by(LATER)
        assert not stage.looks or self._changes() == before
        return done

    def _changes(self) -> int:
        """How many requests changed something; a token that is exchanged changes nothing."""
        return sum(not call.startswith("sts:") for call in changing(self.aws))

    def state(self) -> str:
        """The account and the files, less what differs from one run to the next: ids, times, versions."""
        files = {
            str(path.relative_to(self.directory)): path.read_text()
            for path in sorted((self.directory / "out").rglob("*"))
            if path.is_file()
        }
        return without_ids(
            json.dumps({"account": self._account(), "files": files}, default=str, sort_keys=True, indent=1)
        )

    def _account(self) -> dict[str, Any]:
        for service in ("iam", "s3", "cloudfront"):
            if service not in self.clients:
                self.clients[service] = client(self.aws, service)
        return account(self.clients)


def account(clients: dict[str, Any]) -> dict[str, Any]:
    """Everything in an account."""
    iam, s3, front = clients["iam"], clients["s3"], clients["cloudfront"]
    arns = sorted(item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])
    providers = [_plain(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)) for arn in arns]
    fronts = [item["Id"] for item in front.list_distributions()["DistributionList"].get("Items", [])]
    identities = front.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
    controls = front.list_origin_access_controls()["OriginAccessControlList"]
    found: dict[str, Any] = {
        "buckets": {item["Name"]: _bucket(s3, item["Name"]) for item in s3.list_buckets()["Buckets"]},
        "fronts": [_front(front, name) for name in fronts],
        "identities": [item["Id"] for item in identities.get("Items", [])],
        "controls": [item["Id"] for item in controls.get("Items", [])],
        "providers": [_sorted_tags(provider) for provider in providers],
        "roles": {role["RoleName"]: _role(iam, role["RoleName"]) for role in iam.list_roles()["Roles"]},
    }
    return _in_order(found, [item["domain"] for item in found["fronts"]])


def _in_order(found: dict[str, Any], domains: list[str]) -> dict[str, Any]:
    """The account with the same names for its distributions in every run, and all that is listed in their order."""
    text = json.dumps(found, default=str)
    for number, domain in enumerate(domains):
        text = text.replace(domain, f"front-{number}.cloudfront.net")
    named: dict[str, Any] = json.loads(text)
    named["providers"].sort(key=lambda provider: provider["Url"])
    for role in named["roles"].values():
        role["trust"]["Statement"].sort(key=json.dumps)
    return named


def _bucket(s3: Any, name: str) -> dict[str, Any]:
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    objects = {}
    for key in keys:
        answer = s3.get_object(Bucket=name, Key=key)
        tags = s3.get_object_tagging(Bucket=name, Key=key)["TagSet"]
        objects[key] = (answer["Body"].read().decode(), answer["ContentType"], answer.get("CacheControl"), _pairs(tags))
    return {
        "tags": _pairs(s3.get_bucket_tagging(Bucket=name)["TagSet"]),
        "policy": policy.canonical(json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])),
        "blocked": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
        "objects": objects,
    }


def _front(front: Any, name: str) -> dict[str, Any]:
    found = front.get_distribution(Id=name)["Distribution"]
    config = {key: value for key, value in found["DistributionConfig"].items() if key != "CallerReference"}
    tags = front.list_tags_for_resource(Resource=found["ARN"])["Tags"]["Items"]
    return {"domain": found["DomainName"], "status": found["Status"], "config": config, "tags": _pairs(tags)}


def _role(iam: Any, name: str) -> dict[str, Any]:
    role = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    given = {one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in inline}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    shown = {key: role.get(key) for key in ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")}
    trust = policy.canonical(role["AssumeRolePolicyDocument"])
    return {**shown, "trust": trust, "policies": given, "attached": attached, "tags": _pairs(role.get("Tags", []))}


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in {"ResponseMetadata", "CreateDate"}}


def _sorted_tags(provider: dict[str, Any]) -> dict[str, Any]:
    audiences, prints = sorted(provider["ClientIDList"]), sorted(provider["ThumbprintList"])
    return {**provider, "ClientIDList": audiences, "ThumbprintList": prints, "Tags": _pairs(provider["Tags"])}


def _pairs(tags: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((tag["Key"], tag["Value"]) for tag in tags)


_RANDOM = re.compile(r"\b[0-9a-z]{13,14}\b(?=\.cloudfront)|\b[0-9A-Z]{12,15}\b|\b[0-9a-f]{96}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|ccoctl-\d{10}\b")


def differences(wanted: str, found: str) -> str:
    """The lines in which two states differ; empty where they are the same."""
    lines = difflib.unified_diff(wanted.splitlines(), found.splitlines(), "calm", "storm", lineterm="", n=1)
    return "\n".join(lines)


def without_ids(text: str) -> str:
    """Each random name replaced by its place in the order in which they are met."""
    known: dict[str, str] = {}
    named = _RANDOM.sub(lambda found: known.setdefault(found[0], f"ID-{len(known) + 1}"), text)
    return _TIME.sub("TIME", named)


@cache
def _lives(directory: Path) -> dict[str, tuple[Stage, ...]]:
    """Every life, by name: a sequence in which each command is met where it makes sense."""
    out, old, new = directory / "out", directory / "old", directory / "new"
    set_up = (*NAME, "--output-dir", str(out))
    before = (*set_up, "--credentials-requests-dir", str(old))
    after = (*set_up, "--credentials-requests-dir", str(new))
    key = ("--private-key-file", str(out / PRIVATE))
    rotate = ("rotate-signing-key", *set_up)
    second = directory / "second"
    over = ("--finish", "--unused-since", _AGO, "--yes")
    gone = Stage("delete", ("delete", *NAME, "--yes"))
    return {
        "public": (
            Stage("create-all", ("create-all", *before)),
            Stage("plan", ("plan", *before), looks=True),
            Stage("verify", ("verify", *before, *key), looks=True),
            Stage("export", ("export", *before, "--format", "terraform"), looks=True),
            Stage("upgrade prepare", ("upgrade", "prepare", *after, "--target-version", "4.19", "--yes")),
            Stage("upgrade finish", ("upgrade", "finish", *after, "--yes")),
            Stage("rotate", (*rotate, "--public-key-file", str(second / PUBLIC))),
            Stage("say that it is switched", (*rotate, "--switched-to", kid_in(second))),
            Stage("retire", (*rotate, "--retire-old", "--force", "--yes")),
            gone,
        ),
        "there": (
            Stage("create-all", ("create-all", *before)),
            Stage("migrate to private", ("migrate-to-private-bucket", *before, "--yes")),
            Stage("finish that", ("migrate-to-private-bucket", *before, *over)),
        ),
        "back": (
            Stage("create-all", ("create-all", *before, "--create-private-s3-bucket")),
            Stage("migrate to public", ("migrate-to-public-bucket", *before, "--yes")),
            Stage("finish that", ("migrate-to-public-bucket", *before, *over)),
        ),
        "there and rolled back": (
            Stage("create-all", ("create-all", *before)),
            Stage("migrate to private", ("migrate-to-private-bucket", *before, "--yes")),
            Stage("go back", ("migrate-to-private-bucket", *before, "--rollback", "--yes")),
            Stage("finish that", ("migrate-to-private-bucket", *before, "--rollback", *over)),
        ),
        "back and rolled back": (
            Stage("create-all", ("create-all", *before, "--create-private-s3-bucket")),
            Stage("migrate to public", ("migrate-to-public-bucket", *before, "--yes")),
            Stage("go back", ("migrate-to-public-bucket", *before, "--rollback", "--yes")),
            Stage("finish that", ("migrate-to-public-bucket", *before, "--rollback", *over)),
        ),
        "private": (
            Stage("create-all", ("create-all", *before, "--create-private-s3-bucket")),
            Stage("verify", ("verify", *before, *key), looks=True),
            gone,
        ),
        "control": (
            Stage("create-all", ("create-all", *before, "--create-private-s3-bucket", "--origin-access", "oac")),
            gone,
        ),
        "shared": (
            Stage("create-all", ("create-all", *before, "--shared-issuer", "fleet")),
            Stage("plan", ("plan", *before, "--shared-issuer", "fleet"), looks=True),
            Stage("delete", ("delete", *NAME, "--shared-issuer", "fleet", "--yes")),
        ),
        "parts": (
            Stage("create-identity-provider", ("create-identity-provider", *set_up)),
            Stage("create-iam-roles", ("create-iam-roles", *before, "--identity-provider-arn", _PROVIDER)),
            gone,
        ),
    }


_AGO = "2026-01-01T00:00:00Z"
_PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/demo-oidc.s3.{REGION}.amazonaws.com"
LIVES = (
    "public",
    "there",
    "back",
    "there and rolled back",
    "back and rolled back",
    "private",
    "control",
    "shared",
    "parts",
)


def kid_in(directory: Path) -> str:
    return str(create_key_pair(directory, bits=2048).kid)


def life(place: Place, name: str) -> tuple[Stage, ...]:
    """The stages of a life at this place."""
    return _lives(place.directory)[name]


@contextmanager
def place(
    directory: Path, key_pair: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    """An AWS by a clock of its own, with the requests of two releases and two key pairs."""
    shutil.copytree(key_pair, directory / "keys")
    releases(directory)
    with hours(monkeypatch) as clock:
        conditions = Conditions(distribution_delay=DEPLOYED_AFTER, eventual_consistency=CONSISTENT_AFTER)
        with embedded_aws(conditions, clock=clock) as aws:
            yield Place(aws, Cli(aws, aws.environment(), monkeypatch, capsys), clock, directory)


def undisturbed(at: Place, stages: tuple[Stage, ...]) -> list[str]:
    """What there is after each stage of a life in calm weather."""
    at.begin()
    states = []
    for stage in stages:
        at.run(stage)
        states.append("" if stage.looks else at.state())
    return states


__all__ = [
    "CALM",
    "LATER",
    "LIVES",
    "Hours",
    "Place",
    "Stage",
    "differences",
    "life",
    "place",
    "storm",
    "undisturbed",
]
