"""Read a release: find its image, in a registry, in a mirror of it or on disk, with the logins that the user has."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from ccoctl import files
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import CredentialsRequest, Loaded, Skipped
from ccoctl.credentialsrequest.parse import parse as parse_requests
from ccoctl.engine.clock import Clock, SystemClock
from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.errors import ErrorKind, FileError, ImageError, Problem, Problems
from ccoctl.release import credentials, mirrors, payload, requests
from ccoctl.release.credentials import Logins
from ccoctl.release.inclusion import Inclusion, inclusion
from ccoctl.release.layout import LayoutSource
from ccoctl.release.mirrors import Mirrors
from ccoctl.release.payload import Payload
from ccoctl.release.reference import Image, parse
from ccoctl.release.registry import POLICY, RegistrySource
from ccoctl.release.wire import Trust, Wire

MIRRORS_LIMIT = 4 * 1024 * 1024
CONFIG_LIMIT = 1024 * 1024
"""Bytes of an install-config; one has a few KiB."""
_IMPATIENT = RetryPolicy(
    throttled=Patience(first=0.5, longest=1.0, total=2.0), transient=Patience(first=0.5, longest=1.0, total=2.0)
)
"""For a mirror that does not answer while there are other places to look."""

Tell = Callable[[str], None]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How images are reached."""

    registry_config: Path | None = None
    mirror_files: tuple[Path, ...] = ()
    """Of policies that name mirrors."""
    trust: Trust = msgspec.field(default_factory=Trust)
    arch: str = ""
    environment: Mapping[str, str]
    """The caller's: where logins are."""


def read_payload(reference: str, access: Access, *, tell: Tell, clock: Clock | None = None) -> Payload:
    """The manifests of the release that a reference names.

    Args:
        reference: `registry/repository:tag@digest`, `oci:DIRECTORY` or `oci-archive:FILE`.
        access: logins, mirrors and trust.
        tell: takes a sentence about a place where the image was not.
        clock: to wait by before a registry is asked again.

    Raises:
        UsageError: the reference is none.
        ImageError: the image is nowhere, cannot be read, or is no release.
        FileError, Problems: a file that was named cannot be used.
    """
    parsed = parse(reference)
    if isinstance(parsed, Image):
        return _from_registries(parsed, access, tell, clock or SystemClock())
    return payload.read(LayoutSource(parsed), arch=access.arch, machine=platform.machine())


def requests_in(
    reference: str, access: Access, *, install_config: Path | None = None, tell: Tell, clock: Clock | None = None
) -> Loaded:
    """The CredentialsRequests of a release image, as a directory of them would be read.

    Args:
        reference: the image.
        access: logins, mirrors and trust.
        install_config: leave out what the cluster that it describes would not get.
        tell: takes sentences about places and about what is left out.
        clock: to wait by before a registry is asked again.

    Raises:
        as `read_payload`, and Problems with everything that is wrong in any request.
    """
    included = read_inclusion(install_config) if install_config is not None else None
    found = read_payload(reference, access, tell=tell, clock=clock)
    extracted = requests.extract(found.files, where=reference, included=included)
    if included is not None and extracted.left_out:
        tell(f"left out: {', '.join(f'{count} {reason}' for reason, count in extracted.left_out.items())}")
    read: list[CredentialsRequest | Skipped] = []
    problems: list[Problem] = []
    for name, content in extracted.files.items():
        parsed = parse_requests(f"{reference}: {name}", content.encode())
        read += parsed.found
        problems += parsed.problems
    if problems:
        raise Problems(tuple(problems))
    return Loaded(
        directory=reference,
        requests=tuple(one for one in read if isinstance(one, CredentialsRequest)),
        skipped=tuple(one for one in read if isinstance(one, Skipped)),
    )


def read_inclusion(install_config: Path) -> Inclusion:
    """What an install-config says about the manifests that its cluster gets.

    Raises:
        FileError: it cannot be read.
        Problems: it is no install-config.
    """
    return inclusion(str(install_config), files.read_bytes(install_config, limit=CONFIG_LIMIT))


def requests_of(reference: str, access: Access, *, tell: Tell) -> Loaded:
    """The CredentialsRequests that a reference names: a directory, or else an image.

    Raises:
        FileError: it is a bare name and no directory; Docker Hub, which it would mean, has no releases.
        as `requests_in`.
    """
    path = Path(reference)
    if not path.is_dir() and not set(reference) & set("/.:@"):
        raise FileError(
            f"there is no directory {reference[:200]}",
            remedy="Name a directory of CredentialsRequests, or an image as registry/repository:tag, oci:DIRECTORY or "
            "oci-archive:FILE.",
        )
    is_path = reference.startswith(("/", "./", "../"))  # no registry's name begins so
    return load(path) if is_path or path.is_dir() else requests_in(reference, access, tell=tell)


def _from_registries(image: Image, access: Access, tell: Tell, clock: Clock) -> Payload:
    rules = tuple(rule for path in access.mirror_files for rule in _rules(path))
    logins = _logins(access)
    where = mirrors.places(image, rules)
    failures: list[ImageError] = []
    with closing(Wire(access.trust, clock)) as wire:
        for number, place in enumerate(where, start=1):
            last = number == len(where)
            policy = POLICY if last else _IMPATIENT
            source = RegistrySource(place, logins.find(place), wire, clock, policy=policy)
            try:
                return payload.read(source, arch=access.arch, machine=platform.machine())
            except ImageError as error:
                failures.append(_with_helpers(error, logins, place))
                if not last:
                    tell(f"{place} cannot be read, so the next place is tried: {error.what}")
    if len(failures) == 1:
        raise failures[0]
    raise _nowhere(image, failures)


def _nowhere(image: Image, failures: list[ImageError]) -> ImageError:
    if not failures:
        remedy = "Its policy says NeverContactSource and names no mirror."
        return ImageError("There is no place where this image may be looked for", where=str(image), remedy=remedy)
    kind = failures[-1].kind
    tried = "\n".join(f"  {failure.where}: {failure.what}" for failure in failures)
    remedy = next((failure.remedy for failure in reversed(failures) if failure.remedy), "")
    what = f"The image could be read in none of {len(failures)} places\n{tried}"
    return ImageError(what, kind=kind, where=str(image), remedy=remedy)


def _with_helpers(error: ImageError, logins: Logins, image: Image) -> ImageError:
    if error.kind is ErrorKind.DENIED and logins.helpers and logins.find(image) is None:
        names = ", ".join(f"docker-credential-{name}" for name in logins.helpers)
        error.remedy += f" Logins that {names} keeps are not read."
    return error


def _logins(access: Access) -> Logins:
    if access.registry_config is not None:
        return credentials.load((access.registry_config,), must_exist=True)
    home = Path(access.environment.get("HOME") or "/")
    uid = os.getuid() if hasattr(os, "getuid") else 0
    named = bool(access.environment.get("REGISTRY_AUTH_FILE"))
    return credentials.load(credentials.default_files(access.environment, home=home, uid=uid), must_exist=named)


def _rules(path: Path) -> tuple[Mirrors, ...]:
    return mirrors.parse(str(path), files.read_bytes(path, limit=MIRRORS_LIMIT))
