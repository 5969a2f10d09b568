"""A proof for people in a terminal: checks, exchanges counted for each component, what is wrong in full, findings."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.federation.proof import Attempt, Exchange, Proof, Verdict
from ccoctl.render.proof_matrix import Tally, tallies
from ccoctl.render.proof_words import (
    NO_EXCHANGES,
    SEVERITIES,
    answer,
    count,
    had_to,
    identifier,
    outcome,
    sentence,
    token_of,
)

_VERDICTS = {Verdict.OK: "ok", Verdict.WRONG: "WRONG", Verdict.UNKNOWN: "unknown"}
_WIDTH = 9
"""Columns of a verdict or a count; the names come last, as they are long."""
_SHOWN = 3
"""Exchanges that are named of those that went wrong in the same way."""


def proof_text(proof: Proof) -> str:
    """The whole proof as plain text. The last line says what it amounts to."""
    sections = [_head(proof), _checks(proof), _exchanges(proof), _wrong(proof), _findings(proof)]
    return "\n\n".join(["\n".join(lines) for lines in map(list, sections) if lines] + [outcome(proof)])


def _head(proof: Proof) -> Iterator[str]:
    yield f"{identifier(proof.name)} in {identifier(proof.region)}, looked at {identifier(proof.at)}"
    facts = {"issuer": proof.issuer, "provider": proof.provider_arn, "key": proof.kid}
    for name, value in facts.items():
        yield f"  {name:<{_WIDTH}}{identifier(value) or 'not known'}"


def _checks(proof: Proof) -> Iterator[str]:
    if proof.checks:
        yield "Checks"
    for check in proof.checks:
        yield f"  {_VERDICTS[check.verdict]:<{_WIDTH}}{sentence(check.name)}"
        if check.detail:
            yield f"  {'':<{_WIDTH}}  {sentence(check.detail)}"


def _exchanges(proof: Proof) -> Iterator[str]:
    if not proof.exchanges:
        yield "Exchanges"
        yield f"  {NO_EXCHANGES}"
        return
    names = ("own role", "others", "strangers")
    wants = ("granted", "refused", "refused")
    yield f"{'Exchanges':<{_WIDTH + 2}}" + "".join(f"{name:>{_WIDTH + 1}}" for name in names)
    yield f"{'':<{_WIDTH + 2}}" + "".join(f"{want:>{_WIDTH + 1}}" for want in wants)
    for component, tally in zip(proof.components, tallies(proof), strict=True):
        counts = "".join(f"{one!s:>{_WIDTH + 1}}" for one in (tally.own, tally.others, tally.strangers))
        yield f"  {_verdict(tally):<{_WIDTH}}{counts}  {identifier(component.secret)}"


def _verdict(tally: Tally) -> str:
    if not tally.is_right:
        return "WRONG"
    return "ok" if tally.own.tried else "-"


def _wrong(proof: Proof) -> Iterator[str]:
    """What is wrong in the same way is told once: where the documents cannot be had, nothing works."""
    alike: dict[tuple[Attempt, str], list[Exchange]] = {}
    for item in proof.exchanges:
        if not item.right:
            alike.setdefault((item.attempt, f"{answer(item)}; {had_to(item)}"), []).append(item)
    if alike:
        yield "Not as it must be"
    for (_, told), items in alike.items():
        yield from (f"  {token_of(item)}" for item in items[:_SHOWN])
        if len(items) > _SHOWN:
            yield f"  and {count(len(items) - _SHOWN, 'exchange')} more of this kind, which --output json lists"
        yield f"    {told}"


def _findings(proof: Proof) -> Iterator[str]:
    if proof.findings:
        yield "Findings"
    for severity in SEVERITIES:
        for finding in proof.findings:
            if finding.severity is severity:
                yield f"  {severity.value:<{_WIDTH}}{identifier(finding.where)}: {sentence(finding.what)}"
                if finding.remedy:
                    yield f"  {'':<{_WIDTH}}  {sentence(finding.remedy)}"
