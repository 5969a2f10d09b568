"""The IAM policy that whoever runs this tool needs, derived from the Calls that it makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from ccoctl.aws import calls, desired, names, policy, role_calls
from ccoctl.aws import cloudfront_calls as front
from ccoctl.aws.deletion import deletion
from ccoctl.aws.desired import Settings, Trusted
from ccoctl.aws.permissions import actions_of_all
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import AccessIdentity, Account, Provider, Role
from ccoctl.credentialsrequest.model import AwsProviderSpec, AwsStatement, CredentialsRequest, SecretRef, Source
from ccoctl.engine.call import Call
from ccoctl.engine.plan import Plan, Wait
from ccoctl.signing.jwk import Jwk, Kid

_ACCOUNT = "123456789012"
_HOST = "d111111abcdef8.cloudfront.net"
_REQUEST = CredentialsRequest(
    name="any",
    namespace="any",
    annotations={},
    secret=SecretRef(namespace="any", name="any"),
    service_accounts=("any",),
    spec=AwsProviderSpec(statements=(AwsStatement(effect="Allow", actions=("*",), resource="*"),)),
    source=Source(file="any", line=1, document=1),
)

_KEY = Jwk(kty="RSA", kid=Kid("any"))


class Required(msgspec.Struct, frozen=True, kw_only=True):
    """IAM actions: without the first nothing works, without the others only that part."""

    needed: tuple[str, ...]
    more: tuple[str, ...]
    """To see or mend more: policies and attachments are compared, drift of trust, boundary and audiences is mended."""


def required(settings: Settings) -> Required:
    """What create-all, its re-run, `plan` and `delete` call with these settings."""
    needed = actions_of_all([*_reads(settings), *_creating(settings), *_deleting(settings)])
    more = actions_of_all([*_seeing(settings), *_mending(settings)])
    return Required(needed=needed, more=tuple(action for action in more if action not in needed))


def policy_document(settings: Settings, wanted: Required, *, scoped: bool) -> dict[str, Any]:
    """The policy; with `scoped` it covers the resources of that name alone where IAM can tell them apart."""
    statements = [
        *_statements("Needed", wanted.needed, settings, scoped),
        *_statements("SeeAndMendMore", wanted.more, settings, scoped),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _creating(settings: Settings) -> list[Call]:
    return _calls(all_of_it(settings, (_REQUEST,), _KEY, Account(id=_ACCOUNT)).plan)


def _deleting(settings: Settings) -> list[Call]:
    return _calls(deletion(settings.name, settings.bucket, _made(settings)).plan)


def _made(settings: Settings) -> Account:
    """An account in which everything was made."""
    host = _HOST if settings.private else settings.bucket_host
    arn = f"arn:{settings.partition.id}:iam::{_ACCOUNT}:oidc-provider/{host}"
    role = desired.roles(settings, _ACCOUNT, Trusted(arn=arn, host=host), (_REQUEST,))[_REQUEST.secret]
    tags = settings.all_tags
    identity = AccessIdentity(kind=settings.origin_access, id="any", etag="any")
    return Account(
        id=_ACCOUNT,
        bucket=replace(desired.bucket(settings), tags=tags, empty=False),
        objects={"any": tags},
        access_identities=(identity,) if settings.private else (),
        distribution=replace(desired.distribution(settings), id="any", status="Deployed") if settings.private else None,
        providers=(Provider(url=f"https://{host}", arn=arn, audiences=frozenset(desired.AUDIENCES), tags=tags),),
        roles={role.name: _with_policies(role)},
    )


def _with_policies(role: Role) -> Role:
    return replace(role, inline_policies=(role.name,))


def _reads(settings: Settings) -> list[Call]:
    bucket = settings.bucket
    reads = [
        calls.get_caller_identity(),
        calls.head_bucket(bucket),
        calls.get_bucket_tagging(bucket),
        calls.list_objects(bucket),
        calls.get_object(bucket, "any"),
        calls.get_object_tagging(bucket, "any"),
        front.list_distributions(),
        front.list_access_identities(),
        calls.get_provider("any"),
        calls.list_providers(),
        role_calls.list_roles(),
        role_calls.get_role("any"),
        role_calls.list_role_policies("any"),
    ]
    if settings.private:
        reads += [
            front.get_distribution("any"),
            front.list_distribution_tags("any"),
            front.get_access_identity("any"),
        ]
        if settings.origin_access.value == "oac":
            reads += [front.list_access_controls(), front.get_access_control("any")]
    return reads


def _seeing(settings: Settings) -> list[Call]:
    seeing = [
        calls.get_public_access_block(settings.bucket),
        calls.get_bucket_policy(settings.bucket),
        role_calls.get_role_policy("any", "any"),
        role_calls.list_attached_role_policies("any"),
    ]
    return [*seeing, front.list_access_controls(), front.get_access_control("any")] if settings.private else seeing


def _mending(settings: Settings) -> list[Call]:
    role = Role(
        name="any",
        path="/",
        trust=policy.Policy({}),
        permissions=None,
        description="any",
        tags={"any": "any"},
        boundary="any",
        max_session_duration=3600,
    )
    mending = [
        role_calls.update_trust("any", role.trust, was=role.trust),
        role_calls.update_role(role),
        role_calls.put_boundary("any", "any"),
        role_calls.tag_role("any", role.tags),
        role_calls.detach_role_policy("any", "any"),
        calls.tag_provider("any", role.tags),
        calls.add_audience("any", "any"),
    ]
    if settings.private:
        mending += [
            front.tag_distribution("any", role.tags),
            front.update_distribution("any", "any", {}),
        ]
    return mending


def _calls(plan: Plan) -> list[Call]:
    works = [step.work.call if isinstance(step.work, Wait) else step.work for step in plan.steps]
    return [work for work in works if isinstance(work, Call)]


def _statements(sid: str, actions: tuple[str, ...], settings: Settings, scoped: bool) -> Iterable[dict[str, Any]]:
    if not scoped:
        return [_statement(sid, actions, ["*"])] if actions else []
    groups: dict[tuple[str, ...], list[str]] = {}
    for action in actions:
        groups.setdefault(_resources(action, settings), []).append(action)
    return [
        _statement(f"{sid}{number or ''}", tuple(group), list(resources))
        for number, (resources, group) in enumerate(sorted(groups.items()))
    ]


def _statement(sid: str, actions: tuple[str, ...], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}


def _resources(action: str, settings: Settings) -> tuple[str, ...]:
    partition = settings.partition.id
    service, operation = action.split(":")
    if service == "s3":
        return (f"arn:{partition}:s3:::{settings.bucket}", f"arn:{partition}:s3:::{settings.bucket}/*")
    if service == "iam" and "OpenIDConnectProvider" in operation and not operation.startswith("List"):
        hosts = (settings.bucket_host, "*.cloudfront.net") if settings.private else (settings.bucket_host,)
        return tuple(f"arn:{partition}:iam::*:oidc-provider/{host}" for host in hosts)
    if service == "iam" and "Role" in operation and operation != "ListRoles":
        return (f"arn:{partition}:iam::*:role/{names.role_prefix(settings.name)}*",)
    return ("*",)
