"""An issuer's documents as the world sees them: fetched, compared with each other, and kept for a while.

Source: OpenID Connect Discovery 1.0 §4.3 (the issuer in the document must equal the URL it was asked for at).
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from ccoctl.errors import CcoctlError, DocumentError
from ccoctl.federation.https import Get
from ccoctl.federation.verify import KeySet, key_set
from ccoctl.signing import discovery, jwks
from ccoctl.signing.discovery import Discovery
from ccoctl.signing.jwk import Kid
from ccoctl.signing.jwks import Jwks

DEFAULT_AGE = 300
"""Seconds that documents are kept whose server does not say how long."""
LEAST_AGE = 1.0
"""Seconds that they are kept, and that a failure is, whatever the server says."""
LONGEST_AGE = 3600
"""Seconds that they are kept whatever the server says."""
BURST = 4
"""Fetches of one issuer at once, for kids that are not known."""
INTERVAL = 10.0
"""Seconds after which one more is allowed."""


_NUMBERS = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?")
"""Hosts that a resolver takes for an IPv4 address, however it is written (WHATWG URL, "ends in a number")."""
_WRAPPED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96", "::ffff:0:0/96", "2002::/16", "2001::/32")))
"""IPv6 networks whose addresses hold an IPv4 one."""


class Documents(msgspec.Struct, frozen=True, kw_only=True):
    """What an issuer publishes."""

    discovery: Discovery
    jwks: Jwks
    keys: KeySet
    max_age: float
    """Seconds that they may be kept."""


def published(issuer: str, get: Get) -> Documents:
    """The documents of an issuer.

    Raises:
        DocumentError: one cannot be had, or they do not belong together.
        SigningKeyError: one is damaged, or holds what must not be published.
    """
    if reason := discovery.url_problem(issuer) or ("ends with a slash" if issuer.endswith("/") else _private(issuer)):
        raise DocumentError(f"The issuer {reason}", where=ascii(issuer[:200])[1:-1])
    where = f"{issuer}/{discovery.PATH}"
    described = get(where, discovery.MAX_BYTES)
    document = discovery.parse(described.body, where=where)
    if document.issuer != issuer:
        what = f"The discovery document is another issuer's: {document.issuer[:200]!a}"
        raise DocumentError(what, where=where, remedy="Publish the issuer's own, character by character.")
    if urlsplit(document.jwks_uri).netloc != urlsplit(issuer).netloc:
        what = f"The discovery document sends whoever asks for keys to another host: {document.jwks_uri[:200]!a}"
        raise DocumentError(what, where=where, remedy="Publish the JWKS beside the discovery document.")
    listed = get(document.jwks_uri, jwks.MAX_BYTES)
    keys = jwks.parse(listed.body, where=document.jwks_uri)
    ages = [DEFAULT_AGE if age is None else age for age in (described.max_age, listed.max_age)]
    return Documents(discovery=document, jwks=keys, keys=key_set(keys), max_age=min(*ages, LONGEST_AGE))


def _private(url: str) -> str:
    """Why an address in a URL is none of the whole world's; empty for a public one, and for a name."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "has a host that looks like an address and is none" if _NUMBERS.fullmatch(host) else ""
    wrapped = any(address in network for network in _WRAPPED)
    return "has a private address" if wrapped or address.is_multicast or not address.is_global else ""


class _Kept(msgspec.Struct):
    lock: threading.Lock
    counted: float
    current: tuple[Documents, float] | None = None
    """The documents, and when they are stale."""
    failure: CcoctlError | None = None
    again: float = 0.0
    """When another try is made after a failure."""
    allowance: float = BURST


class IssuerCache:
    """Documents of several issuers, fetched when they are needed and no more often than they must be."""

    def __init__(self, get: Get, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._get = get
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def keys(self, issuer: str, kid: Kid) -> KeySet:
        """The issuer's keys; fetched anew where they are stale, or where this kid is not among them.

        A token costs a forger nothing, so fetches for unknown kids have an allowance: a few at once, then one in a
        while. A rotation is seen at once, and nobody can make us fetch without end.

        Raises:
            CcoctlError: the documents cannot be had or trusted.
        """
        with self._lock:
            kept = self._kept.setdefault(issuer, _Kept(threading.Lock(), counted=self._clock()))
        documents = self._good(kept)
        if documents is not None and kid in documents.keys:
            return documents.keys  # whoever waits for the issuer's server keeps nobody else waiting
        with kept.lock:
            documents = self._good(kept)
            if documents is None:
                return self._fresh(issuer, kept).keys
            if kid not in documents.keys and self._is_allowed(kept):
                with contextlib.suppress(CcoctlError):  # what we have is good still
                    documents = self._fetch(issuer, kept)
            return documents.keys

    def forget(self) -> None:
        """Fetch everything anew."""
        with self._lock:
            self._kept.clear()

    def _fresh(self, issuer: str, kept: _Kept) -> Documents:
        if kept.failure is not None and self._clock() < kept.again:
            raise kept.failure.with_traceback(None)
        try:
            return self._fetch(issuer, kept)
        except CcoctlError as error:
            kept.failure, kept.again = error, self._clock() + LEAST_AGE
            raise

    def _fetch(self, issuer: str, kept: _Kept) -> Documents:
        documents = published(issuer, self._get)
        kept.current = (documents, self._clock() + max(documents.max_age, LEAST_AGE))
        return documents

    def _good(self, kept: _Kept) -> Documents | None:
        """The documents that are not stale."""
        current = kept.current
        return current[0] if current is not None and self._clock() < current[1] else None

    def _is_allowed(self, kept: _Kept) -> bool:
        now = self._clock()
        kept.allowance = min(BURST, kept.allowance + (now - kept.counted) / INTERVAL)
        kept.counted = now
        if kept.allowance < 1:
            return False
        kept.allowance -= 1
        return True
