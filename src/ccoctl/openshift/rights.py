"""The rights that Calls take, as the roles of RBAC: derived from the calls, never listed by hand.

Source: Kubernetes, "Using RBAC Authorization". `create` cannot be bound to a name, and applying an object that is not
there takes it beside `patch`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from ccoctl.engine.call import Call
from ccoctl.openshift.operations import OPERATIONS

ANY = "*"
"""In a call: whichever namespace or name there is."""


class Right(msgspec.Struct, frozen=True, order=True):
    """One verb on one thing; texts that do not apply are empty."""

    namespace: str
    """Where; empty for the whole cluster."""
    group: str
    resource: str
    """With its subresource."""
    verb: str
    name: str
    path: str
    """Of what is no resource."""


def rights_of(call: Call) -> tuple[Right, ...]:
    """What a call takes; none where everybody may do it."""
    operation = OPERATIONS[call.operation]
    if operation.for_everybody:
        return ()
    if operation.path:
        return (Right("", "", "", operation.verb, "", operation.path),)
    resource = "/".join(part for part in (operation.resource, operation.subresource) if part)
    namespace = _one(call.parameters["Namespace"]) if operation.namespaced else ""
    name = operation.name or _one(call.parameters.get("Name", ""))
    right = Right(namespace, operation.group, resource, operation.verb, name, "")
    if call.operation != "ApplySecret":
        return (right,)
    return right, Right(namespace, operation.group, resource, "create", "", "")


def _one(name: object) -> str:
    return "" if name == ANY else str(name)


def roles(name: str, calls: Iterable[Call]) -> tuple[dict[str, Any], ...]:
    """A ClusterRole for what is of the whole cluster, and a Role for each namespace, as documents.

    A namespace or name of `ANY` in a call is whichever there is, and goes into the ClusterRole.
    """
    rights = {right for call in calls for right in rights_of(call)}
    by_place: dict[str, list[Right]] = {}
    for right in sorted(right for right in rights if not _is_covered(right, rights)):
        by_place.setdefault(right.namespace, []).append(right)
    return tuple(_role(name, namespace, held) for namespace, held in by_place.items())


def _is_covered(right: Right, rights: Iterable[Right]) -> bool:
    """True when the same is allowed everywhere and under any name."""
    wide = replace(right, namespace="", name="")
    return wide != right and not right.path and wide in rights


def _role(name: str, namespace: str, rights: list[Right]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    kind = "Role" if namespace else "ClusterRole"
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": _rules(rights),
    }


def _rules(rights: list[Right]) -> list[dict[str, Any]]:
    """Verbs on the same things in one rule, and names with the same verbs, too."""
    verbs: dict[tuple[str, str, str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource, right.name, right.path), []).append(right.verb)
    names: dict[tuple[str, str, tuple[str, ...], bool], list[str]] = {}
    paths: dict[tuple[str, ...], list[str]] = {}
    for (group, resource, name, path), said in verbs.items():
        if path:
            paths.setdefault(tuple(said), []).append(path)
        else:
            names.setdefault((group, resource, tuple(said), bool(name)), []).append(name)
    rules: list[dict[str, Any]] = []
    for (group, resource, said_verbs, is_named), listed in names.items():
        rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": list(said_verbs)}
        rules.append({**rule, "resourceNames": listed} if is_named else rule)
    rules += [{"nonResourceURLs": listed, "verbs": list(said_verbs)} for said_verbs, listed in paths.items()]
    return rules
