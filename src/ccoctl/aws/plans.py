"""The plans of the AWS commands: from settings, requests, key and account to steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from ccoctl.aws import desired, manifests
from ccoctl.aws.desired import Flavor, Issuer, Settings, Trusted
from ccoctl.aws.mode import Mode, between_issuers, mode
from ccoctl.aws.resources import Account, Role
from ccoctl.aws.steps import bucket, documents, keys, provider, roles
from ccoctl.aws.steps.common import Steps, together
from ccoctl.aws.steps.common import after as edges
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.call import JsonText, Value, json_text, outputs
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import After, Plan, Step, WriteFile, file_step
from ccoctl.errors import Problem, Problems, SigningKeyError
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.trusted import NOT_PUBLISHED, PUBLISH
from ccoctl.signing.trusted import Trusted as ClusterKeys

ISSUER_FILES = PurePosixPath("issuer")
"""Where the documents are in the output directory, for an issuer that somebody else serves."""

KEPT = (
    "no signing key is at hand here: the published keys stay as they are; create-all needs the set-up's own, in its "
    "--output-dir or with --public-key-file"
)
"""The note of a plan that is drawn without a key for an issuer that has one."""


Key: TypeAlias = Jwk | ClusterKeys | None
"""What is published: one signing key, which may still be coming (`steps/keys.py`), or the keys of a running cluster;
None where there is none yet."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and what a report wants to say of it."""

    plan: Plan
    issuer: Issuer | None = None
    provider_arn: Value = ""
    roles: Mapping[SecretRef, Role]
    private: bool = False


def all_of_it(settings: Settings, requests: tuple[CredentialsRequest, ...], key: Key, found: Account) -> Drawn:
    """Issuer, provider, roles and manifests."""
    decided = mode(settings, found)
    settings = decided.settings
    served = _served(decided, key, found)
    arn = desired.provider_arn(settings.partition.id, found.id, decided.issuer)
    trusted = Trusted(arn=arn, host=decided.issuer.name)
    made, wanted = _roles(settings, requests, trusted, found)
    # who may not list distributions sees the public half of a migration alone
    between = Steps(conflicts=between_issuers(settings, arn, found.roles.values()) if found.denied else ())
    for_cluster = _kubernetes if settings.flavor is Flavor.KUBERNETES else _manifests
    files = (*_elsewhere(decided, key), *for_cluster(decided, requests, wanted, made, _needed(served)))
    return Drawn(
        plan=_plan(together(_said(decided), between, keys.key_steps(key), served, *made.values()), files),
        issuer=decided.issuer,
        provider_arn=arn,
        roles=wanted,
        private=settings.private,
    )


def identity_provider(settings: Settings, key: Jwk | None, found: Account) -> Drawn:
    """The issuer and its provider alone, with the manifest that names the issuer."""
    decided = mode(settings, found)
    served = _served(decided, key, found)
    files = (*_elsewhere(decided, key), file_step(manifests.authentication(decided.issuer), _needed(served)))
    return Drawn(
        plan=_plan(together(_said(decided), served), files),
        issuer=decided.issuer,
        provider_arn=desired.provider_arn(settings.partition.id, found.id, decided.issuer),
        roles={},
        private=decided.settings.private,
    )


def iam_roles(settings: Settings, requests: tuple[CredentialsRequest, ...], trusted: Trusted, found: Account) -> Drawn:
    """The roles alone, trusting a provider that is there, with their Secrets."""
    made, wanted = _roles(settings, requests, trusted, found)
    between = Steps(conflicts=between_issuers(settings, trusted.arn, found.roles.values()))
    return Drawn(
        plan=_plan(together(between, *made.values()), _secrets(requests, wanted, made, ())),
        provider_arn=trusted.arn,
        roles=wanted,
    )


def _said(decided: Mode) -> Steps:
    return Steps(notes=decided.notes, conflicts=decided.conflicts)


def _served(decided: Mode, key: Key, found: Account) -> Steps:
    settings, issuer = decided.settings, decided.issuer
    if settings.issuer_url:
        return _registered(settings, issuer, found, reachable=())
    wanted_bucket = desired.bucket(settings)
    before: tuple[Steps, ...] = ()
    front = Steps()
    if settings.private:
        from ccoctl.aws.steps import cloudfront

        granted = cloudfront.access(settings, found)
        wanted_bucket = replace(wanted_bucket, policy=cloudfront.bucket_policy(settings, granted, found))
        front = cloudfront.distribution_steps(
            desired.distribution(settings), found.distribution, settings.site, granted
        )
        before = (granted.steps,)
    made = bucket.bucket_steps(wanted_bucket, found.bucket, settings.site, claim=_claim(found))
    published, said = _published(settings, issuer, key, found, made)
    reachable = (*made.ids, *published.ids, *front.ids)
    return together(*before, made, front, published, _registered(settings, issuer, found, reachable=reachable), said)


def _registered(settings: Settings, issuer: Issuer, found: Account, *, reachable: tuple[str, ...]) -> Steps:
    there = next((item for item in found.providers if item.url == issuer.url), None)
    wanted = desired.provider(settings, found.id, issuer)
    # S3 answers for a bucket that is still to come, with the certificate that all buckets of the region have
    answering = reachable if settings.private else ()
    return provider.provider_steps(wanted, there, settings.name, issuer, published=reachable, answering=answering)


def _elsewhere(decided: Mode, key: Key) -> tuple[Step, ...]:
    """The documents as files, where somebody else serves them; a JWKS that is there is never replaced."""
    if not decided.settings.issuer_url:
        return ()
    body = jwks.document(_set_of(key)) if key is not None else {}
    return tuple(
        file_step(
            WriteFile(
                path=ISSUER_FILES / document.key,
                content=_text(document.body or {}),
                may_replace=document.key != discovery.KEYS,
            ),
            (),
        )
        for document in desired.documents(decided.settings, decided.issuer, body)
        if key is not None or document.key != discovery.KEYS
    )


def _text(body: Mapping[str, Any]) -> str | JsonText:
    """A document's file, as text where all of it is known."""
    return JsonText(body, 4) if outputs(body) else json_text(body, 4)


def _claim(found: Account) -> str:
    """The step that publishes the issuer, where there is none yet."""
    return "" if discovery.PATH in found.documents else documents.CLAIM


def _published(settings: Settings, issuer: Issuer, key: Key, found: Account, made: Steps) -> tuple[Steps, Steps]:
    """The steps that publish the documents, and what is to be said of the keys."""
    body, said = _key_set(settings, key, found)
    wanted = desired.documents(settings, issuer, body)
    if body == {} and not said.conflicts:
        wanted = tuple(document for document in wanted if document.key != discovery.KEYS)
    ready = bucket.TAGGED if bucket.TAGGED in made.ids else ""
    return documents.document_steps(settings.bucket, wanted, found.documents, ready=ready, claim=_claim(found)), said


def _key_set(settings: Settings, key: Key, found: Account) -> tuple[Mapping[str, Any], Steps]:
    """The JWKS to publish: a key that others may still verify with is never dropped."""
    there = found.documents.get(discovery.KEYS)
    where = f"object {settings.bucket}/{discovery.KEYS}"
    if there is None:
        return (jwks.document(_set_of(key)), Steps()) if key is not None else ({}, Steps())
    try:
        published = jwks.parse(there.raw)
    except SigningKeyError as error:
        problem = Problem(where, f"what is published is no JWKS: {error.what}; move it away and run again")
        return {}, Steps(conflicts=(problem,))
    if key is None:
        return there.body or {}, Steps(notes=(KEPT,))
    if isinstance(key, ClusterKeys):
        return _beside(published, key, there.body or {}, where)
    if not published.keys:
        return jwks.document(_set_of(key)), Steps()
    if jwks.has(published, key.kid):
        return _with_ours(published, key, there.body or {}, where)
    kids = ", ".join(str(item.kid) for item in published.keys)
    ours = "a new one" if keys.is_coming(key) else key.kid
    problem = Problem(
        where,
        f"it publishes another key ({kids}) than ours ({ours}); replacing it would cut off every token signed by "
        "it. "
        "Use the cluster's own key pair, or rotate the key with `ccoctl aws rotate-signing-key`",
    )
    return {}, Steps(conflicts=(problem,))


def _set_of(key: Jwk | ClusterKeys) -> Jwks:
    return key.keys if isinstance(key, ClusterKeys) else Jwks((key,))


def _beside(published: Jwks, own: ClusterKeys, body: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], Steps]:
    """A running cluster's keys with what is published already; that stays as it is where none is missing."""
    wider = published
    try:
        for key in own.to_publish(published).keys:
            wider = jwks.with_key(wider, key)
    except SigningKeyError as error:
        return {}, Steps(conflicts=(Problem(where, error.what),))
    notes = tuple(_left_out(published, own))
    return body if wider == published else jwks.document(wider), Steps(notes=notes)


def _left_out(published: Jwks, own: ClusterKeys) -> Iterator[str]:
    left = own.left_out(published)
    for key in left:
        yield f"{key.kid}, which the API server trusts, is not published: {NOT_PUBLISHED}; {PUBLISH}"
    if left and not own.signer:
        yield f"which of them the cluster signs with cannot be seen without the right to {own.hidden}"


def _with_ours(published: Jwks, key: Jwk, body: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], Steps]:
    """What is published stays as it is, if the key under our kid is ours."""
    try:
        jwks.with_key(published, key)
    except SigningKeyError as error:
        return {}, Steps(conflicts=(Problem(where, error.what),))
    return body, Steps()


def _roles(
    settings: Settings, requests: tuple[CredentialsRequest, ...], trusted: Trusted, found: Account
) -> tuple[dict[SecretRef, Steps], dict[SecretRef, Role]]:
    wanted = desired.roles(settings, found.id, trusted, requests)
    steps: dict[SecretRef, Steps] = {}
    for request in requests:
        role = wanted[request.secret]
        there = found.roles.get(role.name)
        bound = desired.bind_audience(role, trusted, request)
        made = roles.role_steps(role, there, settings.name, stricter=bound.trust)
        if there is not None and not made.conflicts:
            from ccoctl.aws.upgrade_roles import taken_from  # which a first run needs nothing of

            made = together(made, Steps(notes=taken_from(there, role)))
        steps[request.secret] = made
        if there is not None:
            wanted[request.secret] = replace(role, arn=there.arn)
    return steps, wanted


def _manifests(
    decided: Mode,
    requests: tuple[CredentialsRequest, ...],
    wanted: Mapping[SecretRef, Role],
    made: Mapping[SecretRef, Steps],
    issuer: tuple[After, ...],
) -> tuple[Step, ...]:
    """What the installer of OpenShift takes."""
    return (file_step(manifests.authentication(decided.issuer), issuer), *_secrets(requests, wanted, made, issuer))


def _kubernetes(
    decided: Mode,
    requests: tuple[CredentialsRequest, ...],
    wanted: Mapping[SecretRef, Role],
    made: Mapping[SecretRef, Steps],
    issuer: tuple[After, ...],
) -> tuple[Step, ...]:
    """What the administrator of any other cluster needs."""
    from ccoctl.aws import kubernetes

    why = "nothing points at a role without its rights"
    named = kubernetes.accounts(decided.settings, requests, wanted)
    accounts = (file_step(work, (*edges(why, *_rights(made[secret])), *issuer)) for secret, work in named)
    return (file_step(kubernetes.flags(decided.issuer), issuer), *accounts)


def _secrets(
    requests: tuple[CredentialsRequest, ...],
    wanted: Mapping[SecretRef, Role],
    made: Mapping[SecretRef, Steps],
    issuer: tuple[After, ...],
) -> tuple[Step, ...]:
    return tuple(
        file_step(
            manifests.secret(request, wanted[request.secret]),
            (*edges("a Secret never points at a role without its rights", *_rights(made[request.secret])), *issuer),
        )
        for request in requests
    )


def _rights(steps: Steps) -> tuple[str, ...]:
    return tuple(name for name in steps.ids if name.rsplit("/", 1)[1] in {"create", "policy", "trust"})


def _needed(served: Steps) -> tuple[After, ...]:
    return edges("manifests come last", *served.ids)


def _plan(cloud: Steps, files: tuple[Step, ...]) -> Plan:
    """The plan, unless something stands in its way.

    Raises:
        Problems: the account holds something that is not ours, or that cannot become what is wanted; all of it at once.
    """
    if cloud.conflicts:
        count = len(cloud.conflicts)
        things = "1 thing in the account stands" if count == 1 else f"{count} things in the account stand"
        raise Problems(cloud.conflicts, what=f"{things} in the way; nothing was changed")
    return Plan(steps=in_order((*cloud.steps, *files)), notes=cloud.notes)


__all__ = ["KEPT", "Drawn", "all_of_it", "iam_roles", "identity_provider"]
