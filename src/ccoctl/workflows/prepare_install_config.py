"""install-config.yaml: which credentialsMode it says, and the same text with `Manual` in it.

The text is edited where YAML's parser says that the value stands, so comments, order, quoting and line ends stay as
they are to the byte. What was edited is read again: it must say the same but for the one member, else nothing comes of
it.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping

import msgspec
import yaml

from ccoctl.credentialsrequest.document import Value, documents
from ccoctl.errors import Problem, Problems

MEMBER = "credentialsMode"
MANUAL = "Manual"
LIMIT = 256 * 1024
"""Bytes; with a pull secret and a trust bundle a file has about 20 KiB."""


class Mode(msgspec.Struct, frozen=True):
    """What the file says."""

    value: str
    """Empty where the member is missing or null: then the installer lets the operator choose."""
    line: int


class _Node(msgspec.Struct, frozen=True, kw_only=True):
    """A key or value where it stands; indices count characters, lines and columns from 0."""

    text: str | None
    """None for what is no scalar."""
    style: str
    """The quote, or what begins a block; empty for a plain one."""
    bare: bool
    """True without an anchor and without a tag."""
    start: int
    end: int
    line: int
    last_line: int
    column: int


class _Entry(msgspec.Struct, frozen=True):
    """A member of the document's top mapping."""

    key: _Node
    value: _Node


class _Top(msgspec.Struct, frozen=True):
    """The document's top mapping."""

    node: _Node
    is_flow: bool
    """Written in braces."""
    entries: tuple[_Entry, ...]


def mode_of(data: bytes, *, where: str) -> Mode:
    """The mode that an install-config.yaml says.

    Raises:
        Problems: the text is not one YAML mapping, or the member is no text.
    """
    root = _root(data, where)
    if not isinstance(root.data, Mapping):
        raise _refusal(where, root.line, "the file must hold a mapping, as `openshift-install` writes it")
    member = root.data.get(MEMBER)
    if member is None or member.data is None:
        return Mode("", member.line if member is not None else root.line)
    if not isinstance(member.data, str):
        raise _refusal(where, member.line, f"{MEMBER} must be a string")
    return Mode(member.data, member.line)


def with_manual(data: bytes, *, where: str) -> bytes:
    """The same text with `credentialsMode: Manual`, every other byte as it was.

    Raises:
        Problems: as `mode_of`; or the member stands where it cannot be edited without touching anything else.
    """
    if mode_of(data, where=where).value == MANUAL:
        return data
    bom = data[: len(codecs.BOM_UTF8)] if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(bom) :].decode("utf-8")
    edited = _edited(text, where)
    made = bom + edited.encode()
    if _meaning(made, where) != {**_meaning(data, where), MEMBER: MANUAL}:
        raise _by_hand(where, 1)
    return made


def _root(data: bytes, where: str) -> Value:
    read = documents(where, data)
    if read.problems:
        raise Problems(read.problems, remedy="Mend the file, and run the command again.")
    if len(read.documents) != 1:
        raise _refusal(where, 1, f"the file has {len(read.documents)} YAML documents, and the installer reads one")
    return read.documents[0].root


def _meaning(data: bytes, where: str) -> dict[str, object]:
    """What the text says, without its lines."""
    root = _plain(_root(data, where))
    return root if isinstance(root, dict) else {}


def _plain(value: Value) -> object:
    match value.data:
        case Mapping():
            return {key: _plain(item) for key, item in value.data.items()}
        case tuple():
            return [_plain(item) for item in value.data]
        case _:
            # 1, 1.0 and true are equal in Python, and not in a file
            return (type(value.data).__name__, value.data) if not isinstance(value.data, str) else value.data


def _edited(text: str, where: str) -> str:
    try:
        top = _top(text)
    except yaml.YAMLError:  # this parser refuses some tabs that libyaml, and the installer's own, take
        raise _by_hand(where, 1) from None
    written = next((entry for entry in top.entries if entry.key.text == MEMBER), None)
    if written is not None:
        return _replaced(text, written, where)
    if top.is_flow:
        return _inserted_in_braces(text, top, where)
    return _inserted_as_line(text, top.entries)


def _top(text: str) -> _Top:
    """The top mapping of the only document."""
    # the parser in Python: the marks of libyaml's are made for messages
    events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
    top = next(event for event in events if isinstance(event, yaml.MappingStartEvent))
    nodes: list[_Node] = []
    depth = 0
    for event in events:
        if depth == 0 and isinstance(event, yaml.MappingEndEvent):
            break
        if depth == 0:
            nodes.append(_node(event))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
    entries = tuple(_Entry(key, value) for key, value in zip(nodes[::2], nodes[1::2], strict=True))
    return _Top(_node(top), bool(top.flow_style), entries)


def _node(event: yaml.Event) -> _Node:
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        raise ValueError("an event of the parser without its place")
    scalar = event if isinstance(event, yaml.ScalarEvent) else None
    return _Node(
        text=scalar.value if scalar else None,
        style=(scalar.style or "") if scalar else "",
        bare=scalar is not None and scalar.anchor is None and scalar.tag is None,
        start=start.index,
        end=end.index,
        line=start.line,
        last_line=end.line,
        column=start.column,
    )


def _replaced(text: str, entry: _Entry, where: str) -> str:
    key, value = entry.key, entry.value
    if not value.bare or value.style in {"|", ">"}:
        raise _by_hand(where, key.line + 1)
    if value.start == value.end:
        if text[key.end : key.end + 1] != ":":
            raise _by_hand(where, key.line + 1)
        return f"{text[: key.end + 1]} {MANUAL}{text[key.end + 1 :]}"
    return f"{text[: value.start]}{value.style}{MANUAL}{value.style}{text[value.end :]}"


def _inserted_in_braces(text: str, top: _Top, where: str) -> str:
    start = top.node.start
    if text[start : start + 1] != "{":
        raise _by_hand(where, top.node.line + 1)
    comma = ", " if top.entries else ""
    return f'{text[: start + 1]}"{MEMBER}": "{MANUAL}"{comma}{text[start + 1 :]}'


def _inserted_as_line(text: str, entries: tuple[_Entry, ...]) -> str:
    """A line of its own below apiVersion, or below the first member that has one line; else above all of them."""
    newline = "\r\n" if "\r\n" in text else "\n"
    first = entries[0].key
    line = f"{' ' * first.column}{MEMBER}: {MANUAL}"
    short = [entry for entry in entries if _is_short(entry)]
    chosen = next((entry for entry in short if entry.key.text == "apiVersion"), short[0] if short else None)
    if chosen is None:
        start = first.start - first.column
        return f"{text[:start]}{line}{newline}{text[start:]}"
    end = text.find("\n", chosen.value.end)
    if end < 0:
        return f"{text}{newline}{line}"
    return f"{text[: end + 1]}{line}{newline}{text[end + 1 :]}"


def _is_short(entry: _Entry) -> bool:
    key, value = entry.key, entry.value
    has_line = value.text is not None and value.style not in {"|", ">"} and value.start < value.end
    return has_line and key.line == value.last_line


def _refusal(where: str, line: int, what: str) -> Problems:
    return Problems((Problem(f"{where}:{line}", what),))


def _by_hand(where: str, line: int) -> Problems:
    what = f"{MEMBER} cannot be changed here without touching anything else; write `{MEMBER}: {MANUAL}` yourself"
    return _refusal(where, line, what)
