"""What there is of a name in an account besides what is wanted: roles with our tag, and further policies of roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from ccoctl.aws import names, role_calls
from ccoctl.aws.observe import role_candidates
from ccoctl.aws.parse import permissions_of, role_of
from ccoctl.aws.policy import Policy
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Further, Role, Unwanted
from ccoctl.engine.diff import Unseen
from ccoctl.errors import CloudError, ErrorKind


def unwanted_roles(asked: Reader, name: str, wanted: Collection[str]) -> Unwanted:
    """The roles that carry our tag and are not wanted: one list, and a look at what in it has a name like ours.

    Raises:
        CloudError: the account cannot be reached.
    """
    try:
        others = [role for role in role_candidates(asked, name) if role not in wanted]
    except CloudError as error:
        if error.kind is not ErrorKind.DENIED:
            raise
        return Unwanted(unlisted=Unseen(", ".join(error.actions) or "iam:ListRoles"))
    if not others:
        return Unwanted()
    answers = asked.together(*(partial(asked.see, role_calls.get_role(role)) for role in others))
    found = [
        role_of(answer, permissions=None, inline=None, attached=None)
        for answer in answers
        if isinstance(answer, Mapping)
    ]
    return Unwanted(
        roles=tuple(role for role in found if names.is_owned(role.tags, name)),
        hidden={role: answer for role, answer in zip(others, answers, strict=True) if isinstance(answer, Unseen)},
    )


def further_policies(asked: Reader, roles: Iterable[Role]) -> dict[str, Further]:
    """By the role's name: what its further inline policies allow. A set-up as it was made has none, and costs no call.

    Raises:
        CloudError: the account cannot be reached.
    """
    named = [
        (role.name, policy)
        for role in roles
        for policy in (role.inline_policies if isinstance(role.inline_policies, tuple) else ())
        if policy != role.name
    ]
    answers = asked.all(partial(asked.see, role_calls.get_role_policy(*which)) for which in named)
    found: dict[str, dict[str, Policy | Unseen | None]] = {}
    for (role, policy), answer in zip(named, answers, strict=True):
        found.setdefault(role, {})[policy] = permissions_of(answer)
    return dict(found)


__all__ = ["further_policies", "unwanted_roles"]
