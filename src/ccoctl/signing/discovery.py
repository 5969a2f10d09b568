"""The issuer's discovery document: OpenID Connect Discovery 1.0 §3 and §4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from ccoctl.errors import SigningKeyError
from ccoctl.signing.strictjson import parse_object

PATH = ".well-known/openid-configuration"
"""Where the document is, below the issuer (§4)."""
KEYS = "keys.json"
"""Where the Go tool publishes the JWKS, below the issuer."""
MAX_BYTES = 64 * 1024
MAX_URL = 2048

T = TypeVar("T")

_PRINTABLE = "[!-~]+"
_REMEDY = "See who published it, and publish the right document in its place."


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a discovery document."""

    issuer: str
    jwks_uri: str
    response_types: tuple[str, ...]
    subject_types: tuple[str, ...]
    algorithms: tuple[str, ...]
    claims: tuple[str, ...] = ()


def document(issuer: T, jwks_uri: T, *, algorithms: Sequence[str] = ("RS256",)) -> dict[str, T | list[str]]:
    """The document with the members and the order of the Go tool; the URLs may be values that are known later."""
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        # "sub" is there twice because the Go tool writes it twice, and equal documents need no upload
        "claims_supported": ["aud", "exp", "sub", "iat", "iss", "sub"],
    }


def parse(data: bytes, *, where: str = "") -> Discovery:
    """A published document. Whether its issuer is the wanted one is for the caller to compare, character by character.

    Raises:
        SigningKeyError: the bytes are no discovery document, a required member is missing, or a URL is not a plain
            https one.
    """
    members = parse_object(data, limit=MAX_BYTES, what="discovery document", where=where)
    return Discovery(
        issuer=_url(members, "issuer", where),
        jwks_uri=_url(members, "jwks_uri", where),
        response_types=_texts(members, "response_types_supported", where),
        subject_types=_texts(members, "subject_types_supported", where),
        algorithms=_texts(members, "id_token_signing_alg_values_supported", where),
        claims=_texts(members, "claims_supported", where) if "claims_supported" in members else (),
    )


def _url(members: dict[str, object], name: str, where: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise _refusal(f"The discovery document's {name} is missing or not a text", where)
    if reason := url_problem(value):
        raise _refusal(f"The discovery document's {name} {reason}", where)
    return value


def url_problem(url: str) -> str:
    """Why a URL is not a plain https one (scheme, host, perhaps a port and a path); empty when it is."""
    if len(url) > MAX_URL:
        return f"has more than {MAX_URL:,} characters"
    # urlsplit quietly drops line ends and tabs, so they are looked for first
    if not re.fullmatch(_PRINTABLE, url) or "\\" in url:
        return "has characters that no URL has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme != "https" or not url.startswith("https://"):
        return "does not begin with https://"
    if not host:
        return "has no host"
    if "@" in parts.netloc:
        return "has a user name in it"
    if "?" in url or "#" in url:
        return "has a query or a fragment"
    return ""


def _texts(members: dict[str, object], name: str, where: str) -> tuple[str, ...]:
    value = members.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise _refusal(f"The discovery document's {name} is missing or not a list of texts", where)
    return tuple(value)


def _refusal(what: str, where: str) -> SigningKeyError:
    return SigningKeyError(what, where=where, remedy=_REMEDY)


__all__ = ["KEYS", "MAX_BYTES", "PATH", "Discovery", "document", "parse", "url_problem"]
