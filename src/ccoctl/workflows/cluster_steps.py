"""The steps of a repair that are about the cluster: its Secrets, its issuer, and providers that nobody can use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from ccoctl.aws import calls as aws_calls
from ccoctl.aws import names
from ccoctl.aws.desired import Issuer
from ccoctl.aws.plans import Drawn
from ccoctl.aws.resources import Account, Provider, Role
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.call import Output, Template, text
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import Action, Address, After, FieldChange, Step
from ccoctl.errors import Problem, Problems
from ccoctl.openshift import calls
from ccoctl.openshift.seen import ClusterSeen, HeldSecret
from ccoctl.workflows.cluster_secrets import CREDENTIALS, is_long_lived, profile_of

SWITCH = "authentication/issuer"
"""The id of the step that gives the cluster its issuer."""
_HAS_RIGHTS = frozenset({"create", "policy", "trust"})
"""The last words of the ids of a role's steps without which a component could not use it."""
_CLOUDFRONT = ".cloudfront.net"


def credentials(request: CredentialsRequest, arn: str | Output | Template) -> str | Template:
    """The profile in a component's Secret, as the installer's manifest holds it."""
    return text(
        "[default]\nsts_regional_endpoints = regional\nrole_arn = ",
        arn,
        f"\nweb_identity_token_file = {request.token_path}",
    )


def secret_steps(
    requests: tuple[CredentialsRequest, ...],
    drawn: Drawn,
    there: Mapping[SecretRef, HeldSecret | Unseen | None],
    *,
    force: bool,
) -> Iterator[Step]:
    """What makes the Secrets say what they must; `force` takes fields over from whoever set them to something else."""
    served = [step.id for step in drawn.plan.steps if step.address.kind not in {"role", "file"}]
    for request in requests:
        role = drawn.roles[request.secret]
        held = there.get(request.secret)
        wanted = credentials(request, role.arn)
        if isinstance(held, HeldSecret) and not is_long_lived(held) and held.data.get(CREDENTIALS) == wanted:
            continue
        after = (
            *_edges("a Secret never points at a role without its rights", _rights(role, drawn)),
            *_edges("its component could not use it before the issuer is there", served),
        )
        yield from _secret(request.secret, wanted, held if isinstance(held, HeldSecret) else None, after, force=force)


def _secret(
    ref: SecretRef, wanted: str | Template, held: HeldSecret | None, after: tuple[After, ...], *, force: bool
) -> Iterator[Step]:
    """The steps for one Secret. Access keys go with the Secret itself: an apply leaves what it does not name."""
    address = Address("Secret", str(ref))
    removal = f"secret/{ref}/delete"
    if held is not None and is_long_lived(held):
        yield Step(
            id=removal,
            address=address,
            action=Action.DELETE,
            summary=f"delete the Secret {ref}, which holds an access key, to make it anew",
            work=calls.delete_secret(ref.namespace, ref.name, uid=held.uid),
            after=after,
        )
        after, held = (*after, After(step=removal, reason="what it held goes first")), None
    yield Step(
        id=f"secret/{ref}/apply",
        address=address,
        action=Action.CREATE if held is None else Action.UPDATE,
        summary=f"{'make' if held is None else 'change'} the Secret {ref} in the cluster",
        work=calls.apply_secret(ref.namespace, ref.name, {CREDENTIALS: wanted}, force=force),
        after=after,
        changes=() if held is None else _changes(held, wanted),
    )


def _changes(held: HeldSecret, wanted: str | Template) -> tuple[FieldChange, ...]:
    """What a Secret says and is to say; what is no profile of ours may be secret and is not shown."""
    try:
        profile = profile_of(held)
    except Problems:
        return (FieldChange(name=CREDENTIALS, old="(no profile that only names a role)", new=wanted),)
    old = f"[default]\nrole_arn = {profile.role_arn}\nweb_identity_token_file = {profile.token_file}"
    return (FieldChange(name=CREDENTIALS, old=old, new=wanted),)


def _rights(role: Role, drawn: Drawn) -> list[str]:
    return [
        step.id
        for step in drawn.plan.steps
        if step.address == Address("role", role.name) and step.id.rsplit("/", 1)[1] in _HAS_RIGHTS
    ]


def issuer_steps(drawn: Drawn, seen: ClusterSeen) -> tuple[Step, ...]:
    """What gives the cluster its issuer, where it has another one: last, when everything else is there.

    Only an issuer that nobody can bring back is replaced: one behind a distribution that is gone, or none at all.

    Raises:
        Problems: the cluster has an issuer that is none of this set-up's; replacing it would be a migration.
    """
    wanted = drawn.issuer.url if isinstance(drawn.issuer, Issuer) else ""
    if not wanted or seen.issuer is None or wanted == seen.issuer:
        return ()
    there = seen.issuer if isinstance(seen.issuer, str) else ""
    if there and not _is_behind_cloudfront(there):
        what = (
            f"the cluster's issuer is {there}, and this set-up's would be another; changing it is a migration. Give "
            "the options that it was made with (--name, --region, --shared-issuer, --issuer-url)"
        )
        raise Problems((Problem("Authentication cluster", what),))
    everything = [step.id for step in drawn.plan.steps if step.address.kind != "file"]
    step = Step(
        id=SWITCH,
        address=Address("Authentication", "cluster"),
        action=Action.UPDATE,
        summary="have the API server issue tokens in the name of this issuer",
        work=calls.set_issuer(wanted, seen.issuer_version),
        after=_edges("tokens of an issuer are of no use before it is there", everything),
        changes=(FieldChange(name="serviceAccountIssuer", old=there, new=wanted),),
    )
    return (step,)


def dead_providers(found: Account, name: str) -> tuple[Provider, ...]:
    """Providers of ours whose issuer is gone for good: its distribution was deleted, and its name comes never back."""
    if found.denied:  # whoever may not look cannot tell what is gone
        return ()
    living = found.distribution.domain_name if found.distribution is not None else ""
    return tuple(
        item
        for item in found.providers
        if names.is_owned(item.tags, name)
        and _is_behind_cloudfront(str(item.url))
        and urlsplit(str(item.url)).hostname != living
    )


def removals(dead: Iterable[Provider], before: Iterable[Step]) -> Iterator[Step]:
    """What deletes them, after everything else is there."""
    done = [step.id for step in before if step.address.kind != "file"]
    for item in dead:
        yield Step(
            id=f"provider/{item.url}/delete",
            address=Address("OIDC provider", str(item.url)),
            action=Action.DELETE,
            summary=f"delete the OIDC provider of {item.url}, whose distribution is gone",
            work=aws_calls.delete_provider(str(item.arn)),
            after=_edges("what takes its place comes first", done),
        )


def _is_behind_cloudfront(issuer: str) -> bool:
    return (urlsplit(issuer).hostname or "").endswith(_CLOUDFRONT)


def _edges(reason: str, steps: Iterable[str]) -> tuple[After, ...]:
    return tuple(After(step=step, reason=reason) for step in steps)
