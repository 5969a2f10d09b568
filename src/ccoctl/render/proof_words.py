"""The words that every rendering of a proof shares, and strangers' text made harmless to look at."""

from __future__ import annotations

from ccoctl.errors import in_line
from ccoctl.federation.proof import Attempt, Exchange, Proof, Severity, Standing

LONGEST = 1000
"""Characters of a stranger's sentence; nothing that AWS says is longer."""

SEVERITIES = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
"""The worst first."""

NO_EXCHANGES = (
    "No token was exchanged: there was no signing key to issue one with. Whether each component gets its own role, "
    "and nobody else does, has not been tried."
)
"""What is said where a proof has checks alone."""

_TOKENS = {
    Attempt.OWN_ROLE: "a token of {account} for its own role {role}",
    Attempt.OTHER_ROLE: "a token of {account} for another component's role {role}",
    Attempt.OTHER_NAMESPACE: "a token of the namesake of {account} in another namespace, for the role {role}",
    Attempt.OTHER_KEY: "a token of {account} signed with another key, for the role {role}",
    Attempt.EXPIRED: "an expired token of {account}, for the role {role}",
    Attempt.OTHER_AUDIENCE: "a token of {account} for another audience, for the role {role}",
}


def sentence(text: str) -> str:
    """A stranger's prose on one line of bounded length."""
    return in_line(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def identifier(text: str) -> str:
    """A name, ARN or address: they are ASCII, so a letter that only looks like one is shown by its escape, too."""
    return "".join(
        character if character.isascii() else character.encode("unicode_escape").decode() for character in in_line(text)
    )


def token_of(exchange: Exchange) -> str:
    """Which token was tried on which role."""
    return _TOKENS[exchange.attempt].format(
        account=identifier(exchange.service_account), role=identifier(exchange.role)
    )


def answer(exchange: Exchange) -> str:
    """What the cloud answered."""
    words = ": ".join(filter(None, (sentence(exchange.code), sentence(exchange.message))))
    if not exchange.answered:
        return f"no verdict: {words}" if words else "no verdict"
    if exchange.granted:
        return f"granted as {identifier(exchange.identity)}" if exchange.identity else "granted"
    return f"refused with {words}" if words else "refused"


def kind_of(exchange: Exchange) -> str:
    """What kind of token was tried, as the begin of a line."""
    return exchange.attempt.value[0].upper() + exchange.attempt.value[1:]


def had_to(exchange: Exchange) -> str:
    """What the answer had to be."""
    if exchange.mistaken:
        return "the credentials had to be the role's own"
    return "it had to be granted" if exchange.wanted else "it had to be refused"


def headline(proof: Proof) -> str:
    """What the proof amounts to, without a full stop."""
    name = identifier(proof.name)
    if proof.standing is Standing.HOLDS and not proof.exchanges:
        return f"What was checked of {name} holds; no token was exchanged"
    return f"The federation of {name} {proof.standing.value}"


def outcome(proof: Proof) -> str:
    """One sentence: what the proof amounts to, and how much stands against it."""
    points = open_points(proof)
    return f"{headline(proof)}: {points}." if points else f"{headline(proof)}."


def open_points(proof: Proof) -> str:
    """How much stands against it; empty where nothing does."""
    checks = {"wrong": 0, "not checked": 0}
    for check in proof.checks:
        if check.verdict.value in checks:
            checks[check.verdict.value] += 1
    wrong = sum(item.answered and not item.right for item in proof.exchanges)
    silent = sum(not item.answered for item in proof.exchanges)
    said = [
        (checks["wrong"], f"{count(checks['wrong'], 'check')} wrong"),
        (wrong, f"{count(wrong, 'exchange')} wrong"),
        (checks["not checked"], f"{count(checks['not checked'], 'check')} that could not be made"),
        (silent, f"{count(silent, 'exchange')} without a verdict"),
    ]
    return ", ".join(words for number, words in said if number)


def count(number: int, noun: str) -> str:
    """A number with its noun, which takes an s in the plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
