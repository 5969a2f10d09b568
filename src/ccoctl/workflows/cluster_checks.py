"""What must hold of a running cluster, besides its account: mode, Secrets, issuer and keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.diff import Unseen
from ccoctl.errors import CcoctlError
from ccoctl.federation.documents import Documents
from ccoctl.federation.proof import Check, Part, Verdict
from ccoctl.openshift.observe import ROOT_NAMESPACE
from ccoctl.openshift.seen import ClusterSeen
from ccoctl.signing import jwks
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.trusted import Trusted
from ccoctl.workflows.cluster_secrets import is_long_lived, secret_problems

MANUAL = "Manual"
_SHOWN = 5
"""Things of a kind that are named; the rest is counted."""


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster is compared with."""

    requests: tuple[CredentialsRequest, ...]
    roles: Mapping[SecretRef, str]
    """The name of each request's own role."""
    keys: Trusted | None
    """The cluster's, with what they are for; None where they cannot be seen."""
    documents: Documents | CcoctlError
    """The issuer's, as the world sees them; or why it does not."""


def cluster_checks(seen: ClusterSeen, against: Against) -> tuple[Check, ...]:
    """Each check with its verdict."""
    return (
        _mode(seen),
        _roots(seen),
        _requests(seen),
        _long_lived(seen),
        _secrets(seen, against),
        _issuer(seen),
        _keys(seen, against),
    )


def _mode(seen: ClusterSeen) -> Check:
    name = "credentials mode"
    if isinstance(seen.mode, Unseen):
        return _unknown(name, Part.ROLES, seen.mode.action)
    if seen.mode is None:
        return _check(name, Part.ROLES, Verdict.WRONG, "The cluster has no CloudCredential: is it an OpenShift?")
    if seen.mode != MANUAL:
        what = f"It is {seen.mode or 'the default'}, and the operator mints or copies keys; it must be {MANUAL}."
        return _check(name, Part.ROLES, Verdict.WRONG, what)
    return _check(name, Part.ROLES, Verdict.OK, "It is Manual: the operator leaves the Secrets alone.")


def _roots(seen: ClusterSeen) -> Check:
    name = "root credentials"
    there = [secret for secret, is_there in seen.roots.items() if is_there is True]
    unseen = _actions(seen.roots.values())
    if there:
        listed = ", ".join(f"{ROOT_NAMESPACE}/{secret}" for secret in there)
        what = f"The cluster holds an administrator's credentials: {listed}. Nothing needs them any more: delete them."
        return _check(name, Part.ACCOUNT, Verdict.WRONG, what)
    if unseen:
        return _unknown(name, Part.ACCOUNT, *unseen)
    return _check(name, Part.ACCOUNT, Verdict.OK, f"There are none in {ROOT_NAMESPACE}, of any cloud.")


def _requests(seen: ClusterSeen) -> Check:
    name = "requests"
    if isinstance(seen.requests, Unseen):
        return _unknown(name, Part.ROLES, seen.requests.action)
    wrong = [str(problem) for problem in seen.requests.problems]
    wrong += [
        f"{request.name} names no service account that may use its role"
        for request in seen.requests.loaded.requests
        if not request.service_accounts
    ]
    if wrong:
        return _check(name, Part.ROLES, Verdict.WRONG, f"{_listed(wrong)}.")
    count = len(seen.requests.loaded.requests)
    what = f"{count} CredentialsRequest{' is' if count == 1 else 's are'} for AWS, and can be served."
    return _check(name, Part.ROLES, Verdict.OK, what)


def _long_lived(seen: ClusterSeen) -> Check:
    name = "long-lived keys"
    bad = [str(ref) for ref, held in seen.secrets.items() if is_long_lived(held)]
    if bad:
        what = f"A key that does not end is in {_listed(bad)}: run `ccoctl cluster repair`, and delete the IAM users."
        return _check(name, Part.ROLES, Verdict.WRONG, what)
    if isinstance(seen.requests, Unseen):
        return _unknown(name, Part.ROLES, seen.requests.action)
    if unseen := _actions(seen.secrets.values()):
        return _unknown(name, Part.ROLES, *unseen)
    return _check(name, Part.ROLES, Verdict.OK, "No component's Secret holds an access key.")


def _secrets(seen: ClusterSeen, against: Against) -> Check:
    name = "secrets"
    wrong = []
    for request in against.requests:
        held = seen.secrets.get(request.secret)
        if not isinstance(held, Unseen):
            role = against.roles[request.secret]
            wrong += [f"{request.secret} {what}" for what in secret_problems(request, held, role)]
    if wrong:
        return _check(name, Part.ROLES, Verdict.WRONG, f"{_listed(wrong)}; run `ccoctl cluster repair`.")
    if isinstance(seen.requests, Unseen):
        return _unknown(name, Part.ROLES, seen.requests.action)
    if unseen := _actions(seen.secrets.values()):
        return _unknown(name, Part.ROLES, *unseen)
    return _check(name, Part.ROLES, Verdict.OK, "Each names its own role, and where its component finds its token.")


def _issuer(seen: ClusterSeen) -> Check:
    name = "cluster's issuer"
    unseen = _actions((seen.issuer, seen.served))
    if unseen:
        return _unknown(name, Part.ISSUER, *unseen)
    if seen.issuer is None:
        return _check(name, Part.ISSUER, Verdict.WRONG, "The cluster has no Authentication: is it an OpenShift?")
    if seen.issuer != seen.served:
        what = (
            f"The Authentication says {seen.issuer or 'nothing'} and the API server issues tokens as "
            f"{seen.served or 'nobody'}: a change is being rolled out, or was made by hand."
        )
        return _check(name, Part.ISSUER, Verdict.WRONG, what)
    return _check(name, Part.ISSUER, Verdict.OK, f"Authentication and API server say {seen.served}.")


def issuer_check(cluster: str, account: str) -> Check | None:
    """Whether the cluster issues tokens in the name of the issuer whose documents are published.

    Args:
        cluster: the issuer of the cluster's tokens; where it may not be seen there is nothing to compare.
        account: the issuer of the set-up in the account.
    """
    name = "same issuer"
    if not cluster:
        return None
    if cluster == account:
        return _check(name, Part.ISSUER, Verdict.OK, "The cluster's issuer is the one that is published.")
    what = (
        f"The cluster issues tokens as {cluster}, and the account's set-up is for {account}; --issuer-url or "
        "--shared-issuer say where else an issuer is served."
    )
    return _check(name, Part.ISSUER, Verdict.WRONG, what)


def _keys(seen: ClusterSeen, against: Against) -> Check:
    name = "cluster's keys"
    if isinstance(seen.keys, Unseen):
        return _unknown(name, Part.KEY, seen.keys.action)
    if isinstance(seen.keys, CcoctlError):
        return _check(name, Part.KEY, Verdict.WRONG, f"The API server's JWKS cannot be used: {seen.keys.what}.")
    keys, documents = against.keys, against.documents
    if keys is None or isinstance(documents, CcoctlError):
        return _check(name, Part.KEY, Verdict.UNKNOWN, "Nobody can tell: the published JWKS cannot be had.")
    if missing := not_published(keys.to_publish(documents.jwks), documents.jwks):
        what = f"The API server takes tokens of {_listed(missing)}, which nobody else can check: it is not published."
        return _check(name, Part.KEY, Verdict.WRONG, what)
    left = [str(key.kid) for key in keys.left_out(documents.jwks)]
    if left and not keys.signer:
        what = f"{_listed(left)} is not published, and whether the cluster signs with it cannot be seen"
        return _check(name, Part.KEY, Verdict.UNKNOWN, f"{what} without the right to {keys.hidden}.")
    count = len(seen.keys.keys)
    what = (
        f"{'The key' if count == 1 else f'All {count} keys'} of the API server {'is' if count == 1 else 'are'} public."
        if not left
        else f"What the API server signs with is public, and of its {count} keys {count - len(left)}."
    )
    return _check(name, Part.KEY, Verdict.OK, what)


def not_published(own: Jwks, published: Jwks) -> list[str]:
    """The kids of the API server's keys that are not published, or under which another key is."""
    missing = []
    for key in own.keys:
        try:
            is_there = jwks.has(published, key.kid) and jwks.with_key(published, key) == published
        except CcoctlError:
            is_there = False
        if not is_there:
            missing.append(str(key.kid))
    return missing


def accounts_check(missing: Iterable[str], requests: tuple[CredentialsRequest, ...]) -> Check | None:
    """A component none of whose service accounts exists cannot be tried; None where there is no such."""
    gone = set(missing)
    silent = [
        str(request.secret)
        for request in requests
        if all(f"{request.secret.namespace}/{name}" in gone for name in request.service_accounts)
    ]
    if not silent:
        return None
    what = f"No service account exists of those for {_listed(silent)}: what they would get was not tried."
    return _check("service accounts", Part.ROLES, Verdict.UNKNOWN, what)


def _actions(values: Iterable[object]) -> list[str]:
    return sorted({value.action for value in values if isinstance(value, Unseen)})


def _listed(things: list[str]) -> str:
    told = ", ".join(things[:_SHOWN]) if all(" " not in thing for thing in things) else "; ".join(things[:_SHOWN])
    return told if len(things) <= _SHOWN else f"{told}; and {len(things) - _SHOWN} more"


def _unknown(name: str, part: Part, *rights: str) -> Check:
    what = f"It may not be looked at without the right to {_listed(list(rights)) if rights else 'read it'}."
    return _check(name, part, Verdict.UNKNOWN, what)


def _check(name: str, part: Part, verdict: Verdict, detail: str) -> Check:
    return Check(name=name, verdict=verdict, detail=detail, part=part)
