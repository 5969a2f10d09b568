"""What became of a plan, as text: root causes first, then what was not done because of them."""

from __future__ import annotations

from typing import Any

from ccoctl.engine.plan import Outcome, Result, State
from ccoctl.errors import ApplyError, CcoctlError, CloudError, InterruptedRunError


def failure(result: Result) -> ApplyError:
    """The error of a run that did not do everything: every root cause, and what was done and what was not."""
    failed, skipped = result.of(State.FAILED), result.of(State.SKIPPED)
    done = result.of(State.DONE)
    lines = [f"failed to {outcome.step.summary}: {told(outcome)}" for outcome in failed]
    if result.interrupted:
        lines.append("the run was stopped")
    lines.append(f"{len(done)} of {len(result.outcomes)} steps were done")
    lines += [f"  done: {outcome.step.summary}" for outcome in done]
    causes = {outcome.step.id: f" (because of: {outcome.step.summary})" for outcome in failed}
    lines += [f"  not done: {outcome.step.summary}{causes.get(outcome.because, '')}" for outcome in skipped]
    first = "Mend the cause and run" if failed else "Run"
    error = ApplyError("\n".join(lines), remedy=f"{first} the command again: it does what is left.")
    error.exit_code = InterruptedRunError.exit_code if result.interrupted else ApplyError.exit_code
    return error


def told(outcome: Outcome) -> str:
    """The error of a failed step; one that is not ours to word is a bug, and said to be."""
    error = outcome.error
    return str(error) if isinstance(error, CcoctlError) else f"this is a bug of ccoctl, {type(error).__name__}: {error}"


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
        entry["error"] = _error_json(outcome)
    if outcome.because:
        entry["because"] = outcome.because
    return entry


def _error_json(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    if not isinstance(error, CcoctlError):
        return {"what": told(outcome)}
    entry: dict[str, Any] = {"what": error.what, "remedy": error.remedy}
    if error.where:
        entry["where"] = error.where
    if isinstance(error, CloudError):
        entry |= {"kind": error.kind.value, "code": error.code, "operation": error.operation}
        entry |= {"missing_actions": list(error.actions)}
    return entry
