"""What an unquoted YAML word means to Kubernetes: string, boolean, number or nothing.

Kubernetes reads YAML 1.1 with its `yes` and `on`, and JSON's types only: a date is a string.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Scalar: TypeAlias = str | bool | int | float | None

_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
# Texts, and compiled where something that may be a number is met, which is seldom.
_SPECIAL = r"([-+]?)\.(?:(inf|Inf|INF)|(nan|NaN|NAN))"
_INTEGER = r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_BEGIN_NUMBERS = frozenset("+-.0123456789")
_LONGEST_NUMBER = 80


def plain(text: str) -> Scalar:
    """The value of an unquoted word."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in _BEGIN_NUMBERS:
        return text
    if special := re.fullmatch(_SPECIAL, text):
        sign, infinite, _ = special.groups()
        return math.copysign(math.inf, -1 if sign == "-" else 1) if infinite else math.nan
    if len(text) > _LONGEST_NUMBER:
        return text
    if re.fullmatch(_INTEGER, text) and (integer := _integer(text.replace("_", ""))) is not None:
        return integer
    if re.fullmatch(_FLOAT, text) and math.isfinite(number := float(text)):
        return number
    return text


def _integer(text: str) -> int | None:
    """The 64-bit integer, or None: a larger one is read as a floating-point number."""
    unsigned = text.lstrip("+-")
    octal = len(unsigned) > 1 and unsigned[0] == "0" and unsigned.isdigit()
    try:
        number = int(text, 8 if octal else 0)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**64 else None
