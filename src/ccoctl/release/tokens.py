"""Getting past a registry's challenge: a login as it is, or a token that another server gives for it.

Source: the distribution project's token authentication, and its OAuth2 form for identity tokens.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import urlencode

import msgspec

from ccoctl.errors import ErrorKind, ImageError
from ccoctl.federation.sendable import is_sendable
from ccoctl.release.challenge import Challenge, challenges
from ccoctl.release.credentials import Login
from ccoctl.release.reference import Image
from ccoctl.release.wire import Wire, shown, taken_apart

_LIMIT = 256 * 1024
"""Bytes of a token server's answer."""
_LONGEST_TOKEN = 32 * 1024
_CLIENT = "ccoctl"


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


class Authenticator:
    """What one repository of a registry is shown; empty until the registry asks for something."""

    def __init__(self, image: Image, login: Login | None, wire: Wire) -> None:
        """Nothing is sent yet."""
        self._image = image
        self._login = login
        self._wire = wire
        self.authorization = f"Bearer {login.registry_token}" if login and login.registry_token else ""

    def satisfy(self, headers: Iterable[str], *, plain: bool) -> None:
        """Make of a registry's challenges what it asks for; a token before a login.

        Args:
            headers: the values of WWW-Authenticate.
            plain: the registry was asked over HTTP, so its token server may be, too.

        Raises:
            ImageError: nothing can be made of them, or the token server refuses.
        """
        asked = {one.scheme: one for one in reversed(challenges(headers))}
        if bearer := asked.get("bearer"):
            self.authorization = f"Bearer {self._token(bearer, plain=plain)}"
        elif "basic" in asked:
            if self._login is None or not self._login.user:
                raise denied("The registry asks for a login, and none is known for it")
            self.authorization = self._basic(self._login)
        else:
            schemes = ", ".join(asked) or "nothing that is known"
            raise denied(f"The registry refuses, and asks for {shown(schemes)}")

    def _token(self, challenge: Challenge, *, plain: bool) -> str:
        realm = challenge.parameters.get("realm", "")
        parts = taken_apart(realm)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise denied(f"The registry names no token server, but {shown(realm)!r}")
        if parts.scheme == "http" and not plain and not self._wire.trust.insecure:
            what = f"The registry sends logins to {shown(parts.netloc)} without TLS"
            raise ImageError(what, remedy="Allow it with --insecure, if you mean that.")
        # what the registry wants to be asked for may be more than is needed
        form = {"scope": f"repository:{self._image.repository}:pull", "client_id": _CLIENT}
        if service := challenge.parameters.get("service", ""):
            form["service"] = service
        if self._login is not None and self._login.identity_token:
            refresh = {"grant_type": "refresh_token", "refresh_token": self._login.identity_token}
            status, body = self._wire.post(realm, {**form, **refresh}, limit=_LIMIT)
        else:
            status, body = self._asked(realm, form)
        return _read(status, body, parts.netloc)

    def _asked(self, realm: str, form: dict[str, str]) -> tuple[int, bytes]:
        basic = self._basic(self._login) if self._login is not None and self._login.user else ""
        url = f"{realm}{'&' if taken_apart(realm).query else '?'}{urlencode(form)}"
        with self._wire.get(url, {"Accept": "application/json"}, authorization=basic) as answer:
            return answer.status, answer.whole(_LIMIT)

    @staticmethod
    def _basic(login: Login) -> str:
        return f"Basic {b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def denied(what: str) -> ImageError:
    """A refusal, and what to do about it."""
    remedy = "Give a file with a login for it with --registry-config, such as the cluster's pull secret."
    return ImageError(what, kind=ErrorKind.DENIED, remedy=remedy)


def _read(status: int, body: bytes, server: str) -> str:
    if status in {401, 403}:
        raise denied(f"The token server {shown(server)} refuses the login (HTTP {status})")
    if status != 200:
        kind = ErrorKind.THROTTLED if status == 429 else ErrorKind.TRANSIENT if status >= 500 else ErrorKind.PERMANENT
        raise ImageError(f"The token server {shown(server)} answered HTTP {status}", kind=kind)
    try:
        read = msgspec.json.decode(body, type=_Token)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ImageError(f"The token server {shown(server)} answered something that is no token") from error
    token = read.token or read.access_token
    if not token or len(token) > _LONGEST_TOKEN or not is_sendable(token):
        raise ImageError(f"The token server {shown(server)} gave no token that can be shown")
    return token
