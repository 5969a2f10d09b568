"""Completion of commands, flags and values from data that was made ahead.

What is told to the shell is what click would tell it; words that need more than a look at the data (quotes, abbreviated
flags, what is wrong already) have no answer here and are left to click. Imported for every command line: it must not
import anything before it is asked.

Source: click's documentation, "Shell Completion", for what a shell sends and takes.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take longer than an answer
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Item: TypeAlias = tuple[str, str, str]
    """Kind (`plain`, `file`, `dir`), value and help, which may be empty."""

VARIABLE = "_CCOCTL_COMPLETE"
DATA = f"{__file__.rpartition('completing')[0]}completion.json"
"""`scripts` by shell; `commands` by their names: what is below, options and arguments in click's order.

What an option or argument `takes` is null for a flag, `file`, `dir`, a list of choices, or `text` of any kind.
"""


def answer(asked: str, environment: Mapping[str, str]) -> bytes | None:
    """What the shell gets that asked, `bash_complete` for one, as its variables describe the line."""
    shell, _, wanted = asked.partition("_")
    words = _words(shell, environment) if wanted == "complete" else None
    if words is None or (data := _data()) is None:
        return None
    items = complete(data["commands"], *words)
    return None if items is None else ("\n".join(_told(shell, *item) for item in items) + "\n").encode()


def script(shell: str) -> str | None:
    """The script that a shell loads."""
    data = _data()
    return None if data is None else data["scripts"].get(shell)


def _data() -> Any:
    import json

    try:
        with open(DATA, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is a fifth of the time that is to be saved
            return json.load(file)
    except OSError:  # inside of a zip file, for one
        return None


def _words(shell: str, environment: Mapping[str, str]) -> tuple[list[str], str] | None:
    """The words before the one to complete, without the program's name, and that one as far as it is there."""
    line, word = environment.get("COMP_WORDS", ""), environment.get("COMP_CWORD", "")
    if not _is_plain(line) or not _is_plain(word):
        return None
    words = line.split()
    if shell == "fish":
        before = words[1:]
        return before[:-1] if word and before[-1:] == [word] else before, word
    if shell not in {"bash", "zsh"} or not word.isdigit():
        return None
    number = int(word)
    before, wanted = words[1:number], words[number] if number < len(words) else ""
    return _joined(before, wanted) if shell == "bash" else (before, wanted)


def _joined(before: list[str], word: str) -> tuple[list[str], str]:
    """`--flag=value` whole again: to bash the sign is a word of its own."""
    joined: list[str] = []
    for part in [*before, word]:
        flag = joined[-1] if joined and joined[-1].startswith("--") else ""
        if flag and (part == "=" or (flag.endswith("=") and part)):
            joined[-1] += part
        else:
            joined.append(part)
    return joined[:-1], joined[-1]


def _is_plain(text: str) -> bool:
    """True where splitting at spaces is all that a shell would do."""
    return text.isascii() and (text.isprintable() or not text) and not set("\"'\\") & set(text)


def _told(shell: str, kind: str, value: str, help_: str) -> str:
    match shell:
        case "zsh":
            return f"{kind}\n{value.replace(':', chr(92) + ':') if help_ else value}\n{help_ or '_'}"
        case "fish" if help_:
            return f"{kind},{value}\t{help_}"
        case _:
            return f"{kind},{value}"


def complete(commands: Mapping[str, Any], before: list[str], word: str) -> list[Item] | None:
    """What the word may become; None where the line is not one that the data alone explains."""
    names: list[str] = []
    while before and before[0] in commands[" ".join(names)]["below"]:
        names.append(before[0])
        before = before[1:]
    command = commands[" ".join(names)]
    if "--" in before or (before and command["below"]):  # an unknown command, or a flag before one
        return None
    options = {name: option for option in command["options"] for name in option["names"]}
    if (read := _read(before, options)) is None:
        return None
    given, positional = read
    if word == "=":  # bash takes it for a word of its own
        word = ""
    elif "=" in word and word[0] == "-":
        name, _, word = word.partition("=")
        before = [*before, name]
    if not word.startswith("-"):
        if before and (option := options.get(before[-1])) and option["takes"]:
            return _values(option["takes"], word)
        for number, argument in enumerate(command["arguments"]):
            if argument["many"] or number >= positional:
                return _values(argument["takes"], word)
    below = [("plain", name, help_) for name, help_ in command["below"].items() if name.startswith(word)]
    return below + _flags(command["options"], given, word)


def _read(before: list[str], options: Mapping[str, Any]) -> tuple[set[str], int] | None:
    """The options given, each by its first name, and the number of arguments; None where a word is strange."""
    given: set[str] = set()
    positional = 0
    words = iter(before)
    for word in words:
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            positional += 1
        elif (option := options.get(name)) is None or (equals and not option["takes"]):
            return None
        elif equals or not option["takes"] or next(words, None) is not None:
            given.add(option["names"][0])
    return given, positional


def _values(takes: str | list[str], word: str) -> list[Item]:
    if isinstance(takes, list):
        return [("plain", value, "") for value in takes if value.startswith(word)]
    return [] if takes == "text" else [(takes, word, "")]


def _flags(options: list[Any], given: set[str], word: str) -> list[Item]:
    """The names of options that may still be given; words that begin as names do ask for none."""
    if not word or word[0].isalnum():
        return []
    return [
        ("plain", name, option["help"])
        for option in options
        if option["many"] or option["names"][0] not in given
        for name in option["names"]
        if name.startswith(word)
    ]
