"""The requests to IAM that are about roles, as Calls."""

from __future__ import annotations

from msgspec.structs import replace

from ccoctl.aws.calls import GONE, tag_list
from ccoctl.aws.names import Tags
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.engine.call import Call, Unchanged, Value, Written

_FRESH = frozenset({"NoSuchEntity", "ConcurrentModification"})
_PAGE = 1000
"""Entries; the most that IAM answers in a page."""


def _iam(operation: str, **parameters: Value) -> Call:
    return Call(service="iam", operation=operation, parameters=parameters)


def list_roles(marker: str = "") -> Call:
    """A page of the account's roles; it says neither tags nor boundary."""
    return _iam("ListRoles", MaxItems=_PAGE, **({"Marker": marker} if marker else {}))


def get_role(name: str) -> Call:
    """A role with its trust policy, tags and boundary."""
    return _iam("GetRole", RoleName=name)


def get_role_policy(name: str, policy: str) -> Call:
    """An inline policy of a role."""
    return _iam("GetRolePolicy", RoleName=name, PolicyName=policy)


def list_role_policies(name: str) -> Call:
    """The names of a role's inline policies."""
    return _iam("ListRolePolicies", RoleName=name)


def list_attached_role_policies(name: str) -> Call:
    """The managed policies attached to a role."""
    return _iam("ListAttachedRolePolicies", RoleName=name)


def create_role(role: Role) -> Call:
    """A role that is tagged from its first moment."""
    parameters: dict[str, Value] = {
        "AssumeRolePolicyDocument": role.trust.text,
        "Description": role.description,
        "RoleName": role.name,
        "Tags": tag_list(role.tags),
    }
    if isinstance(role.boundary, str) and role.boundary:
        parameters["PermissionsBoundary"] = role.boundary
    if isinstance(role.path, str) and role.path != "/":
        parameters["Path"] = role.path
    if isinstance(role.max_session_duration, int):
        parameters["MaxSessionDuration"] = role.max_session_duration
    return Call(
        service="iam",
        operation="CreateRole",
        parameters=parameters,
        tolerate_again=frozenset({"EntityAlreadyExists"}),
        written=Written(
            question=replace(get_role(role.name), not_yet=frozenset({"NoSuchEntity"})),
            same={
                "Role.AssumeRolePolicyDocument": "AssumeRolePolicyDocument",
                "Role.PermissionsBoundary.PermissionsBoundaryArn": "PermissionsBoundary",
                "Role.Tags": "Tags",
            },
        ),
    )


def put_role_policy(name: str, policy_name: str, policy: Policy) -> Call:
    """An inline policy, whole."""
    return Call(
        service="iam",
        operation="PutRolePolicy",
        parameters={"PolicyDocument": policy.text, "PolicyName": policy_name, "RoleName": name},
        not_yet=_FRESH,
    )


def update_trust(name: str, trust: Policy, *, was: Policy) -> Call:
    """A role's trust policy, whole, if it is still the one that was seen: others may let somebody in meanwhile.

    IAM has no condition for that, so it is read right before; what happens between the two is not seen.
    """
    seen = Unchanged(question=get_role(name), member="Role.AssumeRolePolicyDocument", was=was.document)
    return Call(
        service="iam",
        operation="UpdateAssumeRolePolicy",
        parameters={"RoleName": name, "PolicyDocument": trust.text},
        unchanged=seen,
    )


def update_role(role: Role) -> Call:
    """A role's description and session length; what is not sent stays."""
    parameters: dict[str, Value] = {"RoleName": role.name, "Description": role.description}
    if isinstance(role.max_session_duration, int):
        parameters["MaxSessionDuration"] = role.max_session_duration
    return _iam("UpdateRole", **parameters)


def put_boundary(name: str, arn: str) -> Call:
    """A role's permissions boundary."""
    return _iam("PutRolePermissionsBoundary", RoleName=name, PermissionsBoundary=arn)


def tag_role(name: str, tags: Tags) -> Call:
    """Tags added to a role."""
    return _iam("TagRole", RoleName=name, Tags=tag_list(tags))


def delete_role_policy(name: str, policy: str) -> Call:
    """Remove an inline policy."""
    return Call(
        service="iam",
        operation="DeleteRolePolicy",
        parameters={"RoleName": name, "PolicyName": policy},
        tolerate=GONE,
    )


def detach_role_policy(name: str, arn: str) -> Call:
    """Take a managed policy off a role; the policy itself stays."""
    return Call(
        service="iam",
        operation="DetachRolePolicy",
        parameters={"RoleName": name, "PolicyArn": arn},
        tolerate=GONE,
    )


def delete_role(name: str) -> Call:
    """Remove a role that has no policies left; IAM may still see one that was removed a moment ago."""
    return Call(
        service="iam",
        operation="DeleteRole",
        parameters={"RoleName": name},
        tolerate=GONE,
        not_yet=frozenset({"DeleteConflict"}),
    )
