"""Prove that a set-up on AWS works as wanted: look at it, hand real tokens to STS, read its policies."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ccoctl.aws import kubernetes, names, plans
from ccoctl.aws.checks import Seen, checks
from ccoctl.aws.components import component
from ccoctl.aws.desired import Flavor
from ccoctl.aws.findings import Reviewed, findings, gravest_first, unwanted_findings
from ccoctl.aws.mode import mode
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.observe_unwanted import further_policies, unwanted_roles
from ccoctl.aws.prove import Done, prove
from ccoctl.aws.reader import reader
from ccoctl.aws.resources import Account, Further, Role
from ccoctl.aws.sts import Aws, Sts
from ccoctl.aws.trials import Trial, trials
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.engine.attempt import Tell, read
from ccoctl.engine.call import with_placeholders
from ccoctl.engine.plan import Plan
from ccoctl.errors import CcoctlError, Problems
from ccoctl.federation.clock import iso
from ccoctl.federation.documents import Documents, published
from ccoctl.federation.https import Get
from ccoctl.federation.proof import Check, Component, Exchange, Finding, Proof
from ccoctl.federation.specimens import Tokens
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.trusted import Trusted
from ccoctl.workflows.aws_order import Checked, Order
from ccoctl.workflows.output_files import only_changes, without_files

MANIFESTS = Path("manifests")
AUTHENTICATION = MANIFESTS / "cluster-authentication-02-config.yaml"
_SECRETS = "*-credentials.yaml"
_ACCOUNTS = "*-serviceaccount.yaml"


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a set-up before any token is exchanged."""

    checked: Checked
    issuer: str
    account: Account
    key: Jwk | None
    documents: Documents | CcoctlError
    """The issuer's, as the world sees them; or why it does not."""
    checks: tuple[Check, ...]
    components: tuple[Component, ...]
    reviewed: tuple[Reviewed, ...]
    unwanted: tuple[Finding, ...]
    """What was found of roles that nobody wants."""
    notes: tuple[str, ...]


def look(
    checked: Checked,
    cloud: Aws,
    get: Get,
    key: Jwk | None,
    *,
    cluster_keys: Trusted | None = None,
    mender: str = "create-all",
    manifests_wanted: bool = False,
    concurrency: int = 10,
    tell: Tell | None = None,
) -> Looked:
    """Look at the account, at the documents as the world sees them, and at the manifests; nothing is changed.

    Args:
        checked: what is wanted.
        cloud: the account.
        get: fetches the issuer's documents.
        key: the public half of the signing key; None where none is at hand.
        cluster_keys: those of a running cluster, with what they are for.
        mender: the command that would put right what differs.
        manifests_wanted: whether the output directory must have manifests; those that it has are compared anyway.
        concurrency: how many questions are under way at a time.
        tell: hears of what takes long.

    Raises:
        CloudError: the account cannot be looked at.
    """
    settings = checked.settings
    roles = names.role_names(settings.name, [request.secret for request in checked.requests])
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        others = asked.start(lambda: unwanted_roles(asked, settings.name, set(roles.values())))
        found = observe(asked, Scope(settings=settings, roles=tuple(roles.values())))
        further = further_policies(asked, found.roles.values())
        unwanted = others.result()
    issuer = str(with_placeholders(mode(settings, found).issuer.url))
    has_manifests = manifests_wanted or _has_manifests(checked.order)
    seen = Seen(
        issuer=issuer,
        plan=_plan(checked, cluster_keys or key, found, with_files=has_manifests),
        account=found,
        documents=_documents(issuer, get),
        key=key,
        has_manifests=has_manifests,
        mender=mender,
    )
    # the provider may be gone; roles trust it still
    arn = f"arn:{settings.partition.id}:iam::{found.id}:oidc-provider/{issuer.removeprefix('https://')}"
    named = [(request, roles[request.secret], found.roles.get(roles[request.secret])) for request in checked.requests]
    return Looked(
        checked=checked,
        issuer=issuer,
        account=found,
        key=key,
        documents=seen.documents,
        checks=checks(seen),
        components=tuple(component(request, name, role) for request, name, role in named),
        reviewed=tuple(
            _reviewed(request, role, issuer, arn, further.get(role.name, {}))
            for request, _, role in named
            if role is not None
        ),
        unwanted=unwanted_findings(unwanted, arn),
        notes=(*checked.notes, *found.denied),
    )


def trials_of(looked: Looked, tokens: Tokens) -> tuple[Trial, ...]:
    """What is tried with tokens from there."""
    return tuple(trials(looked.components, tokens.kinds))


def exchange(
    tried: tuple[Trial, ...], cloud: Aws, tokens: Tokens, *, patience: float, concurrency: int, done: Done
) -> tuple[Exchange, ...]:
    """Hand tokens to STS; `patience` is how many seconds a refusal is waited out where a grant is expected."""
    return prove(tried, tokens, Sts(cloud, patience=patience), concurrency=concurrency, done=done)


def proof(looked: Looked, exchanges: tuple[Exchange, ...], *, at: float) -> Proof:
    """All of it as one value; `at` is when it was made, in seconds since 1970."""
    provider = next((str(item.arn) for item in looked.account.providers if item.url == looked.issuer), "")
    return Proof(
        name=looked.checked.settings.name,
        region=looked.checked.settings.region,
        issuer=looked.issuer,
        provider_arn=provider,
        kid=str(looked.key.kid) if looked.key is not None else "",
        at=iso(at),
        checks=looked.checks,
        components=looked.components,
        exchanges=exchanges,
        findings=gravest_first((*findings(looked.reviewed), *looked.unwanted)),
    )


def _has_manifests(order: Order) -> bool:
    directory = order.output_dir
    if order.flavor is Flavor.KUBERNETES:
        return (directory / kubernetes.FLAGS).exists() or any((directory / kubernetes.DIRECTORY).glob(_ACCOUNTS))
    return (directory / AUTHENTICATION).exists() or any((directory / MANIFESTS).glob(_SECRETS))


def _plan(checked: Checked, key: plans.Key, found: Account, *, with_files: bool) -> Plan | Problems:
    try:
        plan = plans.all_of_it(checked.settings, checked.requests, key, found).plan
    except Problems as error:
        return error
    return only_changes(plan, checked.order.output_dir) if with_files else without_files(plan)


def _documents(issuer: str, get: Get) -> Documents | CcoctlError:
    try:
        return published(issuer, get)
    except CcoctlError as error:
        return error


def _reviewed(request: CredentialsRequest, role: Role, issuer: str, provider_arn: str, further: Further) -> Reviewed:
    return Reviewed(
        role=role,
        subjects=frozenset(request.subjects),
        provider_arn=provider_arn,
        host=issuer.removeprefix("https://"),
        further=further,
    )
