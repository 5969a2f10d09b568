"""YAML or JSON text as documents whose every value knows its line, within limits that no file can exceed.

The parser's events are put together here, not by PyYAML: nesting stays off the stack, aliases are counted as what they
expand to, and a key given twice is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
import yaml

from ccoctl.credentialsrequest.scalar import Scalar, plain
from ccoctl.errors import Problem, in_line

MAX_DEPTH = 64
"""Levels of nesting; a request needs nine."""
MAX_NODES = 100_000
"""Values in a file with its aliases expanded; those of a release have about 500, a thousand requests 75,000."""
MAX_DOCUMENTS = 10_000
MAX_PROBLEMS = 100
"""Problems of a file that are told; whoever mends those sees the others."""

LONGEST_SHOWN = 60
"""Characters of a file's text that a message holds."""

Data: TypeAlias = "Scalar | tuple[Value, ...] | Mapping[str, Value]"

# Without libyaml PyYAML has the same parser in Python, only slower.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
# Texts, and compiled where they are met, which is seldom: that takes longer than reading a request.
_HALF = "[\ud800-\udfff]"
_SURROGATES = r"(?s)\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)"


class Value(msgspec.Struct, frozen=True):
    """A value and the line it stands on; in a mapping, the line of its key."""

    data: Data
    line: int
    size: int = 1
    """How many values it holds, itself included and aliases expanded."""


class Document(msgspec.Struct, frozen=True):
    """One document of a file."""

    number: int
    root: Value


class Documents(msgspec.Struct, frozen=True):
    """What a file holds, and what is wrong with its text."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def documents(file: str, data: bytes) -> Documents:
    """Take a file's bytes apart; documents before a broken one are given too."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Documents((), (Problem(f"{file}:{line}", "the text is not UTF-8"),))
    if file.lower().endswith(".json"):
        text = re.sub(_SURROGATES, _joined, text)
    builder = _Builder(file)
    found: list[Document] = []
    try:
        taken = (builder.take(event) for event in yaml.parse(text, Loader=_LOADER))
        found.extend(document for document in taken if document is not None)
    except _RefusedError as error:
        builder.complain(error.line, error.what)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        builder.complain(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        builder.complain(_unprintable_line(text), f"this is not YAML: {error.reason}")
    except (ValueError, OverflowError):  # of the parser in Python, about an escape beyond U+10FFFF
        builder.complain(builder.line, "this is not YAML: below is an escape that stands for no character")
    return Documents(tuple(found), tuple(builder.problems))


def _joined(match: re.Match[str]) -> str:
    """JSON writes one character beyond U+FFFF as two escapes, which YAML does not know."""
    if match[1] is None:
        return match[0]
    code = 0x10000 + ((int(match[1], 16) - 0xD800) << 10) + (int(match[2], 16) - 0xDC00)
    return f"\\U{code:08x}"


def _unprintable_line(text: str) -> int:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


class _RefusedError(Exception):
    """The rest of the file is not worth reading; turned into a problem right above."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


class _Open(msgspec.Struct):
    """A mapping or a list that has begun and not ended."""

    line: int
    anchor: str | None
    entries: dict[str, Value] | None
    items: list[Value] = []
    merged: list[Value] = []
    key: str | None = None
    key_line: int = 0
    size: int = 1

    @property
    def wants_key(self) -> bool:
        return self.entries is not None and self.key is None


class _Builder:
    """Puts events together to documents, without recursion."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.line = 1
        """Where the last event began."""
        self._file = file
        self._number = 0
        self._nodes = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, Value] = {}

    def complain(self, line: int, what: str) -> None:
        """Note what is wrong, with the way down to the value that is being read."""
        parts = [f"{self._file}:{line}", *([f"document {self._number}"] if self._number else []), *self._path()]
        note(self.problems, Problem(": ".join(parts), what))

    def take(self, event: yaml.Event) -> Document | None:
        """The document that this event completes."""
        self.line = line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.ScalarEvent():  # most of them
                self._forget(event.anchor)
                return self._complete(Value(self._scalar(event, line), line), event.anchor)
            case yaml.DocumentStartEvent():
                self._number += 1
                if self._number > MAX_DOCUMENTS:
                    raise _RefusedError(line, f"the file has more than {MAX_DOCUMENTS:,} documents")
                self._anchors = {}
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                top = self._stack.pop()
                return self._complete(self._closed(top), top.anchor)
            case yaml.AliasEvent():
                return self._complete(self._alias(event.anchor or "", line), None)
        return None

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        if self._stack and self._stack[-1].wants_key:
            raise _RefusedError(line, "a mapping's key must be a string")
        if len(self._stack) >= MAX_DEPTH:
            raise _RefusedError(line, f"the text is nested more than {MAX_DEPTH} levels deep")
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", f"{_TAG}{'map' if mapping else 'seq'}"):
            self.complain(line, f"the tag {shown(event.tag)} has no meaning here")
        self._forget(event.anchor)
        self._stack.append(_Open(line, event.anchor, {} if mapping else None))

    def _closed(self, top: _Open) -> Value:
        self._count(1, top.line)
        if top.entries is None:
            return Value(tuple(top.items), top.line, top.size)
        for value in top.merged:
            self._merge(top, value)
        return Value(top.entries, top.line, top.size)

    def _merge(self, top: _Open, value: Value) -> None:
        """`<<` gives the entries that are not written out; of several mappings the first has its way."""
        sources = value.data if isinstance(value.data, tuple) else (value,)
        for source in sources:
            if not isinstance(source.data, Mapping):
                raise _RefusedError(value.line, "<< takes a mapping or a list of mappings")
            self._count(source.size, value.line)
            for key, entry in source.data.items():
                if top.entries is not None and key not in top.entries:
                    top.entries[key] = entry
                    top.size += entry.size

    def _complete(self, value: Value, anchor: str | None) -> Document | None:
        """Hand a finished value to what it stands in."""
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._stack:
            return Document(self._number, value)
        top = self._stack[-1]
        if top.entries is None:
            top.items.append(value)
            top.size += value.size
        elif top.key is None:
            top.key, top.key_line = self._key(value), value.line
        else:
            self._enter(top, top.key, Value(value.data, top.key_line, value.size))
            top.key = None
        return None

    def _enter(self, top: _Open, key: str, value: Value) -> None:
        if key == "<<":
            top.merged.append(value)
        elif top.entries is not None and key in top.entries:
            self.complain(value.line, f"this key stands here twice, first on line {top.entries[key].line}")
        elif top.entries is not None:
            top.entries[key] = value
            top.size += value.size

    def _key(self, value: Value) -> str:
        match value.data:
            case str():
                return value.data
            case bool():
                return "true" if value.data else "false"
            case int() | float():
                return str(value.data)
        raise _RefusedError(value.line, "a mapping's key must be a string")

    def _alias(self, name: str, line: int) -> Value:
        if (value := self._anchors.get(name)) is None:
            raise _RefusedError(line, f"the alias *{shown(name)} stands for nothing that ended before it")
        self._count(value.size, line)
        return Value(value.data, line, value.size)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Scalar:
        self._count(1, line)
        if not event.value.isascii() and re.search(_HALF, event.value):  # libyaml refuses it itself
            raise _RefusedError(line, "this is not YAML: there is half a character in it")
        bare, quoted = event.implicit
        if event.tag is None and bare:
            return plain(event.value)
        if quoted or event.tag in (None, "!", f"{_TAG}str"):
            return event.value
        if event.tag in (f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float", f"{_TAG}null"):
            return plain(event.value)
        self.complain(line, f"the tag {shown(event.tag)} has no meaning here")
        return event.value

    def _forget(self, anchor: str | None) -> None:
        """A name given anew no longer stands for the old value, not even inside of the new one."""
        if anchor is not None:
            self._anchors.pop(anchor, None)

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _RefusedError(line, f"the file has more than {MAX_NODES:,} values once its aliases are expanded")

    def _path(self) -> Iterator[str]:
        steps = "".join(
            f"[{len(level.items)}]" if level.entries is None else f".{shown(level.key)}" if level.key else ""
            for level in self._stack
        )
        if steps:
            yield steps.removeprefix(".")


def note(problems: list[Problem], problem: Problem) -> None:
    """One more problem, as long as somebody would read it; not the same again."""
    if problems and problems[-1] == problem:
        return
    if len(problems) < MAX_PROBLEMS:
        problems.append(problem)
    elif len(problems) == MAX_PROBLEMS:
        what = f"there is more that is wrong; the first {MAX_PROBLEMS} problems are told"
        problems.append(Problem(problem.where.partition(": ")[0], what))


def shortened(text: str) -> str:
    """The text, or its beginning: files hold strings of any length, messages do not."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def shown(text: str) -> str:
    """The same where no quotes stand around it: no sign of it ends the line or moves a terminal's cursor."""
    return in_line(shortened(text))
