"""What moto keeps of an account's identities: the one place that looks into its IAM."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, iam_backends

from ccoctl.aws.exchange import AssumableRole, RegisteredProvider
from ccoctl.aws.partition import partitions

ACCOUNT = DEFAULT_ACCOUNT_ID
_IDENTITY = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):(?P<kind>user|role)/.+")
Document = Mapping[str, Any]


def iam(partition: str) -> IAMBackend:
    """The account's IAM in a partition."""
    backend: IAMBackend = iam_backends[ACCOUNT][partition]
    return backend


def provider(partition: str, account: str, url: str) -> RegisteredProvider | None:
    """The OIDC provider of an issuer."""
    if account != ACCOUNT or not _is_partition(partition) or not url.startswith("https://"):
        return None
    arn = f"arn:{partition}:iam::{account}:oidc-provider/{url.removeprefix('https://')}"
    found = iam(partition).open_id_providers.get(arn)
    if found is None:
        return None
    return RegisteredProvider(arn=arn, url=f"https://{found.url}", audiences=frozenset(found.client_id_list))


def role(arn: str) -> AssumableRole | None:
    """The role of an ARN."""
    found = _role(arn)
    if found is None:
        return None
    return AssumableRole(
        arn=arn,
        trust=_document(found.assume_role_policy_document),
        max_session_duration=int(found.max_session_duration or 3600),
    )


def role_id(arn: str) -> str:
    """The unique id of a role; empty where there is none."""
    found = _role(arn)
    return str(found.id) if found is not None else ""


def note_use(arn: str, unique_id: str, region: str, now: float) -> None:
    """Remember that a session of a role signed a request, as GetRole tells it (IAM user guide, RoleLastUsed).

    Args:
        arn: the role's.
        unique_id: of the role that was assumed; another one of its name was not used.
        region: that was asked.
        now: seconds since 1970.
    """
    found = _role(arn)
    if found is not None and found.id == unique_id:
        found.last_used = datetime.fromtimestamp(int(now), UTC).replace(tzinfo=None)  # moto's times know no zone
        found.last_used_region = region


def role_policies(arn: str) -> tuple[tuple[Document, ...], ...]:
    """Groups of policies, each of which must allow: the role's own, and its permissions boundary."""
    found = _role(arn)
    if found is None:
        return ((),)
    return _bounded(tuple(_policies(found)), found, arn.split(":")[1])


def managed_documents(partition: str, arns: Iterable[str]) -> tuple[Document, ...]:
    """The documents of managed policies; one that does not exist allows nothing."""
    there: dict[str, Any] = iam(partition).managed_policies
    return tuple(_managed(there[arn]) for arn in arns if arn in there)


def user_of(access_key: str) -> tuple[Any, str] | None:
    """The user that an access key belongs to, as moto keeps it, and the secret key; None where there is none."""
    for backend in tuple(iam_backends[ACCOUNT].values()):  # those of the partitions that were asked for so far
        for user in backend.users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key and key.status == "Active":
                    return user, str(key.secret_access_key)
    return None


def user_policies(user: Any) -> tuple[tuple[Document, ...], ...]:
    """Groups of policies, each of which must allow: the user's own and those of their groups, and the boundary."""
    partition = user.arn.split(":")[1]
    groups = [group for group in iam(partition).groups.values() if user in group.users]
    own = tuple(document for holder in (user, *groups) for document in _policies(holder))
    return _bounded(own, user, partition)


def _role(arn: str) -> Any:
    """By the whole ARN: a role of another path is another role."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or not _is_partition(parts[1]) or parts[4] != ACCOUNT:
        return None
    return next((item for item in tuple(iam(parts[1]).roles.values()) if item.arn == arn), None)


def _policies(holder: Any) -> Iterator[Document]:
    yield from map(_document, holder.policies.values())
    yield from map(_managed, holder.managed_policies.values())


def _managed(policy: Any) -> Document:
    """The version of a managed policy that counts."""
    versions = (item for item in policy.versions if item.version_id == policy.default_version_id)
    return next((_document(item.document) for item in versions), {})


def _bounded(own: tuple[Document, ...], holder: Any, partition: str) -> tuple[tuple[Document, ...], ...]:
    boundary = getattr(holder, "permissions_boundary_arn", None)
    return (own, managed_documents(partition, [boundary])) if boundary else (own,)


def is_nobody(arn: str) -> bool:
    """True for the ARN of a user or a role of the account that is not there."""
    found = _IDENTITY.fullmatch(arn)
    if found is None or found["account"] != ACCOUNT or not _is_partition(found["partition"]):
        return False
    if arn.endswith(":user/administrator"):
        return False
    there = iam(found["partition"])
    holders = (there.roles if found["kind"] == "role" else there.users).values()
    return all(item.arn != arn for item in holders)


def _is_partition(name: str) -> bool:
    return any(partition.id == name for partition in partitions())


def _document(text: str) -> Document:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
