"""Help and version from a text that was made ahead; a command line of another kind has no answer here.

Imported for every command line: it must not import anything itself.
"""

from __future__ import annotations

from ccoctl import __version__

TYPE_CHECKING = False  # importing typing would take longer than an answer
if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = f"{__file__.rpartition('helping')[0]}help.txt"
"""What `--help` prints: a section for each group, under `# ccoctl NAMES`, and each command, under `## ccoctl NAMES`."""
GROUP, COMMAND = "# ", "## "
VERSION = f"ccoctl {__version__} (Python)"

_HELP = ("-h", "--help")


def answer(argv: Sequence[str]) -> str | None:
    """What a command line prints that asks for nothing but help or the version, as click would print it."""
    line = list(argv)
    if line == ["--version"]:
        return f"{VERSION}\n"
    if line and line[-1] in _HELP:
        return _section(line[:-1])
    if line and line[0] == "help":
        return _section(line[1:])
    return _section(line, alone=True)


def _section(names: list[str], *, alone: bool = False) -> str | None:
    """The help of a command or group; of a group only where its names are `alone` on the line, since a command runs."""
    title = " ".join(["ccoctl", *names])
    if title.split() != ["ccoctl", *names]:  # spaces inside of a name
        return None
    text = _text()
    for mark in (GROUP,) if alone else (GROUP, COMMAND):
        _, found, rest = text.partition(f"\n{mark}{title}\n\n")
        if found:
            return rest.partition(f"\n\n{GROUP[0]}")[0].rstrip("\n") + "\n"
    return None


def _text() -> str:
    try:
        with open(TEXT, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is a fifth of the time that is to be saved
            return file.read()
    except OSError:  # inside of a zip file, for one
        return ""
