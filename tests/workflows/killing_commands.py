"""The commands that are killed, each with what it finds: an account, a cluster, an output directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import yaml

from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC, load_private_key_file
from tests.federation.forgery import rsa_key
from tests.workflows.commands import REGION, write_requests
from tests.workflows.killing_host import clock
from tests.workflows.killing_world import World
from tests.workflows.rotating import ACCOUNT, Operated
from tests.workflows.traffic import components_of
from tests.workflows.upgrading import releases

DAY = 86400
_NAMED = ("--name", "demo", "--region", REGION)
_REQUESTS = ("--credentials-requests-dir", "requests")
_OUT = ("--output-dir", "out")
_CLUSTER = ("--kubeconfig", "kubeconfig", "--yes")
_PRIVATE = ("--create-private-s3-bucket",)
_CREATE = ("aws", "create-all", *_NAMED, *_REQUESTS, *_OUT)
_KEYS = ("aws", "create-key-pair", *_OUT)
_PROVIDER = ("aws", "create-identity-provider", *_NAMED, *_OUT)
_ARN = "arn:aws:iam::123456789012:oidc-provider/demo-oidc.s3.us-east-1.amazonaws.com"
_ROTATE = ("aws", "rotate-signing-key", *_NAMED, *_OUT)
_THERE = ("aws", "migrate-to-private-bucket", *_NAMED, *_REQUESTS, *_OUT, *_CLUSTER)
_BACK = ("aws", "migrate-to-public-bucket", *_NAMED, *_REQUESTS, *_OUT, *_CLUSTER)
_OLD, _NEW = ("--credentials-requests-dir", "old"), ("--credentials-requests-dir", "new")
_UPGRADE = (*_NAMED, *_NEW, *_OUT, *_CLUSTER)


@dataclass(frozen=True)
class Scenario:
    """One command, killed and run again."""

    command: tuple[str, ...]
    prepare: Callable[[World], object]
    """Makes what the command finds."""
    takes_down: bool = False
    """Whether it is its business that a key is not published any more."""


def _nothing(world: World) -> None:
    write_requests(world.folder / "requests", "openshift-machine-api/aws-cloud-credentials", "openshift-ingress/cloud")


def _after(*commands: tuple[str, ...]) -> Callable[[World], None]:
    """An account in which these have been run."""

    def prepare(world: World) -> None:
        _nothing(world)
        world.done(*commands)

    return prepare


def _installed(*options: str, requests: tuple[str, ...] = _REQUESTS) -> Callable[[World], None]:
    """A set-up, and the cluster that an installer makes of it; its operator rolls out what it is told to."""

    def prepare(world: World) -> None:
        _nothing(world)
        releases(world.folder)
        world.done(("aws", "create-all", *_NAMED, *requests, *_OUT, *options))
        manifest = world.out / "manifests" / "cluster-authentication-02-config.yaml"
        issuer = yaml.safe_load(manifest.read_text())["spec"]["serviceAccountIssuer"]
        directory = world.folder / requests[-1]
        accounts = frozenset({ACCOUNT, *(component.account for component in components_of(directory))})
        key = load_private_key_file(world.out / PRIVATE)
        made = Operated(key, issuer, accounts, now=clock, generates=lambda: rsa_key("by the operator"))
        made.as_openshift().add_files(world.out / "manifests")
        world.cluster = made

    return prepare


def _then(begun: Callable[[World], None], *commands: tuple[str, ...], later: float = 0.0) -> Callable[[World], None]:
    """After these commands and some time."""

    def prepare(world: World) -> None:
        begun(world)
        world.done(*commands)
        clock.later(later)

    return prepare


_PUBLIC_CLUSTER, _PRIVATE_CLUSTER = _installed(), _installed(*_PRIVATE)
_ROTATED = (*_ROTATE, "--new-key", *_CLUSTER)

SCENARIOS = {
    "create-key-pair": Scenario(_KEYS, _nothing),
    "create-identity-provider": Scenario((*_PROVIDER, "--public-key-file", f"out/{PUBLIC}"), _after(_KEYS)),
    "create-iam-roles": Scenario(
        ("aws", "create-iam-roles", *_NAMED, *_REQUESTS, *_OUT, "--identity-provider-arn", _ARN),
        _after(_KEYS, _PROVIDER),
    ),
    "create-all": Scenario(_CREATE, _nothing),
    "create-all, private": Scenario((*_CREATE, *_PRIVATE), _nothing),
    "create-all, private with OAC": Scenario((*_CREATE, *_PRIVATE, "--origin-access", "oac"), _nothing),
    "create-all, shared issuer": Scenario((*_CREATE, "--shared-issuer", "fleet"), _nothing),
    "create-all, issuer served by the user": Scenario((*_CREATE, "--issuer-url", "https://a.example.com"), _nothing),
    "create-all, kubernetes": Scenario((*_CREATE, "--flavor", "kubernetes"), _nothing),
    "delete": Scenario(("aws", "delete", *_NAMED, "--yes"), _after(_CREATE), takes_down=True),
    "delete, private": Scenario(("aws", "delete", *_NAMED, "--yes"), _after((*_CREATE, *_PRIVATE)), takes_down=True),
    "delete, shared issuer": Scenario(
        ("aws", "delete", *_NAMED, "--shared-issuer", "fleet", "--yes"),
        _after((*_CREATE, "--shared-issuer", "fleet")),
        takes_down=True,
    ),
    "upgrade prepare": Scenario(
        ("aws", "upgrade", "prepare", *_UPGRADE, "--target-version", "4.19"), _installed(requests=_OLD)
    ),
    "upgrade finish": Scenario(
        ("aws", "upgrade", "finish", *_UPGRADE),
        _then(_installed(requests=_OLD), ("aws", "upgrade", "prepare", *_UPGRADE, "--target-version", "4.19")),
    ),
    "rotate-signing-key, new pair": Scenario(_ROTATED, _PUBLIC_CLUSTER),
    "rotate-signing-key, new pair, private": Scenario(_ROTATED, _PRIVATE_CLUSTER),
    "rotate-signing-key, key of the cluster": Scenario((*_ROTATE, "--cluster-key", *_CLUSTER), _PUBLIC_CLUSTER),
    "rotate-signing-key, without cluster": Scenario((*_ROTATE, "--new-key", "--yes"), _PUBLIC_CLUSTER),
    "rotate-signing-key, retirement": Scenario(
        (*_ROTATE, "--retire-old", *_CLUSTER), _then(_PUBLIC_CLUSTER, _ROTATED, later=2 * DAY), takes_down=True
    ),
    "migrate-to-private-bucket": Scenario(_THERE, _PUBLIC_CLUSTER),
    "migrate-to-private-bucket, finish": Scenario((*_THERE, "--finish"), _then(_PUBLIC_CLUSTER, _THERE, later=2 * DAY)),
    "migrate-to-private-bucket, rollback": Scenario((*_THERE, "--rollback"), _then(_PUBLIC_CLUSTER, _THERE)),
    "migrate-to-public-bucket": Scenario(_BACK, _PRIVATE_CLUSTER),
    "migrate-to-public-bucket, finish": Scenario((*_BACK, "--finish"), _then(_PRIVATE_CLUSTER, _BACK, later=2 * DAY)),
}

_DELETE = ("aws", "delete", *_NAMED, "--yes")
REHEARSAL = (
    ("aws", "create-all", *_NAMED, *_REQUESTS, "--output-dir", "public"),
    _DELETE,
    ("aws", "create-all", *_NAMED, *_REQUESTS, "--output-dir", "private", *_PRIVATE),
    _DELETE,
)
"""What takes most of the ways that commands take."""
