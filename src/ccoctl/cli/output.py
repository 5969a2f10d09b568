"""Results to stdout, everything else to stderr; nothing that a server or a file says reaches a terminal unescaped."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

import click

from ccoctl.errors import FileError


def printable(text: str) -> str:
    """Text whose control characters, but line ends and tabs, are shown instead of sent to the terminal."""
    return "".join(
        character if character in "\n\t" or character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def result(text: str) -> None:
    """A result for people.

    Raises:
        FileError: there is no room for it.
    """
    _write(printable(text))


def result_json(value: object) -> None:
    """A result for scripts.

    Raises:
        FileError: there is no room for it.
    """
    _write(json.dumps(value, indent=2, default=str))


def _write(text: str) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as failure:
        discard()
        raise FileError(f"{UNWRITABLE}: {failure.strerror}") from failure


UNWRITABLE = "the output cannot be written"


def discard() -> None:
    """What is still to be written to stdout, be it at exit, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Something beside the result."""
    click.echo(printable(f"note: {text}"), err=True)


def error(text: str) -> None:
    """What went wrong."""
    click.echo(printable(f"ccoctl: {text}"), err=True)


def error_json(value: dict[str, Any]) -> None:
    """What went wrong, for scripts."""
    click.echo(json.dumps({"error": value}, indent=2, default=str), err=True)


def is_terminal(stream: TextIO) -> bool:
    """True when a person reads the stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def can_ask() -> bool:
    """True when there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Ask on the terminal; no answer is a no."""
    return click.confirm(question, default=False, err=True)
