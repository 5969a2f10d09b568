"""A set of public keys as JSON (RFC 7517 §5): parsed from strangers, extended without loss, rendered as in Go."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import msgspec

from ccoctl.errors import SigningKeyError
from ccoctl.signing.jwk import Jwk, Kid, to_public
from ccoctl.signing.strictjson import parse_object

MAX_BYTES = 512 * 1024
MAX_KEYS = 100
"""Of one type: what IAM reads of an OIDC provider's set."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
"""RFC 7518 §6.2.2, §6.3.2 and §6.4.1, RFC 8037 §2, and `priv` of the AKP keys."""
_NAMES = ("use", "kty", "kid", "crv", "alg", "n", "e", "x", "y")


class Jwks(msgspec.Struct, frozen=True):
    """The keys in the order in which they are published."""

    keys: tuple[Jwk, ...] = ()
    others: Mapping[str, object] = {}
    """Members of the set beside `keys`, kept as they were published."""


def parse(data: bytes, *, where: str = "") -> Jwks:
    """A published set. Keys of a type that we do not know are kept as they are, and so are members we do not use.

    Raises:
        SigningKeyError: the bytes are no JWKS, a key in it is damaged or weak, or there is something in it that must
            never be published.
    """
    members = parse_object(data, limit=MAX_BYTES, what="JWKS", where=where)
    listed = members.pop("keys", None)
    if not isinstance(listed, list):
        raise _refusal("The JWKS has no list of keys", where)
    keys = tuple(_key(item, number, where) for number, item in enumerate(listed, 1))
    _check_counts(keys, where)
    return Jwks(keys, members)


def document(jwks: Jwks) -> dict[str, object]:
    """The set as a JSON document, with the members and the order of the Go tool."""
    return {"keys": [_members(key) for key in jwks.keys], **jwks.others}


def render(jwks: Jwks) -> bytes:
    """The set as it is published: four spaces of indentation, no line end."""
    return json.dumps(document(jwks), indent=4, ensure_ascii=False).encode("utf-8")


def has(jwks: Jwks, kid: Kid | None) -> bool:
    """True when a key of that kid is in the set."""
    return kid is not None and any(key.kid == kid for key in jwks.keys)


def find(jwks: Jwks, kid: Kid) -> Jwk | None:
    """The key of that kid."""
    return next((key for key in jwks.keys if key.kid == kid), None)


def with_key(jwks: Jwks, jwk: Jwk) -> Jwks:
    """The set with one more key at its end; the same set when the key is in it.

    Raises:
        SigningKeyError: another key has that kid, or the set is full.
    """
    there = find(jwks, jwk.kid) if jwk.kid is not None else None
    if there is None:
        more = msgspec.structs.replace(jwks, keys=(*jwks.keys, jwk))
        _check_counts(more.keys, "")
        return more
    if not (there == jwk or (there.known and jwk.known and to_public(there) == to_public(jwk))):
        raise _refusal(f"Another key has the kid {jwk.kid}", "")
    return jwks


def _key(item: object, number: int, where: str) -> Jwk:
    """One checked key of a published set."""
    place = f"{where}: key {number}" if where else f"key {number}"
    if not isinstance(item, dict):
        raise _refusal("This is not a JSON object", place)
    if private := sorted(_PRIVATE & item.keys()):
        what = f"This is a secret key, published for all to see: it has the member {', '.join(private)}"
        remedy = "Take it down, and rotate the signing key if it is the cluster's: everybody may have a copy."
        raise SigningKeyError(what, where=place, remedy=remedy)
    if item.get("kty") == "oct":
        raise _refusal("This is a symmetric key; it cannot check anything in public", place)
    key = _typed(item, place)
    if key.known:
        to_public(key, where=place)
    return key


def _typed(item: dict[str, object], place: str) -> Jwk:
    """The members as a Jwk; those of an unknown type are not looked into."""
    known = item.get("kty") == "RSA" or (item.get("kty") == "EC" and not _unknown_curve(item))
    names = _NAMES if known else ("kty", "kid")
    for name in names:
        if name in item and not (isinstance(item[name], str) and item[name]):
            raise _refusal(f"The member {name} is not a text with something in it", place)
    needed = ("kty", "crv") if item.get("kty") == "EC" else ("kty",)
    for name in needed:
        if name not in item:
            raise _refusal(f"The member {name} is missing", place)
    used = {name: item[name] for name in names if name in item}
    others = {name: value for name, value in item.items() if name not in used}
    return msgspec.convert({**used, "others": others}, Jwk)


def _unknown_curve(item: dict[str, object]) -> bool:
    crv = item.get("crv")
    return isinstance(crv, str) and crv != "" and not Jwk(kty="EC", crv=crv).known


def _members(key: Jwk) -> dict[str, object]:
    named = {name: value for name in _NAMES if (value := getattr(key, name)) is not None}
    return {**named, **key.others}


def _check_counts(keys: tuple[Jwk, ...], where: str) -> None:
    for kid, count in Counter(key.kid for key in keys).items():
        if kid is not None and count > 1:
            raise _refusal(f"{count} keys have the kid {kid[:80]!a}", where)
    for kty, count in Counter(key.kty for key in keys).items():
        if count > MAX_KEYS:
            raise _refusal(f"There are {count} keys of the type {kty[:40]!a}; IAM reads at most {MAX_KEYS}", where)


def _refusal(what: str, where: str) -> SigningKeyError:
    return SigningKeyError(
        what, where=where, remedy="See who published it; ccoctl changes no key set that it cannot trust."
    )


__all__ = ["MAX_BYTES", "MAX_KEYS", "Jwks", "document", "find", "has", "parse", "render", "with_key"]
