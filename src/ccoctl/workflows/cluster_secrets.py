"""What a component's Secret in the cluster says, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.diff import Unseen
from ccoctl.errors import Problems
from ccoctl.openshift.seen import ClusterSeen, HeldSecret
from ccoctl.workflows.cluster_names import role_name
from ccoctl.workflows.pod_profile import Profile, parse

CREDENTIALS = "credentials"
"""The entry with the profile (cloud-credential-operator, pkg/aws/actuator)."""
LONG_LIVED = ("aws_access_key_id", "aws_secret_access_key")
"""What a Secret holds that the operator minted, or copied from the root Secret."""

Held = HeldSecret | Unseen | None


def profile_of(held: HeldSecret) -> Profile:
    """The profile in a Secret.

    Raises:
        Problems: it has none, or one that says more than which role to use and where the token is.
    """
    return parse(held.data.get(CREDENTIALS, ""), where="")


def roles_in(secrets: Mapping[SecretRef, Held]) -> dict[SecretRef, str]:
    """The ARN of the role that each Secret names; those that name none are left out."""
    found = {}
    for ref, held in secrets.items():
        if isinstance(held, HeldSecret):
            try:
                found[ref] = profile_of(held).role_arn
            except Problems:
                continue
    return found


def is_long_lived(held: Held) -> bool:
    """True when a Secret holds an access key, or a part of one."""
    if not isinstance(held, HeldSecret):
        return False
    profile = held.data.get(CREDENTIALS, "")
    return any(name in held.data or name in profile for name in LONG_LIVED)


def secret_problems(request: CredentialsRequest, held: HeldSecret | None, role: str) -> Iterator[str]:
    """What is wrong with a component's Secret, access keys aside; `role` is the name of its own role."""
    if held is None:
        yield "does not exist"
    elif CREDENTIALS not in held.data:
        yield f"has no entry {CREDENTIALS}"
    elif not is_long_lived(held):
        yield from _profile_problems(request, held, role)


def _profile_problems(request: CredentialsRequest, held: HeldSecret, role: str) -> Iterator[str]:
    try:
        profile = profile_of(held)
    except Problems as error:
        yield from (problem.what for problem in error.problems)
        return
    if role_name(profile.role_arn) != role:
        yield f"names the role {profile.role_arn}, and its own is {role}"
    if profile.token_file != request.token_path:
        yield f"looks for its token at {profile.token_file}, and it is at {request.token_path}"


def unseen_in(seen: ClusterSeen) -> tuple[str, ...]:
    """The rights that are missing to see all Secrets, sorted."""
    held = [*seen.secrets.values(), *seen.roots.values()]
    return tuple(sorted({value.action for value in held if isinstance(value, Unseen)}))
