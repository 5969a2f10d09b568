"""What IAM would refuse in a request's statements, found before anything is called.

Source: IAM API reference, PutRolePolicy (the characters of a policy document); IAM user guide, "IAM JSON policy
elements": Resource (an ARN has six parts), Condition operators, and variables and tags (in the last part alone).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ccoctl.aws.policy import permissions
from ccoctl.credentialsrequest.model import AwsStatement, CredentialsRequest
from ccoctl.engine.call import json_text
from ccoctl.errors import Problem

_BEYOND = re.compile("[^\t\n\r\x20-\xff]")
_COLONS = 5


def form_problems(requests: Iterable[CredentialsRequest]) -> tuple[Problem, ...]:
    """All of it, each with its place."""
    return tuple(problem for request in requests for problem in _of_request(request))


def _of_request(request: CredentialsRequest) -> Iterator[Problem]:
    for number, statement in enumerate(request.spec.statements):
        place = f"{request.source}: spec.providerSpec.statementEntries[{number}]"
        yield from (Problem(f"{place}.{member}", what) for member, what in _of_statement(statement))
    if found := _BEYOND.search(json_text(permissions(request.spec.statements).document)):
        what = f"its statements hold the character {found[0]!a}; IAM takes those of Latin-1 alone"
        yield Problem(f"{request.source}: spec.providerSpec", what)


def _of_statement(statement: AwsStatement) -> Iterator[tuple[str, str]]:
    resource = statement.resource
    if resource.count(":") < _COLONS and "*" not in resource:
        yield "resource", f"{resource[:60]!a} is no ARN: that has six parts with colons between them"
    if resource.partition("${")[0].count(":") < _COLONS and "${" in resource:
        yield "resource", f"{resource[:60]!a} has a policy variable elsewhere than in the last part of its ARN"
    if not statement.condition:
        return
    from ccoctl.aws.conditions import operator_problem  # which few statements need

    for operator, keys in statement.condition.items():
        for key, value in keys.items():
            if what := operator_problem(operator, value if isinstance(value, tuple) else (value,)):
                yield f"policyCondition.{operator[:60]}", f"{what} (the key {key[:60]!a})"


__all__ = ["form_problems"]
