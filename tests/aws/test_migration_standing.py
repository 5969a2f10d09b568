"""Where a migration stands and what is safe: from tags, tokens and what the administrator says, and from no file."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws.migration import IN_USE, NEVER_USED, UNUSED_SINCE, Side, Situation
from ccoctl.aws.migration_standing import Evidence, Signing, State, seconds, standing, unsafe
from tests.aws.builders import FRONT, HOST
from tests.aws.test_migration_plans import between, private, public

NOON = seconds("2026-11-24T12:00:00Z") or 0.0
DAY = 86400.0
HOUR = 3600.0


def marked(value: str) -> Situation:
    """Between the two, with what a run noted of the public issuer."""
    start = between()
    old, *others = start.found.account.providers
    noted = replace(old, tags={**old.tags, UNUSED_SINCE: value})
    return replace(start, found=replace(start.found, account=replace(start.found.account, providers=(noted, *others))))


def signing(configured: str | None = f"https://{FRONT}", signs_for: str = f"https://{FRONT}") -> Signing:
    return Signing(configured=configured, version="1", signs_for=signs_for)


def why_not(found: Situation, **evidence: Any) -> str:
    """What forbids the end of the way to private; empty when it is safe."""
    problems = unsafe(found, Side.PRIVATE, Evidence(**{"now": NOON, **evidence}))
    return problems[0].what if problems else ""


def test_where_nothing_is_known_nothing_is_safe() -> None:
    assert "--unused-since" in why_not(between())
    assert "--unused-since" in why_not(between(), signing=signing())
    assert "--unused-since" in why_not(marked(IN_USE))
    assert "--unused-since" in why_not(marked("last tuesday"))


def test_the_last_old_token_dies_a_day_after_the_last_api_server_was_restarted() -> None:
    """An hour is given to the API servers, which sign for the new issuer one after the other."""
    found = marked("2026-11-24T12:00:00Z")

    assert why_not(found, now=NOON) == "tokens of it may be in use until 2026-11-25T13:00:00Z; finish then"
    assert why_not(found, now=NOON + DAY + HOUR - 1)
    assert not why_not(found, now=NOON + DAY + HOUR)


def test_an_administrator_who_knows_when_the_last_one_was_restarted_is_believed() -> None:
    assert why_not(between(), unused_since="2026-11-23T12:00:01Z")
    assert not why_not(between(), unused_since="2026-11-23T12:00:00Z")
    assert not why_not(between(), unused_since="2026-11-23T13:00:00+01:00")
    assert not why_not(between(), unused_since=NEVER_USED)


def test_a_cluster_that_signs_for_the_old_issuer_is_believed_more_than_anybody() -> None:
    old = f"https://{HOST}"

    assert f"it names {old}" in why_not(between(), signing=signing(old), unused_since=NEVER_USED)
    assert f"new tokens still carry {old}" in why_not(marked("2026-01-01T00:00:00Z"), signing=signing(signs_for=old))
    assert not why_not(marked("2026-01-01T00:00:00Z"), signing=signing())


def test_a_cluster_without_an_authentication_is_known_by_its_tokens() -> None:
    assert not why_not(marked("2026-01-01T00:00:00Z"), signing=signing(None))
    assert why_not(marked("2026-01-01T00:00:00Z"), signing=signing(None, f"https://{HOST}"))


def test_an_issuer_that_no_role_trusts_can_go_at_any_time() -> None:
    assert not why_not(private())
    assert not why_not(private(), signing=signing(f"https://{HOST}", f"https://{HOST}"))


def test_a_new_issuer_that_nobody_was_told_of_can_go_at_any_time() -> None:
    assert not why_not(marked(NEVER_USED))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-24T12:00:00", "1732449600", "2026-13-01T00:00:00Z"])
def test_a_time_without_its_zone_is_none(text: str) -> None:
    assert seconds(text) is None


def phases(found: Situation, to: Side, **evidence: Any) -> dict[str, State]:
    stands = standing(found, to, Evidence(**{"now": NOON, **evidence}), leftovers=True)
    return {phase.name: phase.state for phase in stands.phases}


def test_the_phases_of_a_migration_on_its_way() -> None:
    nothing = {"documents": State.TO_DO, "providers": State.TO_DO, "roles": State.TO_DO}
    ready = dict.fromkeys(nothing, State.DONE)

    assert phases(public(), Side.PRIVATE) == {**nothing, "cluster": State.UNKNOWN, "old issuer": State.TO_DO}
    assert phases(between(), Side.PRIVATE) == {**ready, "cluster": State.UNKNOWN, "old issuer": State.TO_DO}
    assert phases(between(), Side.PRIVATE, signing=signing())["cluster"] is State.DONE
    assert phases(between(), Side.PUBLIC, signing=signing())["cluster"] is State.TO_DO
    assert phases(marked("2026-11-24T12:00:00Z"), Side.PRIVATE)["cluster"] is State.DONE
    assert phases(private(), Side.PRIVATE)["old issuer"] is State.PARTLY


def test_it_is_over_when_nothing_is_left() -> None:
    stands = standing(private(), Side.PRIVATE, Evidence(now=NOON), leftovers=False)

    assert stands.is_over
    assert not stands.is_safe
    assert stands.safe_at == ""
    assert not standing(private(), Side.PRIVATE, Evidence(now=NOON), leftovers=True).is_over
    assert not standing(between(), Side.PRIVATE, Evidence(now=NOON), leftovers=False).is_over


def test_when_it_is_safe_is_said_before_it_is() -> None:
    found = marked("2026-11-24T12:00:00Z")
    early = standing(found, Side.PRIVATE, Evidence(now=NOON), leftovers=True)
    late = standing(found, Side.PRIVATE, Evidence(now=NOON + 2 * DAY), leftovers=True)

    assert (early.safe_at, early.is_safe) == ("2026-11-25T13:00:00Z", False)
    assert (late.safe_at, late.is_safe) == ("2026-11-25T13:00:00Z", True)
