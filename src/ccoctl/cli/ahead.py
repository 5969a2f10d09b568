"""What `helping` and `completing` answer from, made of what click would say: `python -m ccoctl.cli.ahead`.

A test holds that the two files are what this would make.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ccoctl.cli import completing, helping
from ccoctl.cli.completion import SHELLS, script
from ccoctl.cli.reference import context_of, help_text
from ccoctl.cli.table import COMMANDS, GROUPS, help_of, names_below

_HEAD = "Made by `python -m ccoctl.cli.ahead` of what click prints; a test holds it true.\n"


def texts() -> str:
    """The help of every group and command, each below its title."""
    return "\n".join([_HEAD, *(f"{_mark(path)}{' '.join(['ccoctl', *path])}\n\n{help_text(path)}\n" for path in PATHS)])


def _mark(path: tuple[str, ...]) -> str:
    return helping.COMMAND if path in COMMANDS else helping.GROUP


def data() -> str:
    """What completion needs of every group and command, and the scripts that shells load, as JSON, an option a line."""
    scripts = json.dumps({shell: f"{script(shell)}\n" for shell in SHELLS})
    commands = ",\n".join(f'"{" ".join(path)}": {_described(path)}' for path in PATHS)
    return f'{{"scripts": {scripts},\n"commands": {{\n{commands}\n}}}}\n'


def _described(path: tuple[str, ...]) -> str:
    context = context_of(path)
    parameters = context.command.get_params(context)
    below = {name: help_of((*path, name)) for name in names_below(path)}
    arguments = [
        {"takes": _takes(context, one), "many": one.nargs == -1}
        for one in parameters
        if isinstance(one, click.Argument)
    ]
    options = [_option(context, one) for one in parameters if isinstance(one, click.Option) and not one.hidden]
    lines = ",\n  ".join(json.dumps(option) for option in options)
    return f'{{"below": {json.dumps(below)}, "arguments": {json.dumps(arguments)}, "options": [\n  {lines}\n]}}'


def _option(context: click.Context, option: click.Option) -> dict[str, Any]:
    return {
        "names": [*option.opts, *option.secondary_opts],
        "takes": None if option.is_flag else _takes(context, option),
        "many": option.multiple,
        "help": option.help or "",
    }


def _takes(context: click.Context, parameter: click.Parameter) -> str | list[str]:
    """What a value may be: `file` or `dir`, one of a list, or any text."""
    offered = parameter.shell_complete(context, "")
    kinds = {item.type for item in offered} - {"plain"}
    return kinds.pop() if kinds else [item.value for item in offered] or "text"


PATHS: tuple[tuple[str, ...], ...] = ((), *GROUPS, *COMMANDS)
"""Of every group and command, the root first."""

if __name__ == "__main__":
    Path(helping.TEXT).write_text(texts(), encoding="utf-8")
    Path(completing.DATA).write_text(data(), encoding="utf-8")
