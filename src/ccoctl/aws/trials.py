"""Which exchanges prove a set-up: each service account on each role, and tokens that no role may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ccoctl.federation.proof import Attempt, Component

STRANGERS = (Attempt.OTHER_NAMESPACE, Attempt.OTHER_KEY, Attempt.EXPIRED, Attempt.OTHER_AUDIENCE)
"""Tokens that differ in one thing alone from one that the role takes."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One token for one role."""

    attempt: Attempt
    service_account: str
    """`namespace/name` whose token it is, or whose token is altered."""
    role: str
    role_arn: str
    """Empty where there is no such role."""
    wanted: bool
    """Whether it must be granted."""


def trials(components: tuple[Component, ...], kinds: Iterable[Attempt]) -> Iterator[Trial]:
    """Every service account on every role, its own first; then, role by role, the strangers of these kinds."""
    strangers = [kind for kind in STRANGERS if kind in set(kinds)]
    owners: dict[str, set[str]] = {}
    for component in components:
        for account in component.service_accounts:
            owners.setdefault(account, set()).add(component.role)
    for account, own in owners.items():
        for component in sorted(components, key=lambda item: item.role not in own):
            is_own = component.role in own
            yield _trial(Attempt.OWN_ROLE if is_own else Attempt.OTHER_ROLE, account, component, wanted=is_own)
    for component in components:
        for kind in strangers:
            yield _trial(kind, component.service_accounts[0], component, wanted=False)


def _trial(attempt: Attempt, account: str, component: Component, *, wanted: bool) -> Trial:
    return Trial(
        attempt=attempt, service_account=account, role=component.role, role_arn=component.role_arn, wanted=wanted
    )
