"""Every command that talks to AWS, while somebody between them spoils an answer: it ends with a sentence, in time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC
from tests.aws.hostile import SPOILT, Relay, relaying
from tests.conftest import Count
from tests.workflows.commands import Cli, Done, write_requests

pytestmark = pytest.mark.harness

NAMES = ("--name", "demo", "--region", "us-east-1")


@dataclass(frozen=True)
class World:
    """An account, a relay before it, and the files of a set-up."""

    cli: Cli
    relay: Relay
    relayed: dict[str, str]
    folder: Path
    key_pair: Path

    def options(self, out: Path, *, requests: str = "requests") -> list[str]:
        write_requests(self.folder / requests, "ns/one")
        public = str(self.key_pair / PUBLIC)
        directories = ("--credentials-requests-dir", str(self.folder / requests), "--output-dir", str(out))
        return [*NAMES, *directories, "--public-key-file", public]

    def honest(self, *arguments: str, code: int | None = 0) -> Done:
        return self.cli(*arguments, code=code)

    def spoilt(self, spoiling: str, at: int, *arguments: str) -> Done:
        """Run a command while the answer to one request is spoilt."""
        self.relay.requests.clear()
        self.relay.spoil, self.relay.at = SPOILT[spoiling] if spoiling else None, at
        return replace(self.cli, environment=self.relayed)(*arguments, code=None)


@pytest.fixture
def world(cli: Cli, embedded_aws: EmbeddedAws, tmp_path: Path, key_pair: Path) -> Iterator[World]:
    with relaying(embedded_aws.endpoint_url) as (relay, url):
        environment = {**cli.environment, "AWS_ENDPOINT_URL": url}
        yield World(cli, relay, environment, tmp_path, key_pair)


Command = Callable[[World, Path], list[str]]
"""The command line, given a directory for its output; what must be there before is made."""


def _on_nothing(*command: str) -> Command:
    return lambda world, out: [*command, *world.options(out)]


def _on_a_set_up(command: Callable[[World, Path], list[str]]) -> Command:
    def line(world: World, out: Path) -> list[str]:
        world.honest("create-all", *world.options(out))
        return command(world, out)

    return line


def _provider(world: World, out: Path) -> list[str]:
    public = ("--public-key-file", str(world.key_pair / PUBLIC))
    return ["create-identity-provider", *NAMES, *public, "--output-dir", str(out)]


def _roles(world: World, out: Path) -> list[str]:
    world.honest(*_provider(world, out))
    requests = write_requests(world.folder / "requests", "ns/one")
    issuer = "demo-oidc.s3.us-east-1.amazonaws.com"
    arn = ("--identity-provider-arn", f"arn:aws:iam::{world.cli.aws.account_id}:oidc-provider/{issuer}")
    return ["create-iam-roles", *NAMES, *arn, "--credentials-requests-dir", str(requests), "--output-dir", str(out)]


def _upgrade(world: World, out: Path) -> list[str]:
    new = write_requests(world.folder / "new", "ns/one", "ns/two", action=["ec2:New"])
    return ["upgrade", "prepare", *NAMES, "--credentials-requests-dir", str(new), "--output-dir", str(out)]


COMMANDS: dict[str, Command] = {
    "plan": _on_a_set_up(lambda world, out: ["plan", *world.options(out)]),
    "create-all": _on_nothing("create-all"),
    "create-all again": _on_a_set_up(lambda world, out: ["create-all", *world.options(out)]),
    "create-all, private": _on_nothing("create-all", "--create-private-s3-bucket"),
    "create-identity-provider": _provider,
    "create-iam-roles": _roles,
    "delete": _on_a_set_up(lambda _world, _out: ["delete", *NAMES, "--yes"]),
    "verify": _on_a_set_up(
        lambda world, out: ["verify", *world.options(out)[:-2], "--private-key-file", str(world.key_pair / PRIVATE)]
    ),
    "upgrade prepare": _on_a_set_up(_upgrade),
    "rotate-signing-key": _on_a_set_up(
        lambda _world, out: ["rotate-signing-key", *NAMES, "--output-dir", str(out), "--status"]
    ),
    "migrate-to-private-bucket": _on_a_set_up(
        lambda world, out: ["migrate-to-private-bucket", *world.options(out)[:-2], "--status"]
    ),
}


def well_told(done: Done, what: str) -> None:
    """An end with a sentence, in which nothing moves the cursor."""
    told = done.out + done.err
    assert done.code in {0, 1, 3}, (what, told)
    assert "Traceback" not in told, (what, told)
    assert "this is a bug" not in told, (what, told)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told), (what, told)
    assert done.code == 0 or len(told.strip()) > 20, (what, told)
    assert len(told) < 200_000, (what, len(told))


def whole(out: Path, what: str) -> None:
    """Nothing half-written, and nothing of anybody else's, in the files."""
    for path in out.rglob("*") if out.exists() else ():
        if path.is_file():
            text = path.read_text()
            assert not path.name.endswith((".tmp", ".part")), (what, path)
            assert not re.search(r"999999999999|aws-cn|evil|nonsense|\x1b", text), (what, path, text)
            if path.suffix in {".json", ""} and text.startswith("{"):
                json.loads(text)


SHORT = [
    ("plan", 0, "a web page"),
    ("create-all", 0, "another partition"),
    ("create-identity-provider", 1, "a web page with status 404"),
    ("delete", 3, "entities"),
    ("verify", 4, "another account"),
    ("upgrade prepare", 2, "members doubled"),
    ("migrate-to-private-bucket", 3, "JSON"),
]


@pytest.mark.parametrize(("command", "at", "spoiling"), SHORT)
def test_a_spoilt_answer_ends_with_a_sentence(
    world: World, count: Count, tmp_path: Path, command: str, at: int, spoiling: str
) -> None:
    arguments = COMMANDS[command](world, tmp_path / "out")
    done = world.spoilt(spoiling, at, *arguments)

    assert len(world.relay.requests) > at, "nobody was spoilt"
    well_told(done, f"{command}, {at}, {spoiling}")
    whole(tmp_path / "out", command)
    count(1, "answers of AWS that were spoilt in the middle of a command")


LOOKING = frozenset({"plan", "verify", "rotate-signing-key", "migrate-to-private-bucket"})
"""Commands that change nothing, and are run again and again on one set-up."""
STRIDE = 7
"""Of the requests of a command every seventh is spoilt in one way, the next in the next way."""


def points(requests: int) -> list[tuple[int, str]]:
    return [
        (at, spoiling)
        for number, spoiling in enumerate(SPOILT)
        for at in range(number % min(STRIDE, requests), requests, STRIDE)
    ]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("command", COMMANDS)
def test_every_kind_of_answer_is_spoilt_in_every_way(
    world: World, count: Count, tmp_path: Path, command: str, part: int
) -> None:
    arguments = COMMANDS[command](world, tmp_path / "out")
    assert world.spoilt("", -1, *arguments).code in {0, 3}
    tried = points(len(world.relay.requests))[part::2]
    for number, (at, spoiling) in enumerate(tried):
        out = tmp_path / "out"
        if command not in LOOKING:
            world.cli.aws.reset()
            out = tmp_path / f"out-{number}"
            arguments = COMMANDS[command](world, out)
        what = f"{command}, {at}, {spoiling}"
        done = world.spoilt(spoiling, at, *arguments)
        well_told(done, what)
        whole(out, what)
    count(len(tried), "answers of AWS that were spoilt in the middle of a command")
