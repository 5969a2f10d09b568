"""Where a migration stands, in words and as data."""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from ccoctl.aws.migration import Side
from ccoctl.aws.migration_standing import Phase, State
from ccoctl.workflows.aws_migrate import Looked
from ccoctl.workflows.aws_verify import AUTHENTICATION


def standing_text(looked: Looked) -> str:
    """From where to where, phase by phase, and what comes next."""
    stands = looked.standing
    if stands.is_over:
        return "\n".join([f"issuer:  {stands.to_issuer}", *next_lines(looked)])
    lines = [
        f"from:  {stands.from_issuer}",
        f"to:    {stands.to_issuer}",
        *(f"  {phase.state.value:8} {phase.name:11} {phase.detail}" for phase in stands.phases),
    ]
    if stands.safe_at:
        lines.append(f"No token of the old issuer is alive after {stands.safe_at}.")
    return "\n".join([*lines, *next_lines(looked)])


def standing_json(looked: Looked) -> dict[str, Any]:
    """The same as data."""
    stands = looked.standing
    return {
        "target": stands.target.value,
        "from_issuer": stands.from_issuer,
        "issuer": stands.to_issuer,
        "phases": [{**structs.asdict(phase), "state": phase.state.value} for phase in stands.phases],
        "safe_to_finish_at": stands.safe_at or None,
        "safe_to_finish": stands.is_safe,
        "over": stands.is_over,
        "next": next_lines(looked),
        "notes": list(looked.notes),
    }


def next_lines(looked: Looked) -> list[str]:
    """What to do next, with what to paste."""
    stands = looked.standing
    if stands.is_over:
        return [f"It is over: the set-up is {stands.target.value}, and nothing of the other issuer is left."]
    if not looked.situation.trusting(stands.target.other) and looked.situation.is_settled(stands.target):
        return [f"Next: run {_command(looked)} again; it does what is left to do."]
    if any(phase.state is not State.DONE for phase in stands.phases[:3]):
        return [f"Next: run {_command(looked)}."]
    if stands.is_safe:
        return [f"Next: run {_command(looked, '--finish')}; it takes the old issuer away."]
    if _phase(looked, "cluster").state is State.DONE:
        when = f" after {stands.safe_at}" if stands.safe_at else ""
        finish = _command(looked, "--finish")
        return [f"Next: run {finish}{when}; until then both issuers are served and trusted."]
    return _switching(looked)


def _switching(looked: Looked) -> list[str]:
    """How the cluster is switched by hand, and what comes after it."""
    stands, order = looked.standing, looked.checked.order
    manifest = order.base.output_dir / AUTHENTICATION
    lines = [
        "Next: let the cluster sign for the new issuer. Run the command again with --kubeconfig, or:",
        f"  oc patch authentication.config.openshift.io cluster --type=merge -p '{_patch(stands.to_issuer)}'",
        "  oc adm wait-for-stable-cluster --minimum-stable-period=5m",
        f"(The same as a manifest: {manifest}. API servers outside of OpenShift take",
        f"--service-account-issuer={stands.to_issuer} before the flag of that name that they have.)",
        "Then, 24 hours after the last API server was restarted:",
        f"  {_command(looked, '--finish', '--unused-since', 'TIME-OF-THAT-RESTART')}",
    ]
    if order.rollback:
        never = _command(looked, "--finish", "--unused-since", "never-used")
        lines.append(f"If no API server has ever signed for {stands.from_issuer}, at once: {never}")
    return lines


def _phase(looked: Looked, name: str) -> Phase:
    return next(phase for phase in looked.standing.phases if phase.name == name)


def _patch(issuer: str) -> str:
    return json.dumps({"spec": {"serviceAccountIssuer": issuer}}, separators=(",", ":"))


def _command(looked: Looked, *more: str) -> str:
    order = looked.checked.order
    back = ["--rollback"] if order.rollback else []
    return f"`{' '.join(['ccoctl aws', command_to(order.to), *back, *more])}`"


def command_to(side: Side) -> str:
    """The name of the command that leads to a side."""
    return f"migrate-to-{side.value}-bucket"
