"""A component of the cluster as its pod would have it: its role, its token kept fresh, no credentials but those."""

from __future__ import annotations

import os
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.errors import CcoctlError, Problems, UsageError
from ccoctl.federation.clock import Clock
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.federation.keeper import Issued, Report, TokenKeeper
from ccoctl.federation.kubenames import service_account_problems
from ccoctl.federation.projected import Owner, ProjectedVolume
from ccoctl.federation.refresh import Term
from ccoctl.files import ensure_directory, write_whole
from ccoctl.workflows import manifest_files
from ccoctl.workflows.create_key_pair import PRIVATE, load_private_key_file
from ccoctl.workflows.pod_environment import pod_environment
from ccoctl.workflows.pod_folder import passing_folder
from ccoctl.workflows.pod_profile import Profile, parse, render
from ccoctl.workflows.pod_secret import choose

TOKEN = "token"  # noqa: S105 - a file's name, no password # nosec B105
_S3_HOST = re.compile(r"[^/]+\.s3\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.[a-z.]+")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_OURSELVES = Owner(user=os.geteuid()) if hasattr(os, "geteuid") else None
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


class PodOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for."""

    service_account: str
    """`namespace/name`."""
    manifests_dir: Path
    private_key_file: Path | None = None
    """None for the one in the directory above the manifests."""
    secret: str | None = None
    requests_dir: Path | None = None
    region: str | None = None
    audiences: tuple[str, ...] = (TOKEN_AUDIENCE,)
    lifetime: int = 3600
    """Seconds that a token lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What was found for it; everything is read and checked."""

    signer: Signer = field(repr=False)
    issuer: str
    request: TokenRequest
    profile: Profile
    region: str


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command of the component runs."""

    environment: Mapping[str, str]
    keeper: TokenKeeper


def component(order: PodOrder, callers: Mapping[str, str]) -> Component:
    """Read and check all that an order names; `callers` is the caller's environment.

    Raises:
        CcoctlError: something is missing, damaged or ambiguous.
    """
    if problems := service_account_problems("NAMESPACE/NAME", order.service_account):
        raise Problems(problems)
    namespace, _, name = order.service_account.partition("/")
    issuer = manifest_files.issuer(order.manifests_dir)
    secrets = manifest_files.secrets(order.manifests_dir)
    secret = choose(secrets, namespace, name, name=order.secret, requests_dir=order.requests_dir)
    if secret.credentials is None:
        what = f"The Secret {secret.ref} has no stringData.credentials, so it names no role"
        raise CcoctlError(what, where=str(secret.path), remedy="Make it anew: ccoctl aws create-iam-roles")
    profile = parse(secret.credentials, where=f"{secret.path}: stringData.credentials")
    private = order.private_key_file or order.manifests_dir.resolve().parent / PRIVATE
    return Component(
        signer=Signer(load_private_key_file(private)),
        issuer=issuer,
        request=TokenRequest(
            account=ServiceAccount(namespace, name, str(uuid.uuid4())),
            audiences=order.audiences,
            lifetime=order.lifetime,
        ),
        profile=profile,
        region=_region(order.region, issuer, callers),
    )


@contextmanager
def pod(of: Component, callers: Mapping[str, str], *, clock: Clock, report: Report) -> Iterator[Pod]:
    """A private directory with the component's profile and its token, which is kept fresh until the block ends.

    The directory is gone then, and soon after this process is killed, too.

    Args:
        of: the component.
        callers: the caller's environment, of which the pod's is made.
        clock: the time of day.
        report: is told of each refresh and each failure, mostly in a thread of its own.

    Raises:
        FileError: the directory cannot be written.
        TokenError: no such token can be issued.
    """
    with passing_folder("ccoctl-pod-") as root:
        home, volume = root / "home", root / "serviceaccount"
        for directory in (home, volume):
            ensure_directory(directory)
        credentials, config = root / "credentials", root / "config"
        write_whole(credentials, render(of.profile, volume / TOKEN), mode=0o600)
        write_whole(config, b"", mode=0o600)
        keeper = TokenKeeper(
            ProjectedVolume(volume, _OURSELVES),
            _issuing(of, clock),
            clock=clock,
            chance=random.random,  # no secret depends on it
            report=report,
            name=TOKEN,
        )
        environment = pod_environment(callers, credentials=credentials, config=config, home=home, region=of.region)
        with keeper:
            yield Pod(environment=environment, keeper=keeper)


def _issuing(of: Component, clock: Clock) -> Callable[[], Issued]:
    def issued() -> Issued:
        now = int(clock.now())
        token = issue(of.signer, of.request, issuer=of.issuer, now=now, token_id=str(uuid.uuid4()))
        life = of.request.lifetime
        return Issued(token=token, term=Term(expires=now + life, life=life))

    return issued


def _region(given: str | None, issuer: str, callers: Mapping[str, str]) -> str:
    """Of the component's calls: told, or the one that the issuer's bucket is in, or the caller's."""
    found = _S3_HOST.fullmatch(urlsplit(issuer).hostname or "")
    guesses = (given, found[1] if found else None, *(callers.get(name) for name in _REGIONS))
    region = next((guess for guess in guesses if guess), None)
    if region is None:
        raise UsageError("The issuer's address does not say which region its cluster is in", remedy="Give --region.")
    if not _REGION.fullmatch(region):
        raise UsageError(f"{region[:60]!a} is no region")
    return region
