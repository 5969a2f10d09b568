"""The AWSProviderSpec of a request, checked as far as IAM would check its policy's form."""

from __future__ import annotations

import math
import re

from ccoctl.credentialsrequest.cursor import Cursor, shortened
from ccoctl.credentialsrequest.model import AwsProviderSpec, AwsStatement, ConditionValue, PolicyCondition

API_VERSION = "cloudcredential.openshift.io/v1"
KIND = "AWSProviderSpec"

_PROVIDER_SPEC = ("apiVersion", "kind", "metadata", "statementEntries", "stsIAMRoleARN")
_STATEMENT = ("effect", "action", "resource", "policyCondition")
_EFFECTS = ("Allow", "Deny")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:[^\s\x00-\x1f\x7f]+")


def provider_spec(cursor: Cursor) -> AwsProviderSpec:
    """What the provider spec asks for; what is wrong goes to the cursor's problems."""
    members = cursor.members(known=_PROVIDER_SPEC, required=("apiVersion", "statementEntries"))
    if "apiVersion" in members and (version := members["apiVersion"].text()) != API_VERSION:
        members["apiVersion"].complain(f"must be {API_VERSION}, not {shortened(version)!r}")
    if "stsIAMRoleARN" in members:
        members["stsIAMRoleARN"].text()
    if "statementEntries" not in members:
        return AwsProviderSpec(statements=())
    entries = members["statementEntries"]
    _refuse_empty(entries)
    return AwsProviderSpec(statements=tuple(map(_statement, entries.items())))


def _statement(cursor: Cursor) -> AwsStatement:
    members = cursor.members(known=_STATEMENT, required=("effect", "action", "resource"))
    return AwsStatement(
        effect=_effect(members["effect"]) if "effect" in members else "",
        actions=_actions(members["action"]) if "action" in members else (),
        resource=_resource(members["resource"]) if "resource" in members else "",
        condition=_condition(members["policyCondition"]) if "policyCondition" in members else {},
    )


def _effect(cursor: Cursor) -> str:
    if (effect := cursor.text()) not in _EFFECTS and isinstance(cursor.value.data, str):
        cursor.complain(f"must be Allow or Deny, not {shortened(effect)!r}")
    return effect


def _actions(cursor: Cursor) -> tuple[str, ...]:
    _refuse_empty(cursor)
    return tuple(map(_action, cursor.items()))


def _action(cursor: Cursor) -> str:
    action = cursor.text()
    if isinstance(cursor.value.data, str) and not _ACTION.fullmatch(action):
        cursor.complain(f"{shortened(action)!r} is no action: write service:Action, such as s3:GetObject, or *")
    return action


def _resource(cursor: Cursor) -> str:
    resource = cursor.text()
    if isinstance(cursor.value.data, str) and not _RESOURCE.fullmatch(resource):
        cursor.complain(f"{shortened(resource)!r} is no resource: write an ARN or *")
    return resource


def _condition(cursor: Cursor) -> PolicyCondition:
    return {
        operator: {key: _values(value) for key, value in keys.members().items()}
        for operator, keys in cursor.members().items()
    }


def _values(cursor: Cursor) -> ConditionValue:
    if isinstance(cursor.value.data, tuple):
        _refuse_empty(cursor)
        return tuple(map(_value, cursor.items()))
    return _value(cursor)


def _value(cursor: Cursor) -> str | bool | int | float:
    match cursor.value.data:
        case float() as number if not math.isfinite(number):
            cursor.complain("JSON, and so an IAM policy, cannot hold this number")
        case str() | bool() | int() | float() as value:
            return value
        case _:
            cursor.complain(f"must be a string, a boolean, a number or a list of these, not {cursor.noun}")
    return ""


def _refuse_empty(cursor: Cursor) -> None:
    if cursor.value.data == ():
        cursor.complain("must not be empty")
