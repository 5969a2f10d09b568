"""A token is kept fresh behind its readers; while the issuer is away the old one serves, and somebody is told."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ccoctl.errors import FileError, TokenError, TokenProblem
from ccoctl.federation.clock import WallClock, iso
from ccoctl.federation.keeper import Failed, Issued, Refreshed, TokenKeeper
from ccoctl.federation.projected import ProjectedVolume
from ccoctl.federation.refresh import Term

NOW = 1_800_000_000.0
LIFE = 600


@dataclass
class Clock:
    """Moves when it is told to."""

    time: float = NOW

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float, woken: threading.Event) -> None:
        raise AssertionError(f"only a keeper's own thread pauses, {seconds} s or until {woken}")


@dataclass
class Issuer:
    """Numbers its tokens; is away when told so."""

    clock: Clock | WallClock
    away: Exception | None = None
    count: int = 0

    def __call__(self) -> Issued:
        if self.away is not None:
            raise self.away
        self.count += 1
        return Issued(token=f"token-{self.count}", term=Term(expires=self.clock.now() + LIFE, life=LIFE))


@dataclass
class Kept:
    """A keeper with a clock of its own, looked at without its thread."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    told: list[Refreshed | Failed] = field(default_factory=list)
    chance: float = 0.5

    def __post_init__(self) -> None:
        self.issuer = Issuer(self.clock)
        volume = ProjectedVolume(self.directory)
        self.keeper = TokenKeeper(
            volume, self.issuer, clock=self.clock, chance=lambda: self.chance, report=self.told.append
        )

    @property
    def token(self) -> str:
        return self.keeper.path.read_text()

    def failure(self) -> Failed:
        assert isinstance(self.told[-1], Failed)
        return self.told[-1]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def away() -> TokenError:
    return TokenError("the issuer is away", problem=TokenProblem.KEY)


def test_a_whole_day_needs_a_token_each_four_fifths_of_a_life(kept: Kept) -> None:
    while kept.clock.time < NOW + 86400:
        assert kept.keeper.look() <= 60
        kept.clock.time += 1

    assert kept.issuer.count == -(-86400 // 476)  # 480 less 5 of jitter, and the second in which it is seen


def test_a_token_is_left_alone_until_it_is_due(kept: Kept) -> None:
    kept.keeper.refresh()
    kept.clock.time = NOW + 475
    pause = kept.keeper.look()
    first = kept.token
    kept.clock.time += pause
    kept.keeper.look()

    assert (first, kept.token) == ("token-1", "token-2")
    assert kept.told == [
        Refreshed(term=Term(expires=NOW + LIFE, life=LIFE), failures=0),
        Refreshed(term=Term(expires=NOW + 476 + LIFE, life=LIFE), failures=0),
    ]


def test_while_the_issuer_is_away_the_old_token_serves_and_each_failure_is_told(kept: Kept) -> None:
    kept.keeper.refresh()
    kept.issuer.away = away()
    kept.clock.time = NOW + 500
    pauses = []
    while kept.clock.time < NOW + LIFE:
        pauses.append(kept.keeper.look())
        assert not kept.failure().expired
        assert kept.token == "token-1"
        kept.clock.time += pauses[-1]
    kept.keeper.look()

    assert kept.failure().expired
    assert kept.failure().error is kept.issuer.away
    assert pauses == [0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 45.0, 45.0]

    kept.issuer.away = None
    kept.keeper.look()
    assert kept.token == "token-2"
    assert kept.told[-1] == Refreshed(term=Term(expires=kept.clock.time + LIFE, life=LIFE), failures=9)


def test_any_error_of_an_issuer_is_told_and_none_ends_the_keeping(kept: Kept) -> None:
    kept.keeper.refresh()
    kept.issuer.away = RuntimeError("unforeseen")
    kept.clock.time = NOW + 500

    assert kept.keeper.look() > 0
    assert kept.failure().failures == 1


def test_a_volume_that_cannot_be_written_is_a_failure_like_any_other(kept: Kept) -> None:
    kept.keeper.refresh()
    kept.clock.time = NOW + 500
    for path in [*kept.directory.iterdir(), kept.directory]:
        if path.is_dir() and not path.is_symlink() and path != kept.directory:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        elif path != kept.directory:
            path.unlink()
    kept.directory.rmdir()
    kept.keeper.look()

    assert isinstance(kept.failure().error, FileError)


def test_a_clock_that_is_set_back_costs_a_token_and_no_rush(kept: Kept) -> None:
    kept.keeper.refresh()
    kept.clock.time = NOW - 3600
    kept.keeper.look()
    kept.keeper.look()

    assert kept.token == "token-2"


def test_without_a_first_token_there_is_no_block(kept: Kept) -> None:
    kept.issuer.away = away()
    with pytest.raises(TokenError, match="is away"), kept.keeper:
        pytest.fail("the block ran")

    assert kept.told == []


def test_no_token_is_shown_by_what_is_told() -> None:
    assert "secret" not in repr(Issued(token="secret", term=Term(expires=1, life=1)))


class Ticking(WallClock):
    """The machine's clock, whose hands can be put forward."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def test_the_keepers_thread_refreshes_when_it_is_woken_and_ends_with_the_block(tmp_path: Path) -> None:
    clock = Ticking()
    told: queue.Queue[Refreshed | Failed] = queue.Queue()
    issuer = Issuer(clock)
    keeper = TokenKeeper(ProjectedVolume(tmp_path), issuer, clock=clock, chance=lambda: 0.0, report=told.put)
    with keeper:
        seen = [keeper.path.read_text()]
        told.get(timeout=30)
        clock.ahead = 500
        keeper.wake()
        told.get(timeout=30)
        seen.append(keeper.path.read_text())
        keeper.refresh()
        seen.append(keeper.path.read_text())

    assert seen == ["token-1", "token-2", "token-3"]
    assert "token-keeper" not in {thread.name for thread in threading.enumerate()}


def test_a_failure_in_the_thread_is_told_and_made_good_by_itself(tmp_path: Path) -> None:
    clock = Ticking()
    told: queue.Queue[Refreshed | Failed] = queue.Queue()
    issuer = Issuer(clock)
    keeper = TokenKeeper(ProjectedVolume(tmp_path), issuer, clock=clock, chance=lambda: 0.0, report=told.put)
    with keeper:
        told.get(timeout=30)
        issuer.away = away()
        clock.ahead = 500
        keeper.wake()
        failed = told.get(timeout=30)
        issuer.away = None
        refreshed = told.get(timeout=30)

    assert isinstance(failed, Failed)
    assert isinstance(refreshed, Refreshed)
    assert refreshed.failures == failed.failures == 1


def test_times_are_told_in_utc() -> None:
    assert iso(NOW) == "2027-01-15T08:00:00Z"
