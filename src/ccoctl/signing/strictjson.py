"""JSON objects from strangers: what two parsers could read differently is refused, not guessed at."""

from __future__ import annotations

import json
from collections import Counter
from typing import NoReturn

from ccoctl.errors import SigningKeyError


def parse_object(data: bytes, *, limit: int, what: str, where: str = "") -> dict[str, object]:
    """The object that the bytes hold.

    Refused: more than `limit` bytes, other encodings than UTF-8, duplicate members, numbers that JSON does not have or
    a float cannot hold, lone surrogates, and everything whose outermost value is no object.

    Raises:
        SigningKeyError: the bytes are not such an object; `what` names the document in the sentence.
    """
    if len(data) > limit:
        raise SigningKeyError(f"The {what} has more than {limit:,} bytes", where=where, remedy=_REMEDY)
    try:
        text = data.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:  # only an escape can make half a character, and only writing it shows that
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise SigningKeyError(f"The {what} is not UTF-8 text", where=where, remedy=_REMEDY) from None
    except UnicodeEncodeError:
        raise SigningKeyError(f"The {what} has half a character in it", where=where, remedy=_REMEDY) from None
    except json.JSONDecodeError as error:
        reason = f"The {what} is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        raise SigningKeyError(reason, where=where, remedy=_REMEDY) from None
    except _Refused as error:
        raise SigningKeyError(f"The {what} {error}", where=where, remedy=_REMEDY) from None
    except RecursionError:
        raise SigningKeyError(f"The {what} is nested too deeply", where=where, remedy=_REMEDY) from None
    if not isinstance(value, dict):
        raise SigningKeyError(f"The {what} is not a JSON object", where=where, remedy=_REMEDY)
    return value


_REMEDY = "See who wrote it; ccoctl does not build on a document that it cannot trust."


class _Refused(ValueError):
    """Why a hook refuses; never leaves this file."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _Refused(f"has the member {twice[:80]!a} twice in one object")
    return members


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"holds {name}, which is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise _Refused("holds a number that is too large")
    return number


def _small(digits: str) -> int:
    if len(digits) > 100:
        raise _Refused("holds a number that is too large")
    return int(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_small
)

__all__ = ["parse_object"]
