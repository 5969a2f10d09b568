"""A manifest as `oc` writes it: YAML in the form of sigs.k8s.io/yaml, which kubectl prints, too.

Keys sorted in a natural order, lists not indented, a string in double quotes only where it would be read as something
else. The emitter below is PyYAML's, which like Go's follows libyaml line by line; what this module decides is the
events that it is given. Source: sorter.go, encode.go and resolve.go of go-yaml v2.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import yaml

from ccoctl.credentialsrequest.document import Value
from ccoctl.credentialsrequest.scalar import Scalar, plain

_WIDTH = 80
_LARGEST = 2.0**63
"""From here on Go keeps a whole number as a floating-point one."""
_DIGITS = re.compile(r"[0-9]{0,18}")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?)?"
)


def kube_yaml(value: Value) -> str:
    """The value as one YAML document, without the line that would begin it."""
    events = (
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(value),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    )
    text: str = yaml.emit(events, allow_unicode=True, width=_WIDTH)
    return text.removesuffix("...\n")


def sort_keys(keys: list[str]) -> list[str]:
    """In the order in which Go's YAML writes them: numbers by value, other signs before letters."""
    return sorted(keys, key=functools.cmp_to_key(_compare))


def _events(value: Value) -> Iterator[yaml.Event]:
    """The value's events; nesting is bounded where the value is made."""
    data = value.data
    if isinstance(data, Mapping):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for key in sort_keys(list(data)):
            yield _scalar(key)
            yield from _events(data[key])
        yield yaml.MappingEndEvent()
    elif isinstance(data, tuple):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
        for item in data:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield _scalar(data)


def _scalar(data: Scalar) -> yaml.ScalarEvent:
    style = _style(data) if isinstance(data, str) else None
    return yaml.ScalarEvent(None, None, (True, True), _text(data), style=style)


def _text(data: Scalar) -> str:
    match data:
        case None:
            return "null"
        case bool():
            return str(data).lower()
        case float():
            return _number(data)
        case _:
            return str(data)


def _style(text: str) -> str | None:
    if "\n" in text:
        return "|"
    # single quotes, where the plain form is none, are the emitter's own choice
    reads_as_text = isinstance(plain(text), str) and text != "<<"
    return None if reads_as_text and not _BASE_60.fullmatch(text) and not _TIMESTAMP.fullmatch(text) else '"'


def _number(number: float) -> str:
    """As Go's `%g`, after JSON made whole numbers of those that are."""
    if not math.isfinite(number):
        return ".nan" if math.isnan(number) else ".inf" if number > 0 else "-.inf"
    if number.is_integer() and abs(number) < _LARGEST:
        return str(int(number))
    exact = Decimal(repr(number)).normalize()
    exponent = exact.adjusted()
    if -4 <= exponent < 6:
        return f"{exact:f}"
    sign, digits, _ = exact.as_tuple()
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{digits[0]}{f'.{fraction}' if fraction else ''}e{exponent:+03d}"


def _compare(left: str, right: str) -> int:
    if left == right:
        return 0
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() or b.isalpha():
            both = a.isalpha() and b.isalpha()
            return (-1 if a < b else 1) if both else (-1 if b.isalpha() else 1)
        one, other = _digits(left, at), _digits(right, at)
        numbers = (int(one or "0"), len(one), a), (int(other or "0"), len(other), b)
        return -1 if numbers[0] < numbers[1] else 1
    return -1 if len(left) < len(right) else 1


def _digits(text: str, at: int) -> str:
    matched = _DIGITS.match(text, at)
    return matched[0] if matched else ""
