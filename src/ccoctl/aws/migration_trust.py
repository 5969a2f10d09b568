"""Trust policies that name two issuers: the same statements for each, and nothing else of a policy changes.

Source: IAM user guide, "Available keys for AWS OIDC federation": condition keys begin with the issuer's host and path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccoctl.aws import policy
from ccoctl.aws.desired import Trusted
from ccoctl.aws.policy import Policy
from ccoctl.engine.call import Output, Value, resolve, text

_USUAL_HOST = "d0123456789abc.cloudfront.net"
"""Measured with, where a distribution has no name yet."""


def trusts(trust: Policy, arn: str) -> bool:
    """True when a policy has a statement for a provider."""
    return any(arn in _federated(entry) for entry in _statements(trust))


def also(trust: Policy, there: Trusted, new: Trusted) -> Policy:
    """The policy with each statement about one issuer once more for another; as it is where it knows that already."""
    if isinstance(new.arn, str) and trusts(trust, new.arn):
        return trust
    entries = _statements(trust)
    more = [_translated(entry, there, new) for entry in entries if str(there.arn) in _federated(entry)]
    return Policy({**trust.document, "Statement": [*entries, *more]})


def without(trust: Policy, arn: str) -> Policy:
    """The policy without an issuer."""
    entries = _statements(trust)
    if not any(arn in _federated(entry) for entry in entries):
        return trust
    kept = [left for entry in entries if (left := _less(entry, arn)) is not None]
    return Policy({**trust.document, "Statement": kept})


def size(trust: Policy) -> int:
    """Characters that count against IAM's quota, with a distribution's usual name where it is not known yet."""

    def usual(_: Output) -> str:
        return _USUAL_HOST

    return policy.size(resolve(trust.document, usual))


def _statements(trust: Policy) -> list[Mapping[str, Any]]:
    found = trust.document.get("Statement")
    listed = found if isinstance(found, list | tuple) else [found]
    return [entry for entry in listed if isinstance(entry, Mapping)]


def _federated(entry: Mapping[str, Any]) -> list[str]:
    principal = entry.get("Principal")
    named = principal.get("Federated") if isinstance(principal, Mapping) else None
    return [str(item) for item in (named if isinstance(named, list | tuple) else [named])]


def _translated(entry: Mapping[str, Any], there: Trusted, new: Trusted) -> dict[str, Value]:
    """A statement about one issuer as one about another: its principal, and the keys of its conditions."""
    translated: dict[str, Value] = {**entry, "Principal": {"Federated": new.arn}}
    translated.pop("Sid", None)
    conditions = entry.get("Condition")
    if isinstance(conditions, Mapping):
        translated["Condition"] = {
            operator: {_key(str(key), there, new): value for key, value in keys.items()}
            if isinstance(keys, Mapping)
            else keys
            for operator, keys in conditions.items()
        }
    return translated


def _key(key: str, there: Trusted, new: Trusted) -> Any:
    host = f"{there.host}:"
    return text(new.host, ":" + key[len(host) :]) if key.lower().startswith(host.lower()) else key


def _less(entry: Mapping[str, Any], arn: str) -> Mapping[str, Any] | None:
    left = [item for item in _federated(entry) if item != arn]
    if len(left) == len(_federated(entry)):
        return entry
    return {**entry, "Principal": {**entry["Principal"], "Federated": left}} if left else None


__all__ = ["also", "size", "trusts", "without"]
