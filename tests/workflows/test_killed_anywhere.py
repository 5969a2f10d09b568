"""Killed at any call and at any touch of a file, a command that is run again ends where an undisturbed one ends.

The process is ended by SIGKILL: nothing of it runs any more. The account, the cluster and the files (what is in them,
their modes) are then those of a run that nobody disturbed; no key is lost, and nothing is left that nobody wants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Count
from tests.workflows.killing import Killer, Tried, Wanted

pytestmark = pytest.mark.harness

SHORT = {
    "create-all": 8,
    "create-all, private": 6,
    "create-all, shared issuer": 3,
    "create-iam-roles": 2,
    "create-identity-provider": 2,
    "delete": 3,
    "delete, private": 3,
    "upgrade prepare": 4,
    "upgrade finish": 3,
    "rotate-signing-key, new pair": 5,
    "rotate-signing-key, retirement": 2,
    "migrate-to-private-bucket": 4,
    "migrate-to-public-bucket, finish": 3,
}
"""How many points of these commands are tried always."""
LONG = {
    "create-all": 2,
    "create-all, private": 3,
    "create-all, private with OAC": 3,
    "create-all, shared issuer": 3,
    "create-all, issuer served by the user": 1,
    "create-all, kubernetes": 2,
    "create-iam-roles": 1,
    "create-identity-provider": 1,
    "delete": 1,
    "delete, private": 1,
    "delete, shared issuer": 1,
    "upgrade prepare": 1,
    "upgrade finish": 1,
    "rotate-signing-key, new pair": 1,
    "rotate-signing-key, new pair, private": 1,
    "rotate-signing-key, key of the cluster": 1,
    "rotate-signing-key, without cluster": 1,
    "rotate-signing-key, retirement": 1,
    "migrate-to-private-bucket": 1,
    "migrate-to-private-bucket, finish": 1,
    "migrate-to-private-bucket, rollback": 1,
    "migrate-to-public-bucket": 1,
    "migrate-to-public-bucket, finish": 1,
}
"""In how many pieces all points of these are tried."""
LOOKING = ("create-all", "create-iam-roles", "delete", "upgrade finish", "rotate-signing-key, retirement")
"""Killed at calls that only ask, too, and where files are only read: that changes nothing, and is seen to."""
AT_ONCE = ("create-all, private", "delete, private", "upgrade prepare", "migrate-to-private-bucket")
"""Tried once more with several steps at a time, when more than one is in its middle."""

Try = Callable[[Wanted], Tried]


@pytest.fixture(scope="module")
def kill() -> Iterator[Killer]:
    with closing(Killer()) as kill:
        yield kill


@pytest.fixture
def tries(kill: Killer, count: Count) -> Try:
    """Kills, counts, and has nothing to complain about."""

    def tried(wanted: Wanted) -> Tried:
        found = kill(wanted)
        count(len(found.points), f"points at which {wanted.scenario.partition(',')[0]} was killed")
        assert found.points
        assert not found.problems, "\n\n".join((f"{wanted.scenario}:", *found.problems[:5]))
        return found

    return tried


@pytest.mark.parametrize(("scenario", "few"), SHORT.items())
def test_a_command_that_is_killed_somewhere_is_finished_by_the_same_command(
    tries: Try, tmp_path: Path, scenario: str, few: int
) -> None:
    tries(Wanted(scenario, str(tmp_path), few=few))


def test_a_key_pair_is_made_whole_wherever_its_making_was_killed(tries: Try, tmp_path: Path) -> None:
    points = tries(Wanted("create-key-pair", str(tmp_path))).points

    # nothing that writing a file consists of is missing
    kinds = {"open", "os.chmod", "write", "fsync", "os.link", "os.mkdir", "os.remove"}
    assert {point.partition(" ")[0] for point in points} == kinds
    assert {"fsync .", "fsync tls", "fsync a temporary file"} <= set(points)
    assert len([point for point in points if point.startswith("write")]) == 3


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("scenario", "part", "of"),
    [(scenario, part, parts) for scenario, parts in LONG.items() for part in range(parts)],
)
def test_a_command_that_is_killed_anywhere_is_finished_by_the_same_command(
    tries: Try, tmp_path: Path, scenario: str, part: int, of: int
) -> None:
    tries(Wanted(scenario, str(tmp_path), part=part, of=of, every=scenario in LOOKING))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", AT_ONCE)
def test_a_command_that_is_killed_while_it_does_several_things_is_finished_by_the_same_command(
    tries: Try, tmp_path: Path, scenario: str
) -> None:
    tries(Wanted(scenario, str(tmp_path), few=20, concurrency=10))
