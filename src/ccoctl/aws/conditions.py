"""Condition blocks of IAM policies: does a request's context fulfil them?

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys" and "Single-valued
vs. multivalued context keys".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial

import msgspec

from ccoctl.errors import CcoctlError

Context = Mapping[str, tuple[str, ...]]
"""The values of a request's condition keys, by lower-case key: keys compare without regard to case."""


class UnreadablePolicyError(CcoctlError):
    """A part of a policy cannot be evaluated here: whoever asked must refuse. Never leaves `ccoctl.aws.evaluate`."""


class _Operator(msgspec.Struct, frozen=True):
    matches: Callable[[str, str], bool]
    """Of a context value and a policy value."""
    negated: bool = False
    reads: Callable[[str], object] = str
    """Gives None for a policy value that the operator cannot compare anything with."""


def fulfils(condition: object, context: Context) -> bool:
    """True when all operators and all keys of a Condition block hold.

    Raises:
        UnreadablePolicyError: the block is empty or malformed, or has an operator or a variable that is not known here.
    """
    if not isinstance(condition, Mapping) or not condition:
        raise UnreadablePolicyError("the condition is empty or no object")
    results = []  # all of them are looked at, so that an unknown operator is never hidden behind one that fails
    for name, keys in condition.items():
        operator, quantifier, if_exists = _operator(str(name))
        if not isinstance(keys, Mapping) or not keys:
            raise UnreadablePolicyError(f"the operator {name} has no keys")
        for key, value in keys.items():
            wanted = _values(value, operator, f"{name} of {key}")
            results.append(_holds(operator, quantifier, if_exists, context.get(str(key).lower()), wanted))
    return all(results)


def operator_problem(name: str, values: Iterable[object]) -> str:
    """Why IAM would not take an operator, or it could never compare anything with a value; empty when it is good."""
    if name.lower() == "binaryequals":  # of which this module cannot decide anything
        return ""
    try:
        operator, _, _ = _operator(name)
    except UnreadablePolicyError:
        return f"there is no condition operator {name[:60]!a}"
    texts = [item if isinstance(item, str) else json.dumps(item) for item in values]
    wrong = next((text for text in texts if "${" not in text and operator.reads(text) is None), None)
    return "" if wrong is None else f"the operator {name} has nothing to compare {wrong[:60]!a} with"


def _operator(name: str) -> tuple[_Operator, str, bool]:
    """An operator's name taken apart: the comparison, its quantifier, and whether a missing key is fine."""
    quantifier, colon, rest = name.rpartition(":")
    if colon and quantifier.lower() not in {"forallvalues", "foranyvalue"}:
        raise UnreadablePolicyError(f"unknown condition operator {name}")
    base = rest.lower()
    if_exists = base.endswith("ifexists")
    operator = _OPERATORS.get(base.removesuffix("ifexists"))
    if operator is None or (operator is _NULL and (if_exists or quantifier)):
        raise UnreadablePolicyError(f"unknown condition operator {name}")
    return operator, quantifier.lower(), if_exists


def _holds(
    operator: _Operator, quantifier: str, if_exists: bool, found: tuple[str, ...] | None, wanted: tuple[str, ...]
) -> bool:
    if operator is _NULL:
        return any(value.lower() == ("true" if not found else "false") for value in wanted)
    if not found:
        # a positive operator fails without its key; a negated one, IfExists and ForAllValues hold
        return if_exists or quantifier == "forallvalues" or (operator.negated and quantifier != "foranyvalue")
    each = [any(operator.matches(value, other) for other in wanted) != operator.negated for value in found]
    # without a quantifier one value that fits is enough, and one that must not be there is too much
    return all(each) if quantifier == "forallvalues" or (operator.negated and not quantifier) else any(each)


def _values(value: object, operator: _Operator, what: str) -> tuple[str, ...]:
    """A policy's values as texts: JSON's numbers and truth values compare as they are written."""
    items = value if isinstance(value, list | tuple) else [value]
    if not items or not all(isinstance(item, str | int | float) for item in items):
        raise UnreadablePolicyError(f"{what} has no values, or something that is no text, number or truth value")
    texts = tuple(item if isinstance(item, str) else json.dumps(item) for item in items)
    if any("${" in item for item in texts):
        raise UnreadablePolicyError("policy variables are not evaluated here")
    if any(operator.reads(item) is None for item in texts):
        raise UnreadablePolicyError(f"{what} has a value of another kind than it compares")
    return texts


@lru_cache(maxsize=512)
def wildcards(pattern: str) -> re.Pattern[str]:
    """A pattern with IAM's `*` and `?` as a regular expression; everything else is literal.

    What stands between two `*` is looked for once, from left to right, and never again (an atomic group): a pattern
    like `*a*a*a*b` takes time with the product of the lengths, not with a power of them.
    """
    first, *rest = (
        "".join("." if character == "?" else re.escape(character) for character in part) for part in pattern.split("*")
    )
    between = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + between + last, re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return wildcards(pattern).fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """ARNs compare part by part: a wildcard does not reach over a colon of the first five."""
    parts, wanted = _arn(value), _arn(pattern)
    return parts is not None and wanted is not None and all(_like(*pair) for pair in zip(parts, wanted, strict=True))


def _arn(text: str) -> list[str] | None:
    parts = text.split(":", 5)
    return parts if len(parts) == 6 else None


def _ordered(
    read: Callable[[str], Decimal | None], compare: Callable[[Decimal, Decimal], bool], value: str, wanted: str
) -> bool:
    left, right = read(value), read(wanted)
    return left is not None and right is not None and compare(left, right)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _DIGITS.fullmatch(text) else None


def _time(text: str) -> Decimal | None:
    """Seconds since 1970, given as such or as ISO 8601 says it; UTC where no zone is named."""
    if _DIGITS.fullmatch(text):
        return Decimal(text)
    try:
        moment = datetime.fromisoformat(text)
        return Decimal((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _in_network(value: str, network: str) -> bool:
    try:
        there = _network(network)
        return there is not None and ipaddress.ip_address(value) in there
    except ValueError:
        return False


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _truth(text: str) -> str | None:
    return text if text.lower() in {"true", "false"} else None


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_ignoring_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


_DIGITS = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_NULL = _Operator(_equal, reads=_truth)  # decided before any value is compared
_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "lessthan": lambda value, wanted: value < wanted,
    "lessthanequals": lambda value, wanted: value <= wanted,
    "greaterthan": lambda value, wanted: value > wanted,
    "greaterthanequals": lambda value, wanted: value >= wanted,
    "equals": lambda value, wanted: value == wanted,
}
_OPERATORS: Mapping[str, _Operator] = {
    "stringequals": _Operator(_equal),
    "stringnotequals": _Operator(_equal, negated=True),
    "stringequalsignorecase": _Operator(_equal_ignoring_case),
    "stringnotequalsignorecase": _Operator(_equal_ignoring_case, negated=True),
    "stringlike": _Operator(_like),
    "stringnotlike": _Operator(_like, negated=True),
    "arnequals": _Operator(_arn_like, reads=_arn),
    "arnlike": _Operator(_arn_like, reads=_arn),
    "arnnotequals": _Operator(_arn_like, negated=True, reads=_arn),
    "arnnotlike": _Operator(_arn_like, negated=True, reads=_arn),
    "bool": _Operator(_equal_ignoring_case, reads=_truth),
    "null": _NULL,
    "ipaddress": _Operator(_in_network, reads=_network),
    "notipaddress": _Operator(_in_network, negated=True, reads=_network),
    "numericnotequals": _Operator(partial(_ordered, _number, _COMPARISONS["equals"]), negated=True, reads=_number),
    "datenotequals": _Operator(partial(_ordered, _time, _COMPARISONS["equals"]), negated=True, reads=_time),
    **{f"numeric{name}": _Operator(partial(_ordered, _number, it), reads=_number) for name, it in _COMPARISONS.items()},
    **{f"date{name}": _Operator(partial(_ordered, _time, it), reads=_time) for name, it in _COMPARISONS.items()},
}
