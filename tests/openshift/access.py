"""Who may do what on the API server's double: RBAC's rules, and the words of its refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.openshift.http import Asked
from tests.openshift.objects import Kind, Refused

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
Rule = Mapping[str, Any]
"""As in a ClusterRole."""


@dataclass(frozen=True)
class User:
    """Whom a bearer token stands for."""

    name: str
    is_administrator: bool = False
    rules: Sequence[Rule] = ()
    """Of ClusterRoles that are bound in the whole cluster."""
    in_namespaces: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    """Of Roles."""


ADMINISTRATOR = User("system:admin", is_administrator=True)
ANONYMOUS = User("system:anonymous")


class Wanted(NamedTuple):
    """What a request needs to be allowed."""

    verb: str
    group: str
    resource: str
    """With the subresource."""
    namespace: str
    name: str

    @classmethod
    def of(cls, asked: Asked, kind: Kind, namespace: str, name: str, sub: str) -> Wanted:
        verb = "list" if asked.method == "GET" and not name else _VERBS[asked.method]
        return cls(verb, kind.group, f"{kind.plural}/{sub}" if sub else kind.plural, namespace, name)

    @classmethod
    def reviewed(cls, said: Mapping[str, str]) -> Wanted:
        resource = "/".join(part for part in (said["resource"], said.get("subresource", "")) if part)
        return cls(said["verb"], said.get("group", ""), resource, said.get("namespace", ""), said.get("name", ""))


def user_of(asked: Asked, users: Mapping[str, User]) -> User:
    if not asked.bearer:
        return ANONYMOUS
    if asked.bearer not in users:
        raise Refused(401, "Unauthorized", "Unauthorized")
    return users[asked.bearer]


def is_review(path: str) -> bool:
    return path == _REVIEW


def check_path(user: User, path: str, *, forbidden: bool) -> None:
    """Documents that are no resources; this build answers anonymous callers the discovery document."""
    granted = any(path in rule.get("nonResourceURLs", ()) and "get" in rule["verbs"] for rule in user.rules)
    open_to_all = path == "/version" or (path == "/.well-known/openid-configuration" and user is ANONYMOUS)
    if forbidden or not (user.is_administrator or granted or open_to_all):
        raise Refused(403, "Forbidden", f'forbidden: User "{user.name}" cannot get path "{path}"', {})


def check(user: User, wanted: Wanted, *, forbidden: bool) -> None:
    if not forbidden and allowed(user, wanted):
        return
    plural = wanted.resource.partition("/")[0]
    qualified = f"{plural}.{wanted.group}" if wanted.group else plural
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    name = f' "{wanted.name}"' if wanted.name else ""
    message = (
        f'{qualified}{name} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" '
        f'in API group "{wanted.group}" {place}'
    )
    group = {"group": wanted.group} if wanted.group else {}
    named = {"name": wanted.name} if wanted.name else {}
    raise Refused(403, "Forbidden", message, {**named, **group, "kind": plural})


def allowed(user: User, wanted: Wanted) -> bool:
    if user.is_administrator:
        return True
    rules = [*user.rules, *user.in_namespaces.get(wanted.namespace, ())]
    return any(_grants(rule, wanted) for rule in rules)


def _grants(rule: Rule, wanted: Wanted) -> bool:
    names = rule.get("resourceNames", ())
    return (
        wanted.verb in rule["verbs"]
        and wanted.group in rule.get("apiGroups", ())
        and wanted.resource in rule.get("resources", ())
        and (not names or wanted.name in names)
    )
