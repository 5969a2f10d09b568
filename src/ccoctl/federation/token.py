"""A JSON Web Token in its compact form, taken apart and trusted in nothing.

Source: RFC 7515 §3.1, §4.1 and §5.2 (JWS), RFC 7519 §7.2 (JWT), RFC 8725 (best current practice).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from ccoctl.errors import SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.claims import Claims, claims_of
from ccoctl.signing.jwk import Kid, decode
from ccoctl.signing.strictjson import parse_object

MAX_CHARACTERS = 20_000
"""What STS takes as a WebIdentityToken."""
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What a token may be signed with; nothing else, whatever a key or a discovery document says."""

_NEVER = frozenset({"crit", "b64", "enc", "zip", "jku", "jwk", "x5u", "x5c", "cty"})
"""Members that bring a key along, change how a token is read, or announce another token inside."""
_KID_LIMIT = 1024


class Header(msgspec.Struct, frozen=True):
    """What a token's header says: neither is believed, the key of that kid decides."""

    alg: str
    kid: Kid


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token whose signature nobody has checked."""

    header: Header
    claims: Claims
    signed: bytes
    signature: bytes


def parse(text: str) -> Token:
    """A token's parts.

    Raises:
        TokenError: it is no signed JWT, or says something that no token of a cluster says.
    """
    header, payload, signature = _parts(text)
    return Token(
        header=_header(header),
        claims=claims_of(_object(payload, "claims")),
        signed=f"{header}.{payload}".encode("ascii"),
        signature=_bytes(signature, "signature"),
    )


def _parts(text: str) -> tuple[str, str, str]:
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"The token has more than {MAX_CHARACTERS:,} characters")
    parts = text.split(".")
    if len(parts) == 5:
        raise _refusal("The token is encrypted: it has five parts")
    if len(parts) != 3 or not text.isascii():
        raise _refusal("The token is not three parts of base64url with dots between them")
    return parts[0], parts[1], parts[2]


@lru_cache(maxsize=64)
def _header(encoded: str) -> Header:
    """Tokens of one key have the same header: it is looked into once."""
    members = _object(encoded, "header")
    if forbidden := sorted(_NEVER & members.keys()):
        raise _refusal(f"The token's header has the member {forbidden[0]}, which no token of a cluster has")
    if str(members.get("typ", "JWT")).upper() != "JWT":
        raise _refusal("The token's header names another type than JWT")
    alg, kid = members.get("alg"), members.get("kid")
    if alg not in ALGORITHMS or not isinstance(alg, str):
        what = f"The token's algorithm is {str(alg)[:20]!a}, not one of {', '.join(ALGORITHMS)}"
        raise TokenError(what, problem=TokenProblem.ALGORITHM)
    if not isinstance(kid, str) or not 0 < len(kid) <= _KID_LIMIT:
        raise TokenError("The token's header names no key: kid is missing or empty", problem=TokenProblem.KEY)
    return Header(alg, Kid(kid))


def _object(encoded: str, what: str) -> Mapping[str, object]:
    data = _bytes(encoded, what)
    try:
        return parse_object(data, limit=MAX_CHARACTERS, what=f"token's {what}")
    except SigningKeyError as error:
        raise _refusal(error.what) from None


def _bytes(encoded: str, what: str) -> bytes:
    data = decode(encoded) if encoded else None
    if data is None:
        raise _refusal(f"The token's {what} is not base64url without padding")
    return data


def _refusal(what: str) -> TokenError:
    return TokenError(what, problem=TokenProblem.SHAPE)
