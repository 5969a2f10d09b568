"""The IAM OIDC provider: registered with its thumbprint and tags, or brought to the wanted audiences and tags."""

from __future__ import annotations

from msgspec.structs import replace

from ccoctl.aws import calls, names
from ccoctl.aws.desired import AUDIENCES, PROVIDER_CREATE, Issuer
from ccoctl.aws.resources import Provider
from ccoctl.aws.steps.common import Resource, Steps, change_of, merged, missing, ownership_conflict
from ccoctl.aws.steps.common import after as edges
from ccoctl.engine.call import Output
from ccoctl.engine.diff import compare
from ccoctl.engine.plan import Action, Address

THUMBPRINT_PLACEHOLDER = ("<enter_tls_fingerprint_for_issuer_url_here>",)


def provider_steps(
    wanted: Provider,
    found: Provider | None,
    name: str,
    issuer: Issuer,
    *,
    published: tuple[str, ...],
    answering: tuple[str, ...],
) -> Steps:
    """What registers the issuer as wanted.

    Args:
        wanted: the provider.
        found: the one that is there.
        name: whose it is.
        issuer: what it stands for.
        published: the steps after which the issuer's documents can be read.
        answering: those after which its host answers, with the certificate that it will have.
    """
    resource = Resource(Address("OIDC provider", _shown(issuer)), "provider")
    if found is None:
        _create(resource, wanted, issuer, published, answering)
        return resource.done()
    others = [owner for owner in names.owners(found.tags) if owner != name]
    if others:
        resource.conflict(ownership_conflict(found.tags, name))
        return resource.done()
    if not names.is_owned(found.tags, name):
        resource.note("it is the provider of our own issuer and untagged, as an interrupted run leaves it; taken over")
    wanted = replace(
        wanted, tags=merged(wanted.tags, found.tags), audiences=wanted.audiences | found.audiences, arn=found.arn
    )
    _repair(resource, wanted, found)
    return resource.done()


def _shown(issuer: Issuer) -> str:
    return issuer.name if isinstance(issuer.name, str) else f"of the distribution to come{issuer.path}"


def _create(
    resource: Resource, wanted: Provider, issuer: Issuer, published: tuple[str, ...], answering: tuple[str, ...]
) -> None:
    looked_up = resource.add(
        "thumbprint",
        Action.READ,
        calls.look_up_thumbprint(issuer.host),
        "look up the certificate of the issuer's host",
        after=edges("its certificate is looked up there", *answering),
    )
    thumbprints = Output(step=looked_up, path="Thumbprints", placeholder=THUMBPRINT_PLACEHOLDER)
    resource.add(
        PROVIDER_CREATE.removeprefix("provider/"),
        Action.CREATE,
        calls.create_provider(wanted.url, AUDIENCES, thumbprints, wanted.tags),
        "register the issuer as OIDC provider",
        after=edges("without a thumbprint IAM reads the documents", *published),
    )


def _repair(resource: Resource, wanted: Provider, found: Provider) -> None:
    difference = compare(wanted, found)
    arn = str(found.arn)
    if changes := change_of(difference, "tags"):
        resource.add(
            "tags",
            Action.UPDATE,
            calls.tag_provider(arn, missing(wanted.tags, found.tags)),
            "tag the OIDC provider as ours",
            changes=changes,
        )
    audiences = change_of(difference, "audiences")
    for audience in sorted(wanted.audiences - found.audiences):
        resource.add(
            f"audience/{audience}",
            Action.UPDATE,
            calls.add_audience(arn, audience),
            f"let the OIDC provider accept the audience {audience}",
            changes=audiences,
        )
