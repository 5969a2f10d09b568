"""Requests from a stranger's hands end in files that are what they should be, or in a refusal that leaves nothing.

Whatever the directory of requests holds: no traceback, no second of processor time, no 200 MiB of memory, nothing that
a terminal obeys, nothing touched outside of the output directory, and nothing in it where the command refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccoctl.lab.conditions import Conditions
from ccoctl.lab.process import aws_process
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.conftest import Count
from tests.fuzz.cases import case, real_documents
from tests.fuzz.confined import Confined, confined
from tests.fuzz.ground import MOST_MEMORY, Ground, bounded, play

pytestmark = pytest.mark.harness

SHORT = 200
LONG = 10_000
PIECE = 500
CREATED = 8
"""Cases of the short form that are carried out in an account, too."""


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    create_key_pair(tmp_path / "keys", bits=2048)
    return Ground(tmp_path, tmp_path / "keys/serviceaccount-signer.public").prepare()


@pytest.fixture
def run(ground: Ground, root: Path) -> Iterator[Confined]:
    with confined(root, ground.cwd, {}) as process:
        yield process


def play_all(numbers: range, ground: Ground, run: Confined, root: Path, count: Count) -> None:
    real = real_documents(root.parent / "shared/credrequests")
    before, accepted, wrong = ground.others(), 0, []
    for number in numbers:
        one = case(number, real)
        told, found = play(one, ground, run)
        accepted += told.code == 0
        wrong += [f"case {number} ({', '.join(one.mistakes)}): {what}" for what in found]
        if told.peak > MOST_MEMORY:
            break  # the process has had it, whatever comes next
    assert not wrong, "\n".join(wrong[:40])
    assert ground.others() == before
    assert accepted > len(numbers) // 20, "the mistakes are too coarse to tell anything"
    count(accepted, "spoiled directories of requests that were accepted")
    count(len(numbers) - accepted, "spoiled directories of requests that were refused")


def test_spoiled_requests_end_well(ground: Ground, run: Confined, root: Path, count: Count) -> None:
    play_all(range(SHORT), ground, run, root, count)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("start", range(0, LONG, PIECE))
def test_thousands_of_spoiled_requests_end_well(
    start: int, ground: Ground, run: Confined, root: Path, count: Count
) -> None:
    play_all(range(start, start + PIECE), ground, run, root, count)


def has_numbers(own: Path) -> bool:
    """A condition compares with a number, not with its text, which AWS takes and the lab's IAM does not."""
    policies = (json.loads(json.loads(path.read_bytes())["PolicyDocument"]) for path in own.glob("06-*-policy.json"))
    conditions = (each for policy in policies for entry in policy["Statement"] for each in _values(entry))
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in conditions)


def _values(statement: dict[str, Any]) -> list[Any]:
    found = [value for keys in statement.get("Condition", {}).values() for value in keys.values()]
    return [item for value in found for item in (value if isinstance(value, list) else [value])]


def create_some(numbers: range, most: int, ground: Ground, root: Path, count: Count) -> None:
    """What a dry run accepts, IAM takes, too; a refused one makes no call that changes something."""
    real = real_documents(root.parent / "shared/credrequests")
    made = 0
    with aws_process(Conditions()) as aws, confined(root, ground.cwd, aws.environment()) as run:
        for number in numbers:
            if made == most:
                break
            ground.lay_out(case(number, real))
            if run(ground.own, *ground.argv(0)).code != 0 or has_numbers(ground.own):
                continue
            ground.lay_out(case(number, real))
            told = run(ground.own, *ground.argv(0, dry=False))
            assert not bounded(told), f"case {number}: {bounded(told)}\n{told.err}"
            assert told.code == 0, f"case {number}: {told.err}"
            made += 1
            aws.reset()
    count(made, "spoiled directories of requests that were carried out")


def test_what_is_accepted_can_be_carried_out(ground: Ground, root: Path, count: Count) -> None:
    create_some(range(SHORT), CREATED, ground, root, count)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("start", [20_000, 30_000])
def test_much_that_is_accepted_can_be_carried_out(start: int, ground: Ground, root: Path, count: Count) -> None:
    create_some(range(start, start + 1000), 60, ground, root, count)
