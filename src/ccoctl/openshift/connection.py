"""The way to an API server: what lightkube reads from a kubeconfig, and requests with bounds on time and size."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from httpx2 import Client, HTTPError, InvalidURL, Response, Timeout
from lightkube import KubeConfig
from lightkube.config import client_adapter
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from ccoctl.engine.clock import Clock, SystemClock
from ccoctl.errors import ClusterError, spaced
from ccoctl.federation.deadline import Deadline
from ccoctl.federation.proxies import are_fit, check_proxies
from ccoctl.federation.sendable import MARRED, has_controls, is_sendable

TIMEOUT = 15.0
"""Seconds for each part of a request: connecting, sending, and every piece of the answer."""
DEADLINE = 60.0
"""Seconds for a whole answer, so that nobody is kept by one that trickles."""
LIMIT = 8 * 1024 * 1024
"""Bytes of an answer; etcd takes objects of one and a half MiB, and a page has 50 of a few KiB each."""
SHOWN = 300
"""Characters of a server's message."""

_TOKEN = re.compile(
    r"(?<=(?i:header value)) .*|(?i:(?<=token=)|(?<=secret=)|(?<=password=))\S+"
    r"|ey[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?|(?i:bearer)\s+\S+|sha256~[\w-]+"
)
"""What is or may be a token, in whatever a server, a plugin or a library says; in a header it may have blanks."""
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError)
"""What lightkube ends in where a file is not of the shape that it takes for granted."""
_BAD_CONFIG = (ConfigError, InvalidURL, OSError, yaml.YAMLError, *_NONSENSE)
NO_ANSWER = (HTTPError, ConfigError, OSError, *_NONSENSE)
"""What a request ends in that gets no answer; a credentials plugin that a kubeconfig names may fail in its own ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server answered."""

    status: int
    body: bytes = field(repr=False)
    content_type: str


class ApiConnection:
    """HTTP to one API server with the caller's own credentials; may be used from several threads at a time."""

    def __init__(self, kubeconfig: Path, *, context: str = "", clock: Clock | None = None) -> None:
        """Nothing is asked yet.

        Raises:
            ClusterError: the file is no kubeconfig that can be used.
            ProxyError: the server is behind a proxy that is none.
        """
        try:
            config = KubeConfig.from_file(kubeconfig).get(context or None)
            if config is None:
                raise ConfigError("it has no current context")
            _check_user(config.user)
            # it would read all proxies at once; where one is none, only a host is asked that needs none
            how = client_adapter.ConnectionParams(timeout=Timeout(TIMEOUT), trust_env=are_fit())
            with _key_in_memory(config.user):
                self._http: Client = client_adapter.Client(config, how)
            if self._http.base_url.scheme not in {"http", "https"} or not self._http.base_url.host:
                raise ConfigError(_no_web_server(self._http.base_url.scheme))
            check_proxies(self.server)
            self._deadline = Deadline(self._http, clock or SystemClock())
        # whose text, which a traceback would show, may quote the file
        except _BAD_CONFIG as error:
            what = f"This is no kubeconfig that can be used: {_config_problem(error)}"
            raise ClusterError(what, where=str(kubeconfig), remedy="Try it with `kubectl --kubeconfig`.") from None

    @property
    def server(self) -> str:
        """The API server's address, without a password that may stand there."""
        return str(self._http.base_url.copy_with(username=None, password=None)).rstrip("/")

    def send(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], body: object = None
    ) -> Reply:
        """One request and its answer, whatever its status; redirects are not followed.

        Raises:
            ClusterError: it has more bytes than `LIMIT`.
            Exception: one of `NO_ANSWER`, where there is none, or none within `DEADLINE`.
        """
        content = None if body is None else json.dumps(body).encode()
        # what is packed could unpack to anything
        more = {"Accept-Encoding": "identity", "User-Agent": "ccoctl-python", **headers}
        with (
            self._deadline.within(DEADLINE),
            self._http.stream(method, path, params=dict(query), headers=more, content=content) as response,
        ):
            return Reply(
                status=response.status_code,
                body=b"".join(_bounded(response)),
                content_type=response.headers.get("Content-Type", ""),
            )

    def close(self) -> None:
        """Give the connections up."""
        self._http.close()


@contextlib.contextmanager
def _key_in_memory(user: User | None) -> Iterator[None]:
    """A client's key has to be a file for the TLS library; where the system can, it is one that no disk ever sees."""
    if user is None or not user.client_key_data or not hasattr(os, "memfd_create"):
        yield
        return
    descriptor = os.memfd_create("client-key", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(base64.b64decode(user.client_key_data))
        user.client_key, user.client_key_data = f"/proc/self/fd/{descriptor}", None
        yield
    finally:
        os.close(descriptor)


def _check_user(user: User | None) -> None:
    """A secret that no header can hold would be quoted by whoever is to write the header."""
    if user is None:
        return
    if not is_sendable(user.token or ""):
        raise ConfigError(f"the token of its user {MARRED}")
    for what, text in (("username", user.username), ("password", user.password)):
        if has_controls(text or ""):
            raise ConfigError(f"the {what} of its user {MARRED}")


def _no_web_server(scheme: str) -> str:
    """What is told of a server's address: its scheme alone, since a password may stand in it."""
    return f"its server{f', {scheme[:20]}:,' if scheme else ''} is no address of a web server"


def _bounded(response: Response) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_raw():
        size += len(piece)
        if size > LIMIT:
            raise ClusterError(f"the answer has more than {LIMIT:,} bytes")
        yield piece


def shown(text: object) -> str:
    """A server's words: bounded, on one line, and without anything that may be a token."""
    return _TOKEN.sub("<token>", spaced(str(text)[: 10 * SHOWN]))[:SHOWN].strip()


def is_untrusted(error: BaseException) -> bool:
    """True when the server's certificate is why there is no answer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _config_problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):  # its text would quote the file, tokens and all
        line = f" on line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return f"it is not YAML{line}"
    if isinstance(error, InvalidURL):  # it quotes what it takes for a port
        return _no_web_server("")
    return shown(error) or type(error).__name__
