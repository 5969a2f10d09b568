"""The components of a proof: who may assume which role, and what the role may do as it is found."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.federation.proof import Component, Permission


def component(request: CredentialsRequest, name: str, role: Role | None) -> Component:
    """What a request gets; `role` is None where there is no role of that name."""
    return Component(
        secret=str(request.secret),
        role=name,
        role_arn=str(role.arn) if role is not None else "",
        service_accounts=tuple(f"{request.secret.namespace}/{account}" for account in request.service_accounts),
        permissions=_permissions(role.permissions.document) if role and isinstance(role.permissions, Policy) else (),
    )


def _permissions(document: Mapping[str, object]) -> tuple[Permission, ...]:
    listed = document.get("Statement", [])
    return tuple(
        _permission(statement)
        for statement in (listed if isinstance(listed, list | tuple) else [listed])
        if isinstance(statement, Mapping)
    )


def _permission(statement: Mapping[str, object]) -> Permission:
    condition = statement.get("Condition")
    return Permission(
        effect=str(statement.get("Effect", "")),
        actions=_but("Action", statement),
        resource=", ".join(_but("Resource", statement)),
        condition=json.dumps(condition, ensure_ascii=False, default=str) if condition else "",
    )


def _but(name: str, statement: Mapping[str, object]) -> tuple[str, ...]:
    """The values of an element, or of the one that says what is not meant."""
    if f"Not{name}" in statement:
        return tuple(f"all but {text}" for text in _texts(statement[f"Not{name}"]))
    return _texts(statement.get(name, []))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in (value if isinstance(value, list | tuple) else [value]))
