"""Which role serves which Secret while two releases are alive.

A role's name follows from `--name`, the Secret and, where names that are cut collide, from the other Secrets of the
release (`names.role_names`). So another release can give another name to a Secret that both ask for. What the account
holds comes first here: a Secret that has a role keeps it, and a new one gets a name that nobody else has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from ccoctl.aws import names
from ccoctl.aws.names import RoleName
from ccoctl.aws.resources import Role
from ccoctl.credentialsrequest.model import SecretRef

_DESCRIPTION = re.compile(r"OpenShift role for (?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)")
"""What both tools describe their roles as: it names the Secret in full, however the role's name is cut."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves whom."""

    chosen: Mapping[SecretRef, RoleName]
    """The role that each wanted Secret names from now on; it need not be there yet."""
    others: Mapping[SecretRef, tuple[RoleName, ...]]
    """More roles that are there for the same Secret: pods of the old release may use them."""
    dropped: tuple[RoleName, ...]
    """Roles that are there and serve none of the wanted Secrets."""


def serving(
    name: str,
    wanted: Iterable[SecretRef],
    ours: Mapping[str, Role],
    named: Mapping[SecretRef, str] | None = None,
) -> Serving:
    """Find the role of each wanted Secret among those that are there, and name the ones to come.

    Args:
        name: of the set-up.
        wanted: the Secrets of the new release.
        ours: the roles that carry our tag, by name.
        named: the role that each Secret of the running cluster names, as far as that was looked at.
    """
    secrets = tuple(dict.fromkeys(wanted))
    by_rule = names.role_names(name, secrets)
    served = {role: described(found) for role, found in ours.items()}
    claims = {
        secret: _claims(secret, served, ((named or {}).get(secret, ""), by_rule[secret], *_candidates(name, secret)))
        for secret in secrets
    }
    taken: set[str] = set()
    chosen: dict[SecretRef, RoleName] = {}
    others: dict[SecretRef, tuple[RoleName, ...]] = {}
    for secret in secrets:
        free = [role for role in claims[secret] if role not in taken]
        chosen[secret] = free[0] if free else _new(name, secret, by_rule[secret], {*served, *taken})
        others[secret] = tuple(free[1:])
        taken |= {chosen[secret], *free}
    return Serving(
        chosen=chosen,
        others={secret: more for secret, more in others.items() if more},
        dropped=tuple(RoleName(role) for role in sorted(served) if role not in taken),
    )


def described(role: Role) -> SecretRef | None:
    """The Secret that a role's description says it is for; None where it says none."""
    said = _DESCRIPTION.fullmatch(role.description)
    return SecretRef(namespace=said["namespace"], name=said["name"]) if said else None


def _claims(secret: SecretRef, served: Mapping[str, SecretRef | None], likely: Iterable[str]) -> list[RoleName]:
    """The roles of a Secret: those of a likely name, then those that say so. What says another Secret is that one's."""
    by_name = [role for role in likely if role in served and served[role] in {None, secret}]
    by_word = sorted(role for role, other in served.items() if other == secret)
    return [RoleName(role) for role in dict.fromkeys([*by_name, *by_word])]


def _candidates(name: str, secret: SecretRef) -> tuple[str, str]:
    """What the rule may call a Secret's role, whatever else a release asks for."""
    return names.role_names(name, [secret])[secret], names.suffixed_name(name, secret)


def _new(name: str, secret: SecretRef, by_rule: RoleName, used: set[str]) -> RoleName:
    """A name for a role to come. IAM does not tell names apart by case."""
    lower = {role.lower() for role in used}
    return by_rule if by_rule.lower() not in lower else RoleName(names.suffixed_name(name, secret))


__all__ = ["Serving", "described", "serving"]
