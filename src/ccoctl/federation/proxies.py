"""The proxies that the environment names, looked at before anybody uses one.

A password with a "/", "#" or "?" in it cuts the URL in two. Every library then takes half of the password for a port,
and quotes it in what it raises; so it does with the whole URL of a proxy that is none of HTTP.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ccoctl.errors import ProxyError

KINDS = ("http", "https", "all")
"""As in HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; httpx reads all of them at once, whatever it is asked for then."""
_REMEDY = (
    "Write it as http://USER:PASSWORD@HOST:PORT, with / # ? @ and what is no ASCII in the password percent-encoded "
    "(%2F %23 %3F %40). SOCKS is not supported."
)


def check_proxies(url: str, *, kinds: tuple[str, ...] = KINDS) -> None:
    """See that what may be used on the way to a URL is a proxy; nothing is where the host needs none (NO_PROXY).

    Args:
        url: what is to be asked.
        kinds: those that whoever asks reads.

    Raises:
        ProxyError: one of them is none.
    """
    if not proxy_bypass(urlsplit(url).netloc.rpartition("@")[2]):
        for kind in kinds:
            proxy_for(kind)


def are_fit() -> bool:
    """False when a library that reads all of them cannot be let."""
    try:
        for kind in KINDS:
            proxy_for(kind)
    except ProxyError:
        return False
    return True


def proxy_for(kind: str) -> str:
    """The URL of the environment's proxy for a kind of URLs; empty where there is none.

    Raises:
        ProxyError: it is no address of an HTTP proxy, and is not quoted.
    """
    named = getproxies().get(kind, "")
    url = named if not named or "://" in named else f"http://{named}"
    if url and not _is_fit(url):
        raise ProxyError(f"{_variable(kind)} is no address of an HTTP proxy", remedy=_REMEDY)
    return url


def _variable(kind: str) -> str:
    lower = f"{kind}_proxy"  # which counts before the other
    return lower if os.environ.get(lower) else lower.upper()


def _is_fit(url: str) -> bool:
    # the SDK knows the scheme in small letters alone, and takes others for a part of the name
    if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        is_numbered = parts.port != 0
    except ValueError:
        return False
    is_whole = parts.path in {"", "/"} and not parts.query and not parts.fragment and parts.netloc.count("@") <= 1
    return bool(parts.hostname) and is_numbered and is_whole


__all__ = ["KINDS", "are_fit", "check_proxies", "proxy_for"]
