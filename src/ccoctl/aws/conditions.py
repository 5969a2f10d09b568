"""Condition blocks of IAM policies: does a request's context fulfil them?

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys" and "Single-valued
vs. multivalued context keys".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ccoctl.errors import CcoctlError

Context = Mapping[str, tuple[str, ...]]
"""The values of a request's condition keys, by lower-case key: keys compare without regard to case."""


class UnknownConditionError(CcoctlError):
    """A condition that cannot be evaluated here: whoever asked must refuse. Never leaves `ccoctl.aws.evaluate`."""


@dataclass(frozen=True, slots=True)
class _Operator:
    matches: Callable[[str, str], bool]
    """Of a context value and a policy value."""
    negated: bool = False


def fulfils(condition: object, context: Context) -> bool:
    """True when all operators and all keys of a Condition block hold.

    Raises:
        UnknownConditionError: the block is empty or malformed, or has an operator or a variable that is not known here.
    """
    if not isinstance(condition, Mapping) or not condition:
        raise UnknownConditionError("the condition is empty or no object")
    results = []  # all of them are looked at, so that an unknown operator is never hidden behind one that fails
    for name, keys in condition.items():
        operator, quantifier, if_exists = _operator(str(name))
        if not isinstance(keys, Mapping) or not keys:
            raise UnknownConditionError(f"the operator {name} has no keys")
        for key, value in keys.items():
            results.append(_holds(operator, quantifier, if_exists, context.get(str(key).lower()), _values(value)))
    return all(results)


def _operator(name: str) -> tuple[_Operator, str, bool]:
    """An operator's name taken apart: the comparison, its quantifier, and whether a missing key is fine."""
    quantifier, colon, rest = name.rpartition(":")
    if colon and quantifier.lower() not in {"forallvalues", "foranyvalue"}:
        raise UnknownConditionError(f"unknown condition operator {name}")
    base = rest.lower()
    if_exists = base.endswith("ifexists")
    operator = _OPERATORS.get(base.removesuffix("ifexists"))
    if operator is None or (operator is _NULL and (if_exists or quantifier)):
        raise UnknownConditionError(f"unknown condition operator {name}")
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


def _values(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    texts = tuple(item if isinstance(item, str) else json.dumps(item) for item in items)
    if any("${" in item for item in texts):
        raise UnknownConditionError("policy variables are not evaluated here")
    return texts


@lru_cache(maxsize=4096)
def wildcards(pattern: str) -> re.Pattern[str]:
    """A pattern with IAM's `*` and `?` as a regular expression; everything else is literal."""
    pieces = {"*": ".*", "?": "."}
    return re.compile("".join(pieces.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return wildcards(pattern).fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """ARNs compare part by part: a wildcard does not reach over a colon of the first five."""
    parts, wanted = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(wanted) == 6 and all(_like(*pair) for pair in zip(parts, wanted, strict=True))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def matches(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return matches


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def matches(value: str, wanted: str) -> bool:
        times = (_time(value), _time(wanted))
        return times[0] is not None and times[1] is not None and compare(times[0], times[1])

    return matches


def _time(text: str) -> float | None:
    try:
        if text.isdecimal():
            return float(text)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _in_network(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_ignoring_case(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _never(_value: str, _wanted: str) -> bool:
    raise AssertionError("Null is decided before any value is compared")


_NULL = _Operator(_never)
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
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
    "arnequals": _Operator(_arn_like),
    "arnlike": _Operator(_arn_like),
    "arnnotequals": _Operator(_arn_like, negated=True),
    "arnnotlike": _Operator(_arn_like, negated=True),
    "bool": _Operator(_equal_ignoring_case),
    "null": _NULL,
    "ipaddress": _Operator(_in_network),
    "notipaddress": _Operator(_in_network, negated=True),
    "numericnotequals": _Operator(_number(_COMPARISONS["equals"]), negated=True),
    "datenotequals": _Operator(_date(_COMPARISONS["equals"]), negated=True),
    **{f"numeric{name}": _Operator(_number(compare)) for name, compare in _COMPARISONS.items()},
    **{f"date{name}": _Operator(_date(compare)) for name, compare in _COMPARISONS.items()},
}
