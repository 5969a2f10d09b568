"""What an upgrade has to know of an account: the roles of a name, and the providers that they trust."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccoctl.aws import calls, names, upgrade_policy
from ccoctl.aws.observe import RoleQuestion, account_id, role_candidates
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Role
from ccoctl.errors import CloudError, ErrorKind, Problem


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds for one name."""

    name: str
    account: str
    """Its number."""
    roles: Mapping[str, Role] = msgspec.field(default_factory=dict)
    """By name: all whose names begin with ours, whoever they belong to."""
    providers: tuple[str, ...] = ()
    """ARNs of the providers that our roles trust and that are there."""
    hidden: Mapping[str, Problem] = msgspec.field(default_factory=dict)
    """By name: roles that may not be looked at, and why."""

    @property
    def ours(self) -> dict[str, Role]:
        """The roles that carry our tag."""
        return {role: found for role, found in self.roles.items() if names.is_owned(found.tags, self.name)}


def held(asked: Reader, name: str) -> Held:
    """Look at the account; the issuer's documents are not needed, since the roles say whom they trust.

    Raises:
        CloudError: the account cannot be reached, or its roles cannot be listed.
    """
    account = asked.start(lambda: account_id(asked))
    questions = {role: asked.start(RoleQuestion(asked, role)) for role in role_candidates(asked, name)}
    roles: dict[str, Role] = {}
    hidden: dict[str, Problem] = {}
    for role, question in questions.items():
        try:
            found = question.result()
        except CloudError as error:
            if error.kind is not ErrorKind.DENIED:
                raise
            hidden[role] = Problem(f"role {role}", f"whether it is ours cannot be seen: {error.what}")
        else:
            roles |= {role: found} if found is not None else {}
    here = Held(name=name, account=account.result(), roles=roles, hidden=hidden)
    named = {arn for role in here.ours.values() for arn in upgrade_policy.providers(role.trust)}
    trusted = sorted(arn for arn in named if f":iam::{here.account}:oidc-provider/" in arn)
    there = asked.all([lambda arn=arn: asked.find(calls.get_provider(arn)) for arn in trusted])  # type: ignore[misc]  # mypy infers no type for a lambda's default
    providers = tuple(arn for arn, answer in zip(trusted, there, strict=True) if answer is not None)
    return Held(name=name, account=here.account, roles=roles, hidden=hidden, providers=providers)


__all__ = ["Held", "held"]
