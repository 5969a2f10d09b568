"""The rights on a cluster that each command takes, from the Calls that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import (
    AwsProviderSpec,
    CredentialsRequest,
    SecretRef,
    Source,
)
from ccoctl.engine.call import Call
from ccoctl.federation.specimens import LIFETIME
from ccoctl.openshift import calls, rights
from ccoctl.openshift.observe import ROOT_NAMESPACE
from ccoctl.openshift.rights import ANY
from ccoctl.openshift.seen import ROOT_SECRETS

Requests = Iterable[CredentialsRequest]
_ANYBODY = ("default", "default")
"""The service account whose tokens tell which key signs; every cluster has it."""


def _look(requests: Requests) -> Iterator[Call]:
    """What `openshift.observe` asks of every cluster."""
    yield calls.get_authentication()
    yield calls.get_infrastructure()
    yield calls.get_discovery()
    yield calls.get_keys()
    yield calls.list_credentials_requests()
    for request in requests:
        yield calls.get_secret(request.secret.namespace, request.secret.name)


def _tokens(requests: Requests) -> Iterator[Call]:
    for request in requests:
        for name in request.service_accounts:
            yield calls.create_token(request.secret.namespace, name, (TOKEN_AUDIENCE,), LIFETIME)


def _change_secrets(requests: Requests) -> Iterator[Call]:
    for request in requests:
        yield calls.apply_secret(request.secret.namespace, request.secret.name, {})
        yield calls.delete_secret(request.secret.namespace, request.secret.name)


def _verify(requests: Requests) -> Iterator[Call]:
    yield from _look(requests)
    yield calls.get_cloud_credential()
    for name in ROOT_SECRETS:
        yield calls.look_for_secret(ROOT_NAMESPACE, name)
    yield from _tokens(requests)


def _adopt(requests: Requests) -> Iterator[Call]:
    yield from _look(requests)
    yield from _tokens(requests)


def _signing_keys() -> Iterator[Call]:
    """What tells which of its keys a cluster signs with, and is about to."""
    yield calls.create_token(*_ANYBODY, (TOKEN_AUDIENCE,), LIFETIME)
    yield from (calls.get_signing_key(which) for which in calls.SIGNING_KEYS)


def _repair(requests: Requests) -> Iterator[Call]:
    yield from _look(requests)
    yield from _signing_keys()
    yield from _change_secrets(requests)
    yield calls.set_issuer("")


def _upgrade(requests: Requests) -> Iterator[Call]:
    yield calls.list_credentials_requests()
    yield calls.get_cloud_credential()
    yield calls.set_upgradeable_to("")
    yield calls.create_namespace(ANY)
    for request in requests:
        yield calls.look_for_namespace(request.secret.namespace)
        yield calls.get_secret(request.secret.namespace, request.secret.name)
    yield from _change_secrets(requests)


def _rotate(_: Requests) -> Iterator[Call]:
    yield calls.get_keys()
    yield from _signing_keys()
    yield calls.apply_secret(*calls.SIGNING_KEYS["next"], {})
    yield calls.delete_secret(*calls.SIGNING_KEYS["next"])


def _migrate(requests: Requests) -> Iterator[Call]:
    yield calls.get_authentication()
    yield calls.set_issuer("")
    yield from _tokens(requests)


COMMANDS: Mapping[str, Callable[[tuple[CredentialsRequest, ...]], Iterator[Call]]] = {
    "verify": _verify,
    "adopt": _adopt,
    "repair": _repair,
    "upgrade": _upgrade,
    "rotate": _rotate,
    "migrate": _migrate,
}
"""By the word that a user names each with."""

_WHICHEVER = CredentialsRequest(
    name=ANY,
    namespace=ANY,
    annotations={},
    secret=SecretRef(namespace=ANY, name=ANY),
    service_accounts=(ANY,),
    spec=AwsProviderSpec(statements=()),
    source=Source(file="", line=0, document=0),
)
"""Stands for the requests of a release where none are at hand."""


def roles_for(commands: Iterable[str], name: str, requests_dir: Path | None) -> tuple[dict[str, Any], ...]:
    """The roles of RBAC for these commands, as documents.

    Args:
        commands: of COMMANDS.
        name: what the roles are called.
        requests_dir: the release's requests, so that the roles cover their Secrets and service accounts alone; without
            them a ClusterRole covers those of every namespace.

    Raises:
        Problems, FileError: the requests cannot be read.
    """
    requests = load(requests_dir).requests if requests_dir is not None else (_WHICHEVER,)
    return rights.roles(name, (call for command in commands for call in COMMANDS[command](requests)))
