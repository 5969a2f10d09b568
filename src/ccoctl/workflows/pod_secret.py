"""Which Secret a service account's component reads its credentials from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import CcoctlError, UsageError
from ccoctl.workflows.manifest_files import ComponentSecret


def choose(
    secrets: Sequence[ComponentSecret],
    namespace: str,
    service_account: str,
    *,
    name: str | None = None,
    requests_dir: Path | None = None,
) -> ComponentSecret:
    """The Secret of that name, or that a request for the service account names, or the only one of the namespace.

    Raises:
        CcoctlError: there is none.
        UsageError: there are several; all of them are listed.
        Problems, FileError: the requests cannot be read.
    """
    there = [one for one in secrets if one.ref.namespace == namespace]
    if not there:
        known = ", ".join(sorted({one.ref.namespace for one in secrets})) or "none at all"
        what = f"No Secret in the manifests is of the namespace {namespace}"
        raise CcoctlError(what, remedy=f"The namespaces that have one: {known}.")
    if name is not None:
        fitting = [one for one in there if one.ref.name == name]
        if not fitting:
            what = f"The namespace {namespace} has no Secret {name[:253]!a} in the manifests"
            raise CcoctlError(what, remedy=f"It has {_listed(there)}.")
    elif requests_dir is not None:
        fitting = _requested(there, _asked_for(requests_dir, namespace, service_account), namespace, service_account)
    else:
        fitting = there
    if len(fitting) > 1:
        what = f"{namespace}/{service_account} could read several Secrets: {_listed(fitting)}"
        remedy = "Name one with --secret, or give --credentials-requests-dir, which says whose they are."
        raise UsageError(what, remedy=remedy)
    return fitting[0]


def _asked_for(requests_dir: Path, namespace: str, service_account: str) -> set[SecretRef]:
    return {
        request.secret
        for request in load(requests_dir).requests
        if request.secret.namespace == namespace and service_account in request.service_accounts
    }


def _requested(
    there: Sequence[ComponentSecret], asked_for: Collection[SecretRef], namespace: str, service_account: str
) -> list[ComponentSecret]:
    if not asked_for:
        what = f"No CredentialsRequest is for the service account {namespace}/{service_account}"
        raise CcoctlError(what, remedy="Check the name, or choose a Secret with --secret.")
    fitting = [one for one in there if one.ref in asked_for]
    if not fitting:
        names = ", ".join(sorted(map(str, asked_for)))
        what = f"The manifests lack the Secret that {namespace}/{service_account} reads: {names}"
        raise CcoctlError(what, remedy="Make it: ccoctl aws create-iam-roles")
    return fitting


def _listed(secrets: Sequence[ComponentSecret]) -> str:
    return ", ".join(f"{one.ref.name} ({one.path.name})" for one in secrets)
