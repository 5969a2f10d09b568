"""The exchanges of a proof as a matrix, service accounts by roles, and counted for each component."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec

from ccoctl.federation.proof import Attempt, Component, Exchange, Proof

STRANGERS = tuple(one for one in Attempt if one not in (Attempt.OWN_ROLE, Attempt.OTHER_ROLE))
"""The tokens that no role may take."""


class Mark(Enum):
    """How the exchanges of a cell ended, the worst last."""

    UNTRIED = "not tried"
    REFUSED = "refused, as it must be"
    GRANTED = "granted, as it must be"
    UNANSWERED = "no verdict"
    CLOSED = "refused, and had to be granted"
    MISTAKEN = "granted as someone else"
    OPEN = "granted, and had to be refused"

    @property
    def is_right(self) -> bool:
        """True where nothing speaks against it."""
        return self in (Mark.UNTRIED, Mark.REFUSED, Mark.GRANTED)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried for one row and one role."""

    exchanges: tuple[Exchange, ...]

    @property
    def mark(self) -> Mark:
        """The worst of them."""
        order = list(Mark)
        return max((mark_of(item) for item in self.exchanges), key=order.index, default=Mark.UNTRIED)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one service account, or of one kind of stranger."""

    label: str
    """`namespace/name`, or the kind in words."""
    kind: Attempt | None = None
    """None for a service account."""
    numbers: tuple[int, ...]
    """The components that the service account belongs to, counted from 1; none for strangers."""
    cells: tuple[Cell, ...]
    """One for each role of the matrix."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Every exchange of a proof, in its place."""

    roles: tuple[str, ...]
    """In the order of the components; roles of no component, if any, at the end."""
    accounts: tuple[Row, ...]
    strangers: tuple[Row, ...]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many exchanges ended as they must, of how many."""

    right: int
    tried: int

    @property
    def is_right(self) -> bool:
        """True where nothing speaks against it."""
        return self.right == self.tried

    def __str__(self) -> str:
        """`right/tried`, or a dash where nothing was tried."""
        return f"{self.right}/{self.tried}" if self.tried else "-"


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The exchanges of one component, counted."""

    own: Count
    others: Count
    """Its service accounts on other components' roles."""
    strangers: Count
    """Strangers on its role."""

    @property
    def is_right(self) -> bool:
        """True where nothing speaks against it."""
        return self.own.is_right and self.others.is_right and self.strangers.is_right


def mark_of(exchange: Exchange) -> Mark:
    """How one exchange ended."""
    if not exchange.answered:
        return Mark.UNANSWERED
    if exchange.mistaken:
        return Mark.MISTAKEN
    if exchange.wanted:
        return Mark.GRANTED if exchange.granted else Mark.CLOSED
    return Mark.OPEN if exchange.granted else Mark.REFUSED


def matrix(proof: Proof) -> Matrix:
    """The exchanges by row and role. Each is in exactly one cell."""
    roles = tuple(dict.fromkeys([*(one.role for one in proof.components), *(one.role for one in proof.exchanges)]))
    numbers: dict[str, list[int]] = {}
    for number, component in enumerate(proof.components, 1):
        for account in component.service_accounts:
            numbers.setdefault(account, []).append(number)
    placed: dict[tuple[Attempt | str, str], list[Exchange]] = {}
    for item in proof.exchanges:
        is_stranger = item.attempt in STRANGERS
        placed.setdefault((item.attempt if is_stranger else item.service_account, item.role), []).append(item)
        if not is_stranger:
            numbers.setdefault(item.service_account, [])

    def cells(key: Attempt | str) -> tuple[Cell, ...]:
        return tuple(Cell(exchanges=tuple(placed.get((key, role), ()))) for role in roles)

    kinds = [kind for kind in STRANGERS if any(key is kind for key, _ in placed)]
    return Matrix(
        roles=roles,
        accounts=tuple(Row(label=name, numbers=tuple(its), cells=cells(name)) for name, its in numbers.items()),
        strangers=tuple(Row(label=kind.value, kind=kind, numbers=(), cells=cells(kind)) for kind in kinds),
    )


def tallies(proof: Proof) -> tuple[Tally, ...]:
    """One for each component, in their order."""
    by_account: dict[str, list[Exchange]] = {}
    by_role: dict[str, list[Exchange]] = {}
    for item in proof.exchanges:
        if item.attempt in STRANGERS:
            by_role.setdefault(item.role, []).append(item)
        else:
            by_account.setdefault(item.service_account, []).append(item)
    return tuple(_tally(component, by_account, by_role) for component in proof.components)


def _tally(component: Component, by_account: dict[str, list[Exchange]], by_role: dict[str, list[Exchange]]) -> Tally:
    its = [item for account in component.service_accounts for item in by_account.get(account, ())]
    return Tally(
        own=_count(item for item in its if item.attempt is Attempt.OWN_ROLE and item.role == component.role),
        others=_count(item for item in its if item.attempt is Attempt.OTHER_ROLE),
        strangers=_count(by_role.get(component.role, ())),
    )


def _count(exchanges: Iterable[Exchange]) -> Count:
    rights = [item.right for item in exchanges]
    return Count(right=sum(rights), tried=len(rights))
