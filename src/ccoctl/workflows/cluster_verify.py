"""Prove that a running cluster is federated as wanted: look at it and its account, and exchange tokens it signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names
from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.aws.prove import Done
from ccoctl.aws.sts import Aws
from ccoctl.aws.trials import Trial
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.attempt import Tell
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CcoctlError
from ccoctl.federation.https import Get
from ccoctl.federation.proof import Check, Exchange, Finding, Proof, Severity
from ccoctl.openshift.seen import ClusterSeen, Requests
from ccoctl.openshift.tokens import ClusterTokens
from ccoctl.signing import jwks
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.trusted import NOT_PUBLISHED, PUBLISH, Trusted
from ccoctl.workflows import aws_verify
from ccoctl.workflows.aws_order import Checked
from ccoctl.workflows.aws_verify import Looked
from ccoctl.workflows.cluster_checks import Against, accounts_check, cluster_checks, issuer_check
from ccoctl.workflows.cluster_keys import trusted_keys
from ccoctl.workflows.cluster_order import issuer_of


class ClusterLooked(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a cluster and its account, and the tokens that are tried next."""

    looked: Looked
    tokens: ClusterTokens
    trials: tuple[Trial, ...]
    missing: tuple[str, ...]
    """Service accounts that do not exist, so that nothing can be tried with them."""
    idle: tuple[Jwk, ...]
    """Keys that the cluster trusts, that are not published, and that nothing signs with."""
    brought: Mapping[SecretRef, str]
    """Roles that requests brought themselves, which are none of this set-up's."""


def look(
    checked: Checked,
    seen: ClusterSeen,
    cluster: Cloud,
    cloud: Aws,
    get: Get,
    *,
    concurrency: int = 10,
    tell: Tell | None = None,
) -> ClusterLooked:
    """Look at the account and the documents, and ask the cluster for tokens; nothing is changed.

    Args:
        checked: what is wanted, of the cluster's own requests.
        seen: the cluster.
        cluster: the same, to ask for tokens.
        cloud: the account.
        get: fetches the issuer's documents.
        concurrency: how many questions are under way at a time.
        tell: hears of what takes long.

    Raises:
        CloudError: the account cannot be looked at.
    """
    tokens = ClusterTokens(cluster, audience=TOKEN_AUDIENCE)
    accounts = dict.fromkeys(
        f"{request.secret.namespace}/{name}" for request in checked.requests for name in request.service_accounts
    )
    missing = tokens.missing(accounts, concurrency=concurrency)
    keys = trusted_keys(cluster, seen.keys, signer=tokens.kid()) if isinstance(seen.keys, Jwks) else None
    looked = aws_verify.look(
        checked,
        cloud,
        get,
        jwks.find(keys.keys, Kid(keys.signer)) if keys is not None else None,
        cluster_keys=keys,
        mender="cluster repair",
        concurrency=concurrency,
        tell=tell,
    )
    tried = aws_verify.trials_of(looked, tokens)
    return ClusterLooked(
        looked=replace(looked, checks=(*_checks(checked, seen, looked, missing, keys), *looked.checks)),
        tokens=tokens,
        trials=tuple(trial for trial in tried if trial.service_account not in missing),
        missing=missing,
        idle=_idle(keys, looked),
        brought=seen.requests.own_roles if isinstance(seen.requests, Requests) else {},
    )


def exchange(
    found: ClusterLooked, cloud: Aws, *, patience: float, concurrency: int, done: Done
) -> tuple[Exchange, ...]:
    """Hand the cluster's tokens to STS; `patience` is how many seconds a refusal is waited out."""
    return aws_verify.exchange(found.trials, cloud, found.tokens, patience=patience, concurrency=concurrency, done=done)


def proof(found: ClusterLooked, exchanges: tuple[Exchange, ...], *, clock: Callable[[], float]) -> Proof:
    """All of it as one value; `clock` gives seconds since 1970."""
    made = aws_verify.proof(found.looked, exchanges, at=clock())
    more = (
        *map(_idle_key, found.idle),
        *map(_absent, found.missing),
        *(_brought(ref, arn) for ref, arn in found.brought.items()),
    )
    return replace(made, findings=(*made.findings, *more))


def _checks(
    checked: Checked, seen: ClusterSeen, looked: Looked, missing: tuple[str, ...], keys: Trusted | None
) -> tuple[Check, ...]:
    roles = names.role_names(checked.settings.name, [request.secret for request in checked.requests])
    against = Against(
        requests=checked.requests,
        roles={ref: str(role) for ref, role in roles.items()},
        documents=looked.documents,
        keys=keys,
    )
    issued = seen.served if isinstance(seen.served, str) else issuer_of(seen)
    more = (issuer_check(issued, looked.issuer), accounts_check(missing, checked.requests))
    return (*cluster_checks(seen, against), *(check for check in more if check is not None))


def _idle(keys: Trusted | None, looked: Looked) -> tuple[Jwk, ...]:
    if keys is None or isinstance(looked.documents, CcoctlError):
        return ()
    return keys.left_out(looked.documents.jwks)


def _idle_key(key: Jwk) -> Finding:
    return Finding(
        severity=Severity.LOW,
        where=f"key {key.kid}",
        what=f"the API server trusts it, and it is not published: {NOT_PUBLISHED}",
        remedy=f"{PUBLISH[0].upper()}{PUBLISH[1:]}.",
    )


def _absent(service_account: str) -> Finding:
    return Finding(
        severity=Severity.LOW,
        where=f"service account {service_account}",
        what="it does not exist, so no token of it was tried",
        remedy="Nothing is to be done where the component is not installed.",
    )


def _brought(ref: SecretRef, arn: str) -> Finding:
    return Finding(
        severity=Severity.LOW,
        where=f"request for {ref}",
        what=f"it brings its own role, {arn[:300]}, which was not tried",
        remedy="Whoever installed the add-on looks after that role.",
    )
