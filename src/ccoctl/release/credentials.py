"""Pull secrets: the logins of a file in Docker's format, found for an image by the most specific key.

Source: containers-auth.json(5); Docker's config.json; the order of files is that of `oc --registry-config`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ccoctl import files
from ccoctl.errors import FileError
from ccoctl.federation.sendable import MARRED, is_sendable
from ccoctl.release.reference import DOCKER_HUB, Image

LIMIT = 4 * 1024 * 1024
"""Bytes of a file; a pull secret has about 3 KiB."""
_LOG_IN = "Log in again, or fetch the pull secret again."
_HUB_KEYS = frozenset({"index.docker.io", "registry-1.docker.io", "docker.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a registry is shown."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token, in place of a password."""
    registry_token: str = field(default="", repr=False)
    """A bearer token, shown as it is."""


class Logins(msgspec.Struct, frozen=True, kw_only=True):
    """The logins of several files, the first of which comes first."""

    by_file: tuple[tuple[str, Mapping[str, Login]], ...] = ()
    helpers: tuple[str, ...] = ()
    """Programs that keep logins, which are not asked."""

    def find(self, image: Image) -> Login | None:
        """The login for an image: of its repository, of what lies above it, of its registry."""
        for _, logins in self.by_file:
            for key in _keys(image):
                if key in logins:
                    return logins[key]
        return None


class _Auth(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _File(msgspec.Struct, rename="camel"):
    auths: dict[str, _Auth] | None = None
    cred_helpers: dict[str, str] | None = None
    creds_store: str = ""


def default_files(environment: Mapping[str, str], *, home: Path, uid: int) -> tuple[Path, ...]:
    """Where logins are looked for when no file is named, in the order of `oc`."""
    if named := environment.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    places = []
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime, "containers/auth.json"))
    places.append(Path(f"/run/containers/{uid}/auth.json"))
    places.append(Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "containers/auth.json"))
    if docker := environment.get("DOCKER_CONFIG"):
        places.append(Path(docker, "config.json"))
    return (*places, home / ".docker/config.json", home / ".dockercfg")


def load(paths: Iterable[Path], *, must_exist: bool) -> Logins:
    """The logins of these files.

    Args:
        paths: the files, the most important first.
        must_exist: a file that is missing is an error, since the user named it.

    Raises:
        FileError: one cannot be read, or is no such file.
    """
    found = []
    helpers: list[str] = []
    for path in paths:
        data = files.read_bytes(path, limit=LIMIT) if must_exist else files.read_if_present(path, limit=LIMIT)
        if data is not None and data.strip():
            read = _decode(path, data)
            found.append((str(path), dict(_logins(path, read.auths or {}))))
            helpers += [*(read.cred_helpers or {}).values(), *([read.creds_store] if read.creds_store else [])]
    return Logins(by_file=tuple(found), helpers=tuple(dict.fromkeys(name[:80] for name in helpers)))


def _decode(path: Path, data: bytes) -> _File:
    try:
        if path.name == ".dockercfg":  # older than `auths`, the same entries without a frame
            return _File(auths=msgspec.json.decode(data, type=dict[str, _Auth]))
        return msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # msgspec's sentence names the place in the document, never what stands there
        reason = str(error)[:200] if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        remedy = 'It must be as `oc registry login` or `podman login` writes it: {"auths": {"registry": {"auth": …}}}.'
        raise FileError(f"This is no file of registry logins: {reason}", where=str(path), remedy=remedy) from error


def _logins(path: Path, auths: Mapping[str, _Auth]) -> Iterator[tuple[str, Login]]:
    for key, auth in auths.items():
        if not is_sendable(auth.registrytoken):
            raise FileError(f"The token for {key[:200]!a} {MARRED}", where=str(path), remedy=_LOG_IN)
        user, password = auth.username, auth.password
        if auth.auth:
            user, password = _pair(path, key, auth.auth)
        if user or auth.identitytoken or auth.registrytoken:
            yield (
                _plain_key(key),
                Login(
                    user=user,
                    password=password,
                    identity_token=auth.identitytoken,
                    registry_token=auth.registrytoken,
                ),
            )


def _pair(path: Path, key: str, text: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode("".join(text.split()), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon, user, password = "", "", ""
    if not colon:
        what = f"The login for {key[:200]!a} is damaged: `auth` is not the Base64 of user:password"
        raise FileError(what, where=str(path), remedy=_LOG_IN)
    return user, password.rstrip("\0")


def _plain_key(key: str) -> str:
    """A key as `registry[/path]`: Docker once wrote URLs there, of which only the host counts."""
    scheme, separator, rest = key.partition("://")
    if separator and scheme in {"http", "https"}:
        key = rest.split("/", 1)[0]
    key = key.rstrip("/")
    host, slash, path = key.partition("/")
    if host in _HUB_KEYS:
        host, path = DOCKER_HUB, "" if path in {"v1", "v2"} else path
    return f"{host}/{path}" if slash and path else host


def _keys(image: Image) -> Iterator[str]:
    parts = image.name.split("/")
    for count in range(len(parts), 0, -1):
        yield "/".join(parts[:count])
