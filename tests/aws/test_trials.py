"""Which exchanges prove a set-up."""

from __future__ import annotations

from ccoctl.aws.trials import STRANGERS, Trial, trials
from ccoctl.federation.proof import Attempt, Component


def component(name: str, *accounts: str, arn: str = "arn") -> Component:
    return Component(secret=name, role=name, role_arn=arn, service_accounts=accounts, permissions=())


def tried(*components: Component, kinds: frozenset[Attempt] = frozenset(Attempt)) -> list[tuple[str, str, str, bool]]:
    return [(t.attempt.name, t.service_account, t.role, t.wanted) for t in trials(components, kinds)]


def test_every_service_account_is_tried_on_every_role_its_own_first() -> None:
    found = [
        row for row in tried(component("one", "ns/a"), component("two", "ns/b", "ns/c")) if row[0].endswith("ROLE")
    ]

    assert found == [
        ("OWN_ROLE", "ns/a", "one", True),
        ("OTHER_ROLE", "ns/a", "two", False),
        ("OWN_ROLE", "ns/b", "two", True),
        ("OTHER_ROLE", "ns/b", "one", False),
        ("OWN_ROLE", "ns/c", "two", True),
        ("OTHER_ROLE", "ns/c", "one", False),
    ]


def test_a_service_account_of_two_requests_has_two_roles_of_its_own() -> None:
    found = tried(component("one", "ns/a"), component("two", "ns/a"), kinds=frozenset())

    assert found == [("OWN_ROLE", "ns/a", "one", True), ("OWN_ROLE", "ns/a", "two", True)]


def test_each_role_meets_a_stranger_of_each_kind() -> None:
    found = [row for row in tried(component("one", "ns/a", "ns/b")) if not row[0].endswith("ROLE")]

    assert found == [(kind.name, "ns/a", "one", False) for kind in STRANGERS]


def test_strangers_that_cannot_be_made_are_left_out() -> None:
    kinds = frozenset({Attempt.OWN_ROLE, Attempt.OTHER_ROLE, Attempt.OTHER_KEY})

    assert [row[0] for row in tried(component("one", "ns/a"), kinds=kinds)] == ["OWN_ROLE", "OTHER_KEY"]


def test_a_role_that_is_not_there_is_tried_all_the_same() -> None:
    """So that the proof says what is missing."""
    assert next(iter(trials((component("one", "ns/a", arn=""),), ()))) == Trial(
        attempt=Attempt.OWN_ROLE, service_account="ns/a", role="one", role_arn="", wanted=True
    )
