"""The look at a migration's end: what somebody else made meanwhile is not left behind."""

from __future__ import annotations

from ccoctl.aws.migration import Side, Situation
from ccoctl.engine.attempt import Attempts, Tell
from ccoctl.engine.call import with_placeholders
from ccoctl.errors import Problem, Problems
from ccoctl.workflows.aws_migrate import At, Looked, Prepared, Stage, look
from ccoctl.workflows.look_again import look_again


def look_at_the_end(
    prepared: Prepared,
    at: At,
    *,
    concurrency: int = 10,
    tell: Tell | None = None,
    attempts: Attempts | None = None,
) -> Looked:
    """Where it stands after a run that did all of its plan.

    Raises:
        Problems: somebody else made or changed roles meanwhile, and the cluster would lose them with the old issuer.
        CloudError: as `look`.
    """
    checked = prepared.looked.checked

    def behind(looked: Looked) -> tuple[Problem, ...]:
        return _left_behind(looked.situation) if prepared.stage is Stage.PREPARE else ()

    looked = look_again(
        lambda: look(checked, at, concurrency=concurrency, tell=tell), lambda seen: not behind(seen), attempts
    )
    if problems := behind(looked):
        what = "Somebody else made or changed roles meanwhile"
        raise Problems(problems, what=what, remedy="Run the same command again, before anything else.")
    return looked


def _left_behind(situation: Situation) -> tuple[Problem, ...]:
    """The roles that do not trust both issuers."""
    return tuple(
        Problem(f"role {name}", f"it does not trust {with_placeholders(situation.issuer(side).url)}")
        for name in sorted(situation.found.account.roles)
        for side in Side
        if name not in situation.trusting(side)
    )


__all__ = ["look_at_the_end"]
