"""One API request as data.

A Call is written once. The request itself, a dry run's JSON, a shell script and the list of permissions that a user
needs are renderings of it. Values that only an earlier step's answer holds stand in it as an `Output`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from ccoctl.errors import CcoctlError

Value: TypeAlias = (
    "bool | int | float | str | bytes | Output | Template | JsonText"
    " | Sequence[Value] | Mapping[str, Value] | Mapping[str | Template | Output, Value] | None"
)
"""What a parameter may be: plain JSON, bytes, and the three that are worked out late."""

Answer: TypeAlias = Mapping[str, object]
"""What a cloud answers: the parsed response, as its SDK gives it."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A reference to a value that the answer of an earlier step will hold."""

    step: str
    """The id of the step whose answer holds it."""
    path: str
    """Where in the answer, dotted: `Distribution.DomainName`."""
    placeholder: str | tuple[str, ...]
    """What stands in its place where nothing is executed."""


class Template(msgspec.Struct, frozen=True):
    """Text with Outputs in it: the parts are joined once they are known."""

    parts: tuple[str | Output, ...]
    placeholder: str | None = None
    """What stands for the whole text where nothing is executed; by default the joined placeholders."""


class JsonText(msgspec.Struct, frozen=True):
    """A parameter that is itself a JSON document in a string, as IAM takes policies."""

    document: Mapping[Any, Any]
    """Parsed JSON, whose keys and values may hold Outputs."""
    indent: int | None = None
    """Indentation of the text; None writes it without white space."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Where what a call made is found when its answer was lost: an entry of a list, which stands for that answer."""

    operation: str
    """Of the same service; pages are asked for by `Marker`."""
    member: str
    """The member of the answer with `Items` and `NextMarker`."""
    name: str
    """The member of an entry that tells it from others."""
    value: str
    """What that member is."""
    answers: str
    """The member of the lost answer that the entry stands for."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """How what a call wrote is told from what somebody else wrote at that moment: it is read, and must be the same."""

    question: Call
    same: Mapping[str, str]
    """Members of the question's answer, dotted, and the parameters of the call that they hold as they were sent: a text
    may have become bytes or, where it is JSON, what it says; a list may have grown."""


class Unchanged(msgspec.Struct, frozen=True, kw_only=True):
    """What a call replaces as a whole, as it was seen: where a cloud takes no condition, it is read right before."""

    question: Call
    member: str
    """Of the question's answer, dotted."""
    was: object
    """Parsed JSON."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a cloud: `service` and `operation` in the words of its SDK, and the parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Value] = msgspec.field(default_factory=dict)
    tolerate: frozenset[str] = frozenset()
    """Error codes that mean the wanted state is there already (`NoSuchEntity` for a deletion); the answer is empty."""
    tolerate_again: frozenset[str] = frozenset()
    """The same, but only for a repeated attempt: the first one acted and its answer was lost."""
    listed: Listed | None = None
    """With `tolerate_again`: where the answer of the attempt that acted is found."""
    written: Written | None = None
    """With `tolerate_again`: whether it was an attempt of ours that acted."""
    unchanged: Unchanged | None = None
    """What must still be there before the first attempt."""
    not_yet: frozenset[str] = frozenset()
    """Error codes that here mean eventual consistency: what the call names was made a moment ago."""

    @property
    def name(self) -> str:
        """`service:Operation`."""
        return f"{self.service}:{self.operation}"


def text(*parts: str | Output | Template, placeholder: str | None = None) -> str | Template:
    """The parts as one text; a plain string where all of them are known already."""
    flat = tuple(piece for part in parts for piece in (part.parts if isinstance(part, Template) else (part,)))
    if all(isinstance(part, str) for part in flat):
        return "".join(map(str, flat))
    return Template(flat, placeholder)


Resolve: TypeAlias = Callable[[Output], object]
"""What an Output stands for: the executor looks into the answers, a dry run takes the placeholder."""


def outputs(value: object) -> tuple[Output, ...]:
    """Every Output in a value, in reading order and each once."""
    found: dict[Output, None] = {}
    _collect(value, found)
    return tuple(found)


def _collect(value: object, found: dict[Output, None]) -> None:
    match value:
        case str() | bytes():  # most of it, and Mapping is slow to ask
            pass
        case Output():
            found[value] = None
        case Template(parts):
            for part in parts:
                _collect(part, found)
        case JsonText(document):
            _collect(document, found)
        case Mapping():
            for key, item in value.items():
                _collect(key, found)
                _collect(item, found)
        case list() | tuple():
            for item in value:
                _collect(item, found)
        case _:
            pass


def resolve(value: object, lookup: Resolve) -> object:
    """The value with every Output replaced by what `lookup` gives; None is left out of mappings.

    Raises:
        CcoctlError: an Output is None in the middle of a text, where nothing can be left out.
    """
    match value:
        case Output():
            return lookup(value)
        case Template(parts):
            return "".join(_part(part, lookup) for part in parts)
        case JsonText(document, indent):
            return json_text(resolve(document, lookup), indent)
        case Mapping():
            resolved = ((str(resolve(key, lookup)), resolve(item, lookup)) for key, item in value.items())
            return {key: item for key, item in resolved if item is not None}
        case list() | tuple():
            return [resolve(item, lookup) for item in value]
        case _:
            return value


def _part(part: str | Output, lookup: Resolve) -> str:
    if isinstance(part, str):
        return part
    value = lookup(part)
    if value is None:
        raise CcoctlError(f"the answer of {part.step} has no {part.path}")
    return str(value)


def with_placeholders(value: object) -> object:
    """The value as a dry run prints it."""
    match value:
        case Output(placeholder=placeholder):
            return placeholder if isinstance(placeholder, str) else list(placeholder)
        case Template(placeholder=str() as placeholder):
            return placeholder
        case Template(parts):
            return "".join(str(with_placeholders(part)) for part in parts)
        case JsonText(document, indent):
            return json_text(with_placeholders(document), indent)
        case Mapping():
            return {str(with_placeholders(key)): with_placeholders(item) for key, item in value.items()}
        case list() | tuple():
            return [with_placeholders(item) for item in value]
        case _:
            return value


def json_text(document: object, indent: int | None = None) -> str:
    """A JSON document as the clouds take it: without white space unless an indentation is asked for."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)


def at_path(answer: object, path: str) -> object:
    """The member of an answer at a dotted path, or None where the answer has none."""
    value = answer
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


__all__ = [
    "Answer",
    "Call",
    "JsonText",
    "Listed",
    "Output",
    "Resolve",
    "Template",
    "Unchanged",
    "Value",
    "Written",
    "at_path",
    "json_text",
    "outputs",
    "resolve",
    "text",
    "with_placeholders",
]
