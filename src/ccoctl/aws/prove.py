"""Hand real tokens to STS for roles, several at a time, and compare what it answers with what it must."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ccoctl.aws.sts import Sts
from ccoctl.aws.trials import Trial
from ccoctl.engine.pool import pool
from ccoctl.errors import CcoctlError, CloudError
from ccoctl.federation.proof import Attempt, Exchange
from ccoctl.federation.specimens import Tokens

_VERDICTS = {
    Attempt.OWN_ROLE: frozenset({"AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"}),
    Attempt.OTHER_ROLE: frozenset({"AccessDenied"}),
    Attempt.OTHER_NAMESPACE: frozenset({"AccessDenied"}),
    Attempt.OTHER_KEY: frozenset({"InvalidIdentityToken"}),
    Attempt.EXPIRED: frozenset({"ExpiredTokenException"}),
    Attempt.OTHER_AUDIENCE: frozenset({"InvalidIdentityToken", "AccessDenied"}),
}
"""The refusals that are about the token; any other one proves nothing of it."""

Done = Callable[[Exchange], None]


def prove(trials: Iterable[Trial], tokens: Tokens, sts: Sts, *, concurrency: int, done: Done) -> tuple[Exchange, ...]:
    """What became of each trial, in their order; `done` hears of them as they end, from several threads."""

    def tried(trial: Trial) -> Exchange:
        exchange = _exchange(trial, tokens, sts)
        done(exchange)
        return exchange

    with pool(concurrency, "prove") as threads:
        futures = [threads.submit(tried, trial) for trial in trials]
        try:
            return tuple(future.result() for future in futures)
        except BaseException:
            sts.stop()
            raise


def _exchange(trial: Trial, tokens: Tokens, sts: Sts) -> Exchange:
    if not trial.role_arn:
        return _ended(trial, answered=False, message="there is no such role")
    try:
        token = tokens.token(trial.service_account, trial.attempt)
    except CcoctlError as error:
        return _ended(trial, answered=False, message=f"there is no token: {error.what}")
    try:
        credentials = sts.assume(trial.role_arn, token, expected=trial.wanted)
    except CloudError as error:
        is_verdict = error.code in _VERDICTS[trial.attempt]
        return _ended(trial, answered=is_verdict, code=error.code, message=_message(error))
    try:
        identity = sts.identity(credentials)
    except CloudError as error:
        # whoever must get nothing and got credentials has had the cloud's verdict, whatever they are good for
        is_verdict = not trial.wanted
        return _ended(trial, granted=True, answered=is_verdict, code=error.code, message=_message(error))
    return _ended(trial, granted=True, identity=identity, mistaken=_role_of(identity) != _role_of(trial.role_arn))


def _ended(trial: Trial, **answer: Any) -> Exchange:
    given: dict[str, Any] = {"granted": False, **answer}
    return Exchange(
        attempt=trial.attempt, service_account=trial.service_account, role=trial.role, wanted=trial.wanted, **given
    )


def _message(error: CloudError) -> str:
    """What AWS said, without the call and the code before it."""
    return error.what.removeprefix(f"{error.operation} failed: ").removeprefix(f"{error.code}: ")


def _role_of(arn: str) -> tuple[str, str]:
    """Account and name of a role, from its own ARN or from a session's (STS API reference, AssumedRoleUser)."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return "", ""
    kind, _, rest = parts[5].partition("/")
    name = rest.partition("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]
    return parts[4], name
