"""What an account holds of a set-up that may be between its two issuers."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names, role_calls
from ccoctl.aws.desired import Settings
from ccoctl.aws.migration import FOLDER, Found
from ccoctl.aws.observe import Scope, listed_roles, observe
from ccoctl.aws.observe_s3 import published
from ccoctl.aws.parse import role_of
from ccoctl.aws.policy import Policy
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Role


def observe_migration(asked: Reader, settings: Settings) -> Found:
    """Both issuers, every role of ours, and who else trusts one of them.

    Raises:
        CloudError: the account cannot be reached, or what must be seen is not allowed.
    """
    listed = asked.start(lambda: dict(_listed(asked)))
    # as for a private set-up: whoever may not look at distributions cannot migrate to or from one
    account = observe(asked, Scope(settings=replace(settings, private=True)))
    moved = published(asked, settings.bucket, FOLDER) if account.bucket is not None else {}
    trusts = listed.result()
    alike = [name for name in sorted(trusts) if name.startswith(names.role_prefix(settings.name))]
    answers = asked.all(_RoleQuestion(asked, name) for name in alike)
    ours = {role.name: role for role in answers if role is not None and names.is_owned(role.tags, settings.name)}
    return Found(
        account=replace(account, roles=ours),
        moved=moved,
        strangers={name: trust for name, trust in trusts.items() if name not in ours},
    )


class _RoleQuestion(msgspec.Struct, frozen=True):
    """Asks for one role; a migration has no interest in its permissions."""

    asked: Reader
    name: str

    def __call__(self) -> Role | None:
        answer = self.asked.find(role_calls.get_role(self.name))
        return role_of(answer, permissions=None, inline=None, attached=None) if answer is not None else None


def _listed(asked: Reader) -> Iterator[tuple[str, Policy]]:
    """Name and trust policy of every role in the account."""
    for entry in listed_roles(asked):
        role = role_of({"Role": entry}, permissions=None, inline=None, attached=None)
        yield role.name, role.trust
