"""What the requests of one release ask for that those of another do not, request by request.

A request is known by its Secret: that is what its component reads, whatever the request itself is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeAlias

import msgspec

from ccoctl.credentialsrequest.model import AwsStatement, CredentialsRequest, PolicyCondition, Reason, SecretRef
from ccoctl.credentialsrequest.select import Selected


class Change(Enum):
    """What became of a request."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Texts that are there only afterwards, and those that were there only before; both sorted."""

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost)


class Grant(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Actions with one effect, on one resource, under one condition."""

    effect: str
    resource: str
    condition: str = ""
    """As JSON with sorted keys; empty without one."""
    actions: tuple[str, ...]


class RequestDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One request that differs. Of an added one everything is gained, of a removed one everything is lost."""

    secret: SecretRef
    name: str
    """The request's own name; where that changed, the later one."""
    change: Change
    gained: tuple[Grant, ...]
    """What may be done only afterwards, or for Deny: what is refused only afterwards."""
    lost: tuple[Grant, ...]
    actions: Moved
    """Actions that no statement named before, or none names any more."""
    resources: Moved
    conditions: Moved
    service_accounts: Moved
    settings: Mapping[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """What else changed, the token's path and the request's name: before and after."""


class ReleaseDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases compared."""

    before: str
    """As the user named it."""
    after: str
    requests: tuple[RequestDiff, ...]
    """Those that differ, in the order of their Secrets."""
    unchanged: tuple[SecretRef, ...]
    deleted: tuple[str, ...]
    """Names of requests that the later release marks for deletion: the cluster removes them."""

    @property
    def differs(self) -> bool:
        """True when any request does."""
        return bool(self.requests)


def diff(before: Selected, after: Selected, *, names: tuple[str, str]) -> ReleaseDiff:
    """Compare the requests that apply; `names` is what the two are called."""
    old = {request.secret: request for request in before.requests}
    new = {request.secret: request for request in after.requests}
    latest = {**old, **new}
    compared = {
        secret: _compared(latest[secret], old.get(secret), new.get(secret)) for secret in sorted(latest, key=str)
    }
    return ReleaseDiff(
        before=names[0],
        after=names[1],
        requests=tuple(found for found in compared.values() if found is not None),
        unchanged=tuple(secret for secret, found in compared.items() if found is None),
        deleted=tuple(sorted({one.name for one in after.skipped if one.reason is Reason.DELETED})),
    )


def _compared(
    latest: CredentialsRequest, old: CredentialsRequest | None, new: CredentialsRequest | None
) -> RequestDiff | None:
    """How two requests for one Secret differ, either of them the latest; None where they ask for the same."""
    before, after = (_entries(request.spec.statements if request else ()) for request in (old, new))
    changed = RequestDiff(
        secret=latest.secret,
        name=latest.name,
        change=Change.CHANGED if old and new else Change.ADDED if new else Change.REMOVED,
        gained=_grants({key: text for key, text in after.items() if key not in before}),
        lost=_grants({key: text for key, text in before.items() if key not in after}),
        actions=_moved((text for text in before.values()), (text for text in after.values()), fold=True),
        resources=_moved((key[1] for key in before), (key[1] for key in after)),
        conditions=_moved((key[2] for key in before), (key[2] for key in after)),
        service_accounts=_moved(old.service_accounts if old else (), new.service_accounts if new else ()),
        settings=_settings(old, new) if old and new else {},
    )
    same = not (changed.gained or changed.lost or changed.service_accounts or changed.settings)
    return None if same and old and new else changed


_Entry: TypeAlias = tuple[str, str, str, str]
"""Effect, resource, condition and action, the action in lower case: IAM does not tell its cases apart."""


def _entries(statements: Iterable[AwsStatement]) -> dict[_Entry, str]:
    """Every single thing that is said, with the action as it is written."""
    return {
        (statement.effect, statement.resource, _condition(statement.condition), action.lower()): action
        for statement in statements
        for action in statement.actions
    }


def _condition(condition: PolicyCondition) -> str:
    """One value and a list of it say the same, and so do two orders of a list."""
    if not condition:
        return ""
    plain = {
        operator: {
            key: sorted(value, key=str) if isinstance(value, tuple) and len(value) > 1 else _single(value)
            for key, value in keys.items()
        }
        for operator, keys in condition.items()
    }
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def _single(value: object) -> object:
    return value[0] if isinstance(value, tuple) and value else value


def _grants(entries: Mapping[_Entry, str]) -> tuple[Grant, ...]:
    """Entries with the same effect, resource and condition as one."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for (effect, resource, condition, _), action in entries.items():
        grouped.setdefault((effect, resource, condition), []).append(action)
    return tuple(
        sorted(
            Grant(effect=effect, resource=resource, condition=condition, actions=tuple(sorted(actions)))
            for (effect, resource, condition), actions in grouped.items()
        )
    )


def _moved(before: Iterable[str], after: Iterable[str], *, fold: bool = False) -> Moved:
    """What is only in one of them; with `fold` case does not count. An empty text is nothing."""
    old, new = ({(text.lower() if fold else text): text for text in texts if text} for texts in (before, after))
    return Moved(
        gained=tuple(sorted(new[key] for key in new.keys() - old.keys())),
        lost=tuple(sorted(old[key] for key in old.keys() - new.keys())),
    )


def _settings(old: CredentialsRequest, new: CredentialsRequest) -> dict[str, tuple[str, str]]:
    said = {"token path": (old.token_path, new.token_path), "request": (old.name, new.name)}
    return {what: pair for what, pair in said.items() if pair[0] != pair[1]}


__all__ = ["Change", "Grant", "Moved", "ReleaseDiff", "RequestDiff", "diff"]
