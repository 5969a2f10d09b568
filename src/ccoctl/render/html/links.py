"""What the picture of the chain of trust shows, before it has a shape: its links, and which of them are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ccoctl.federation.proof import Attempt, Check, Component, Exchange, Part, Proof, Verdict
from ccoctl.render.proof_matrix import STRANGERS
from ccoctl.render.proof_words import identifier

WORDS = "chain-in-words"
"""The id of the picture's text alternative."""
SHORT = {
    Attempt.OTHER_NAMESPACE: "another namespace",
    Attempt.OTHER_KEY: "another key",
    Attempt.EXPIRED: "expired",
    Attempt.OTHER_AUDIENCE: "another audience",
}


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A link that all components share."""

    title: str
    text: str
    """An address, ARN or kid."""
    tone: str
    """`good`, `bad`, `open` (could not be told) or `idle` (nothing was tried)."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One service account's way to its role."""

    account: str
    tone: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One component's way through the picture."""

    number: int
    component: Component
    links: tuple[Link, ...]
    strangers: tuple[str, ...]
    """In a few words each: those that the role lets in."""

    @property
    def is_missing(self) -> bool:
        """True where there is no such role."""
        return not self.component.role_arn

    @property
    def flag(self) -> str:
        """What is wrong with the role itself, in a few words."""
        if self.is_missing:
            return "no such role"
        return f"lets in: {', '.join(self.strangers)}" if self.strangers else ""

    @property
    def tone(self) -> str:
        """The role's own: wrong where it is missing or open to others."""
        return "bad" if self.is_missing or self.strangers else "good"


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """A service account that gets another component's role: an arrow that must not be there."""

    account: str
    role: str


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The whole picture."""

    nodes: tuple[Node, Node, Node]
    """Token, issuer, identity provider."""
    lanes: tuple[Lane, ...]
    strays: tuple[Stray, ...]


def links(proof: Proof) -> Chain:
    """The chain of a proof, each component in its lane."""
    nodes = (
        Node(title="Token", text=proof.kid, tone=_of_checks(proof.checks, Part.KEY)),
        Node(title="Issuer", text=proof.issuer, tone=_of_checks(proof.checks, Part.ISSUER)),
        Node(title="Provider", text=proof.provider_arn, tone=_of_checks(proof.checks, Part.PROVIDER)),
    )
    own: dict[tuple[str, str], list[Exchange]] = {}
    strays: dict[tuple[str, str], Stray] = {}
    inside: dict[str, dict[str, None]] = {}
    for item in proof.exchanges:
        if item.attempt is Attempt.OWN_ROLE:
            own.setdefault((item.service_account, item.role), []).append(item)
        elif item.granted and item.answered and item.attempt in STRANGERS:
            inside.setdefault(item.role, {})[SHORT[item.attempt]] = None
        elif item.granted and item.answered:
            strays[item.service_account, item.role] = Stray(account=item.service_account, role=item.role)
    lanes = (
        Lane(
            number=number,
            component=component,
            links=tuple(
                Link(account=account, tone=_of_exchanges(own.get((account, component.role), ())))
                for account in component.service_accounts
            ),
            strangers=tuple(inside.get(component.role, ())),
        )
        for number, component in enumerate(proof.components, 1)
    )
    return Chain(nodes=nodes, lanes=tuple(lanes), strays=tuple(strays.values()))


def _of_checks(checks: Iterable[Check], part: Part) -> str:
    verdicts = {check.verdict for check in checks if check.part is part}
    if Verdict.WRONG in verdicts:
        return "bad"
    if Verdict.UNKNOWN in verdicts:
        return "open"
    return "good" if verdicts else "idle"


def _of_exchanges(exchanges: Iterable[Exchange]) -> str:
    tones = {"open" if not item.answered else "good" if item.right else "bad" for item in exchanges}
    return next((tone for tone in ("bad", "open", "good") if tone in tones), "idle")


def lines(text: str, width: int, most: int) -> list[str]:
    """A name on at most so many lines of so many characters, broken after a separator where that fits.

    What does not fit is left out in the middle.
    """
    shown = identifier(text)
    broken = list(_broken(shown, width))
    if len(broken) <= most:
        return broken
    room = width * most
    if len(shown) > room:
        head = (room - 1) // 2
        shown = f"{shown[:head]}…{shown[len(shown) - (room - 1 - head) :]}"
    return [shown[start : start + width] for start in range(0, len(shown), width)]


def _broken(text: str, width: int) -> Iterator[str]:
    while len(text) > width:
        end = max(text.rfind(separator, width // 2, width) for separator in "-/.:") + 1 or width
        yield text[:end]
        text = text[end:]
    yield text
