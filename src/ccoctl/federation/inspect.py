"""What a token says, for the eyes of its owner: read leniently, and measured by what a cluster issues.

Nothing here decides whether a token holds; `verify` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ccoctl.errors import SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.claims import LATEST, SUBJECT_PREFIX
from ccoctl.federation.token import MAX_CHARACTERS, parse
from ccoctl.federation.verify import check_times
from ccoctl.signing.jwk import decode
from ccoctl.signing.strictjson import parse_object

KUBERNETES = "kubernetes.io"
_CLAIMS = frozenset({"aud", "exp", "iat", "iss", "jti", KUBERNETES, "nbf", "sub"})
_LEGACY = "kubernetes.io/serviceaccount/"
_REMEDY = "A token is three parts of base64url with dots between them, as `ccoctl token create` prints it."


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """A token's parts but for the signature."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    expires: int | None
    """Seconds since 1970; None where the token does not say."""
    problems: tuple[str, ...]
    """In what it is not as a cluster issues tokens for a cloud, as sentences."""


def inspect(text: str, *, now: float) -> Inspection:
    """Take a token apart; `now` is in seconds since 1970.

    Raises:
        TokenError: it is no JSON Web Token.
    """
    if len(text) > MAX_CHARACTERS:
        raise _no_token(f"This has more than {MAX_CHARACTERS:,} characters; no token is that long")
    parts = text.split(".")
    if len(parts) != 3:
        raise _no_token(f"This is no signed token: it has {len(parts)} part{'s' * (len(parts) != 1)}, not three")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    expires = claims.get("exp")
    known = type(expires) is int and 0 < expires < LATEST  # True is an int to isinstance
    return Inspection(
        header=header,
        claims=claims,
        expires=expires if known and isinstance(expires, int) else None,
        problems=tuple(dict.fromkeys([*_refusals(text, now), *_of_header(header), *_of_claims(claims)])),
    )


def _object(encoded: str, what: str) -> Mapping[str, object]:
    data = decode(encoded) if encoded else None
    if data is None:
        raise _no_token(f"The token's {what} is not base64url without padding")
    try:
        return parse_object(data, limit=MAX_CHARACTERS, what=f"token's {what}")
    except SigningKeyError as error:
        raise _no_token(error.what) from None


def _refusals(text: str, now: float) -> Iterator[str]:
    """Why nobody would take it, whoever signed it."""
    try:
        check_times(parse(text).claims, now)
    except TokenError as error:
        yield error.what


def _of_header(header: Mapping[str, object]) -> Iterator[str]:
    if others := sorted(header.keys() - {"alg", "kid"}):
        yield f"The header has {_listed(others)}; the API server writes alg and kid alone"


def _of_claims(claims: Mapping[str, object]) -> Iterator[str]:
    if not isinstance(claims.get("aud"), list):
        yield "The claim aud is not a list, as the API server writes it"
    if claims.get("nbf") != claims.get("iat"):
        yield "The claims nbf and iat differ; the API server writes the same time into both"
    if any(name.startswith(_LEGACY) for name in claims):
        yield "This is a token out of a Secret, as clusters made them before bound tokens; it never expires"
    elif others := sorted(claims.keys() - _CLAIMS):
        yield f"The token has the claims {_listed(others)}, which the API server does not write"
    bound = claims.get(KUBERNETES)
    if isinstance(bound, Mapping):
        yield from _of_bound(bound, claims.get("sub"))
    else:
        yield f"The claim {KUBERNETES} is missing: no cluster issued this"


def _of_bound(bound: Mapping[str, object], subject: object) -> Iterator[str]:
    account = bound.get("serviceaccount")
    name = account.get("name") if isinstance(account, Mapping) else None
    if subject != f"{SUBJECT_PREFIX}{bound.get('namespace')}:{name}":
        yield f"The claims sub and {KUBERNETES} name different service accounts"
    if "warnafter" in bound:
        yield (
            "The API server made this token live a year (warnafter): it was asked for without an audience, for the API "
            "server itself. It must not be handed to a cloud; give the projected volume an audience"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"{name[:40]!a}" for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _no_token(what: str) -> TokenError:
    return TokenError(what, problem=TokenProblem.SHAPE, remedy=_REMEDY)
