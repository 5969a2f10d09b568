"""Directories of CredentialsRequests as nobody should make them.

A case follows from its number alone. It begins with real documents, gets up to three mistakes of the tree, is written
in one of several forms of YAML, and then the text or the files are spoiled at times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.fuzz import nasty
from tests.fuzz.grammar import OWN, Draft, as_json, block, flow, node_of
from tests.fuzz.mistakes import TREE

MOST_BYTES = 6_000_000
"""Of a file; no command reads as many."""
OUTSIDE = b"../outside/secret"
"""What a link of a case leads to: a file beside the directory of requests."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link instead of a file."""

    target: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """What a directory of requests is to hold."""

    number: int
    mistakes: tuple[str, ...]
    files: Mapping[bytes, bytes | Link | None]
    """Name → content, a link, or a named pipe that nobody writes to."""


def real_documents(folder: Path) -> tuple[Any, ...]:
    """The requests of real releases, where they are there."""
    files = sorted(folder.glob("4.1[358]/aws/*.yaml"))
    return tuple(one for file in files for one in yaml.safe_load_all(file.read_bytes()) if one)


def case(number: int, real: tuple[Any, ...] = ()) -> Case:
    """The case of that number; `real` are documents to begin with beside our own."""
    random = Random(number)
    begun = [node_of(random.choice(random.choice((OWN, real or OWN)))) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    draft = Draft(random, begun)
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3))):
        mistake = random.choice(TREE)
        draft.mistakes.append(mistake.__name__)
        mistake(draft)
    form = random.choice((block, block, flow, as_json))
    data = form(draft.documents).encode("utf-8", "surrogatepass")
    if random.random() < 0.25:
        data = _once(draft, TEXT, data)
    data = data[:MOST_BYTES]
    name = b"requests.json" if form is as_json and random.random() < 0.7 else b"requests.yaml"
    files: Mapping[bytes, bytes | Link | None] = {name: data}
    if random.random() < 0.12:
        files = _once(draft, FILES, name, data)
    return Case(number, (form.__name__, *draft.mistakes), files)


def _once(draft: Draft, choices: tuple[Callable[..., Any], ...], *given: Any) -> Any:
    mistake = draft.random.choice(choices)
    draft.mistakes.append(mistake.__name__)
    return mistake(draft.random, *given)


# mistakes of the text


def another_encoding(random: Random, data: bytes) -> bytes:
    """UTF-16, UTF-32 or Latin-1, with and without a byte order mark."""
    encoding = random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-7", "utf-8-sig"))
    encoded: bytes = data[:100_000].decode("utf-8", "replace").encode(encoding)
    return encoded


def bytes_in_it(random: Random, data: bytes) -> bytes:
    """Bytes that are no text, somewhere."""
    at = random.randrange(len(data) + 1)
    strange = (b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xfe\xff", b"\x1b[2J", b"\x85")
    return data[:at] + random.choice(strange) * random.choice((1, 1, 5000)) + data[at:]


def characters_in_it(random: Random, data: bytes) -> bytes:
    """Signs that mean something to YAML, or to a terminal, somewhere."""
    text = data.decode("utf-8", "replace")
    at = random.randrange(len(text) + 1)
    signs = (
        *"\t:-?[]{}&*!|>'\"%@`#,",
        "\r",
        "\r\n",
        "\u2028",
        "\ufeff",
        "- ",
        ": ",
        "\n---\n",
        "\n...\n",
        "<<: ",
        "*a ",
    )
    return f"{text[:at]}{random.choice((*signs, *nasty.CONTROLS))}{text[at:]}".encode("utf-8", "replace")


def a_piece_of_it(random: Random, data: bytes) -> bytes:
    """The text cut, or a part of it left out, or there twice."""
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return random.choice((data[:start], data[end:], data[:start] + data[end:], data[:end] + data[start:]))


def a_directive(random: Random, data: bytes) -> bytes:
    """Directives before the first document."""
    lines = ("%YAML 1.1", "%YAML 2.0", "%TAG ! tag:x,2000:", "%TAG !e! tag:yaml.org,2002:", "%TAG", "%FORGED x", "%")
    return random.choice(lines).encode() + b"\n" + data


def other_line_ends(random: Random, data: bytes) -> bytes:
    """Line ends of other systems, or of Unicode."""
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", "\x85".encode(), "\u2028".encode(), b"\n\n", b"\n \n")))


def many_documents(random: Random, data: bytes) -> bytes:
    """Separators without end, or the same documents again and again."""
    return random.choice((b"---\n" * 300_000, data + b"---\n" * 50_000, (data + b"\n---\n") * 40, b"--- {}\n" * 90_000))


def escapes(random: Random, data: bytes) -> bytes:
    """Every character of some strings as an escape, of a kind that JSON has or YAML alone."""
    text = data.decode("utf-8", "replace")
    write = random.choice(("\\u{:04x}", "\\U{:08x}", "\\x{:02x}"))
    for word in ("kind", "name", "Allow", "namespace"):
        text = text.replace(json.dumps(word), '"' + "".join(write.format(ord(sign)) for sign in word) + '"')
    return text.encode("utf-8", "replace")


def padding(random: Random, data: bytes) -> bytes:
    """Megabytes of nothing around it."""
    nothing = random.choice(
        (b"#" * 4_000_000, b" " * 3_000_000, b"\n" * 4_190_000, b"# x\n" * 1_000_000, b"#" * 5_000_000)
    )
    return nothing + b"\n" + data if random.random() < 0.5 else data + nothing


TEXT: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(another_encoding, bytes_in_it, bytes_in_it, characters_in_it, characters_in_it, a_piece_of_it),
    *(a_directive, other_line_ends, many_documents, escapes, padding),
)


# mistakes of the files

Files = Mapping[bytes, "bytes | Link | None"]


def a_strange_name(random: Random, name: bytes, data: bytes) -> Files:
    """A file whose name is no text, or obeyed by a terminal."""
    ending = name.rpartition(b".")[2]
    names = (
        b"\xff\xfe",
        b"a\nFORGED",
        b"\x1b[31m",
        "\u202etxt".encode(),
        b"-rf",
        b"..",
        b"a" * 240,
        b" ",
        b"$(touch FORGED)",
    )
    return {random.choice(names) + b"." + random.choice((ending, ending.upper())): data}


def two_of_it(random: Random, name: bytes, data: bytes) -> Files:
    """The same once more, or something else beside it."""
    other = random.choice((data, data.replace(b"Describe", b"Delete"), b"", b"\0", b"kind: ConfigMap\n"))
    return {name: data, random.choice((b"more.yaml", b"below/more.yaml", b"MORE.YAML", b"notes.txt")): other}


def a_link(random: Random, name: bytes, data: bytes) -> Files:
    """A link to nothing, to itself, or to a file that is no business of ours."""
    return {name: data, b"link.yaml": Link(random.choice((b"gone", b"link.yaml", OUTSIDE, b"/dev/zero", b"..", name)))}


def a_pipe(random: Random, name: bytes, data: bytes) -> Files:
    """A named pipe, whose end never comes."""
    return {name: data, b"pipe.yaml": None} if random.random() < 0.5 else {name: None}


def not_yaml_by_name(random: Random, name: bytes, data: bytes) -> Files:
    """JSON named as YAML or the other way round, or a name that is not looked at."""
    return {random.choice((b"requests.yml", b"requests.json", b"requests.txt", b"requests.yaml.bak", b".yaml")): data}


FILES: tuple[Callable[[Random, bytes, bytes], Files], ...] = (
    *(a_strange_name, a_strange_name, two_of_it, two_of_it, a_link, a_pipe, not_yaml_by_name),
)
