"""HTTP for registries: bounded in size and time, redirects followed without the caller's credentials.

Source: the OCI distribution specification; RFC 9110, section 15.4 on redirects.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from httpx2 import Client, HTTPError, InvalidURL, Response, Timeout

from ccoctl.engine.clock import Clock
from ccoctl.errors import ErrorKind, ImageError, ProxyError, spaced
from ccoctl.federation.deadline import Deadline
from ccoctl.federation.proxies import are_fit, check_proxies
from ccoctl.federation.sendable import MARRED, is_refused_header

TIMEOUT = 30.0
"""Seconds for each part of a request: connecting, sending, and every piece of the answer."""
DEADLINE = 60.0
"""Seconds for a small answer as a whole."""
LONG_DEADLINE = 3600.0
"""Seconds for a layer as a whole."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_CHUNK = 256 * 1024
_SHOWN = 300
_SECRET = re.compile(r"(?<=(?i:header value)) .*|(?i:bearer|basic)\s+\S+|ey[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Which servers are believed."""

    insecure: bool = False
    """Plain HTTP and certificates of anybody will do."""
    authorities: Path | None = None
    """Certificate authorities that are trusted beside the system's."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A server's answer; its body comes in pieces, and only once."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    challenges: tuple[str, ...]
    """Each header WWW-Authenticate."""
    pieces: Iterator[bytes]
    foreign: bool = False
    """It is from another server than the one that was asked, which sent us there."""

    def whole(self, limit: int) -> bytes:
        """The body.

        Raises:
            ImageError: it has more than so many bytes.
        """
        data = bytearray()
        for piece in self.pieces:
            data += piece
            if len(data) > limit:
                raise ImageError(f"The answer has more than {limit:,} bytes")
        return bytes(data)


class Wire:
    """Connections to registries, and to the hosts that they send us to."""

    def __init__(self, trust: Trust, clock: Clock) -> None:
        """Nothing is sent yet.

        Raises:
            ImageError: the file of certificate authorities is none.
        """
        self.trust = trust
        # it would read all proxies at once; where one is none, only hosts are asked that need none
        reads = are_fit()
        self._http = Client(verify=_context(trust), timeout=Timeout(TIMEOUT), follow_redirects=False, trust_env=reads)
        self._deadline = Deadline(self._http, clock)

    def close(self) -> None:
        """Give the connections up."""
        self._http.close()

    @contextmanager
    def get(
        self, url: str, headers: Mapping[str, str], *, authorization: str = "", deadline: float = DEADLINE
    ) -> Iterator[Answer]:
        """A document; redirects are followed.

        Args:
            url: what is asked for.
            headers: that every server is sent.
            authorization: that only the server of the URL is sent, never another host or port or plain HTTP.
            deadline: seconds for the whole answer.

        Raises:
            ImageError: there is no answer, too many redirects, or one to where nobody should go.
        """
        origin = _origin(url)
        with self._deadline.within(deadline):
            for _ in range(_MOST_REDIRECTS + 1):
                secret = {"Authorization": authorization} if authorization and _origin(url) == origin else {}
                with self._sent("GET", url, {**headers, **secret}) as response:
                    if response.status_code not in _REDIRECTS:
                        yield self._answer(response, foreign=_origin(url) != origin)
                        return
                    url = self._redirected(url, response.headers.get("Location", ""))
        raise ImageError(f"The server redirects more than {_MOST_REDIRECTS} times")

    def post(self, url: str, form: Mapping[str, str], *, limit: int) -> tuple[int, bytes]:
        """Send a form, and give the status and the body of the answer; redirects are not followed.

        Raises:
            ImageError: there is no answer, or one that is too long.
        """
        with self._deadline.within(DEADLINE), self._sent("POST", url, {}, form) as response:
            answer = self._answer(response, foreign=False)
            return answer.status, answer.whole(limit)

    @contextmanager
    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Iterator[Response]:
        # what is packed could unpack to anything
        more = {"Accept-Encoding": "identity", "User-Agent": "ccoctl-python", **headers}
        with ExitStack() as stack:
            # what httpx raises, which a traceback would show, may quote the headers
            try:
                check_proxies(url)
                stream = self._http.stream(method, url, headers=more, data=dict(form) if form else None)
                response = stack.enter_context(stream)
            except ProxyError as error:
                raise ImageError(error.what, remedy=error.remedy) from None
            except (HTTPError, InvalidURL, OSError, ValueError) as error:
                raise _no_answer(error) from None
            try:
                yield response
            except (HTTPError, OSError) as error:
                raise _no_answer(error) from None

    def _answer(self, response: Response, *, foreign: bool) -> Answer:
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            challenges=tuple(response.headers.get_list("WWW-Authenticate")),
            pieces=response.iter_raw(_CHUNK),
            foreign=foreign,
        )

    def _redirected(self, url: str, location: str) -> str:
        taken_apart(location)  # before it is joined, which takes it apart, too
        target = urljoin(url, location) if location else ""
        parts = taken_apart(target)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
            raise ImageError(f"The server redirects to {shown(location)!r}, which is no address of a web server")
        if parts.scheme == "http" and url.startswith("https:") and not self.trust.insecure:
            remedy = "Allow it with --insecure, if you mean that."
            raise ImageError(f"The server redirects to {shown(parts.netloc)}, without TLS", remedy=remedy)
        return target


def shown(text: object) -> str:
    """A server's words: bounded, on one line, and without anything that may be a secret."""
    return _SECRET.sub("<secret>", spaced(str(text)[: 10 * _SHOWN]))[:_SHOWN].strip()


def taken_apart(url: str) -> SplitResult:
    """The parts of a URL that a server wrote.

    Raises:
        ImageError: it has none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is read only now
    except ValueError as error:
        raise ImageError(f"The server sends us to {shown(url)!r}, which is no URL") from error
    return parts


def _origin(url: str) -> tuple[str, str, int]:
    parts = taken_apart(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _context(trust: Trust) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trust.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.authorities is not None:
        try:
            context.load_verify_locations(cafile=trust.authorities)
        except (OSError, ValueError) as error:
            what = f"This is no file of certificate authorities: {shown(error)}"
            raise ImageError(what, where=str(trust.authorities), remedy="It must hold them as PEM.") from error
    return context


def _no_answer(error: Exception) -> ImageError:
    if is_refused_header(error):
        return ImageError(f"The login cannot be sent: it {MARRED}", remedy="Log in again.")
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        remedy = "Name the authority that signed its certificate with --certificate-authority."
        return ImageError(f"The server's certificate is not trusted: {shown(error)}", remedy=remedy)
    if any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes):
        return ImageError(f"There is no such server: {shown(error)}", remedy="Check the name of the registry.")
    if any(isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER" for cause in causes):
        remedy = "Allow plain HTTP with --insecure, if you mean that."
        return ImageError("The server does not speak TLS", remedy=remedy)
    kind = ErrorKind.TRANSIENT if isinstance(error, HTTPError | OSError) else ErrorKind.PERMANENT
    return ImageError(f"There is no answer: {shown(error) or type(error).__name__}", kind=kind)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
