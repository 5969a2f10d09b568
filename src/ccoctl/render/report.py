"""What became of a plan, as text: root causes first, then what was not done because of them."""

from __future__ import annotations

from typing import Any

from ccoctl.engine.plan import Outcome, Result, State
from ccoctl.errors import ApplyError, CcoctlError, InterruptedRunError


def failure(result: Result) -> ApplyError:
    """The error of a run that did not do everything: every root cause, and what was done and what was not."""
    failed, skipped = result.of(State.FAILED), result.of(State.SKIPPED)
    done = result.of(State.DONE)
    lines = [_cause(outcome) for outcome in failed]
    if result.interrupted:
        lines.append("the run was stopped")
    lines.append(f"{len(done)} of {len(result.outcomes)} steps were done")
    lines += [f"  done: {outcome.step.summary}" for outcome in done]
    lines += [f"  not done: {outcome.step.summary}{_because(outcome)}" for outcome in skipped]
    first = "Mend the cause and run" if failed else "Run"
    error = ApplyError("\n".join(lines), remedy=f"{first} the command again: it does what is left.")
    error.exit_code = InterruptedRunError.exit_code if result.interrupted else ApplyError.exit_code
    return error


def _cause(outcome: Outcome) -> str:
    return f"failed to {outcome.step.summary}: {outcome.error}"


def _because(outcome: Outcome) -> str:
    return f" (it needs {outcome.because})" if outcome.because else ""


def outcomes_json(result: Result) -> list[dict[str, Any]]:
    """One entry for each step: what it was and what became of it."""
    return [_outcome_json(outcome) for outcome in result.outcomes]


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": outcome.step.id,
        "resource": {"kind": outcome.step.address.kind, "name": outcome.step.address.name},
        "action": outcome.step.action.value,
        "state": outcome.state.value,
    }
    if outcome.error is not None:
        error = outcome.error
        entry["error"] = {"what": error.what, "remedy": error.remedy} if isinstance(error, CcoctlError) else str(error)
    if outcome.because:
        entry["because"] = outcome.because
    return entry
